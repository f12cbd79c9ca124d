"""The demo: a simulated XDog in a real ROS graph follows a course; figures, a plot and a video come out."""
