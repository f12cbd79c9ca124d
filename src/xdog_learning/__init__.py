"""Training, evaluation and export of what XDog learns."""
