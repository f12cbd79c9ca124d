"""One module per ./xdog command."""
