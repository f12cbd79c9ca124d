"""The arm on the robot: how it moves and what a grasp policy sees."""
