"""The demo: a simulated XDog in a real ROS graph follows a course; the results are metrics, a plot and a video."""
