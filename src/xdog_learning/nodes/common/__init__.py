"""What the nodes of recording and replay share; none of these modules is a node."""
