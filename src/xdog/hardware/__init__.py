"""What drives actuators and sensors; the protocols that robot and simulation share."""
