"""Many simulated robots behind one protocol."""
