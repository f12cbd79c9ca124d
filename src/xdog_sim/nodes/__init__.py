"""ROS nodes of the simulation, one a file."""
