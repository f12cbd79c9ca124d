"""Learning in the running ROS graph: recording a human's demonstrations, replaying them on the robot."""
