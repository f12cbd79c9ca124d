"""The mirror: one simulated XDog or many, and their tasks."""
