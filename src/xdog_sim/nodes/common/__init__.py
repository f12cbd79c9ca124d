"""What the simulation's nodes share; none of these modules is a node."""
