"""What the nodes share; none of these modules is a node."""
