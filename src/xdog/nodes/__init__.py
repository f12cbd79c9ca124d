"""Thin ROS nodes, one a file."""
