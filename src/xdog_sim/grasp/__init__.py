"""The simulated grasp: where objects lie, the arm that picks them up, and the judge of it."""
