"""The simulation: one simulated XDog or many, and their tasks."""
