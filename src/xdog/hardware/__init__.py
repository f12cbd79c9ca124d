"""What drives actuators and sensors; the protocols that robot and mirror share."""
