"""What every room builds on: the robot's description, rotations, interfaces, configuration files."""
