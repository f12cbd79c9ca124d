"""The rules that keep the robot from harm."""
