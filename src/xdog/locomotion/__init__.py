"""Standing, walking, lying down: from velocity commands to leg targets."""
