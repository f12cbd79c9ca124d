"""ROS nodes of the mirror."""
