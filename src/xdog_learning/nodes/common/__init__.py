"""Code shared by the nodes of recording and replay; none of these modules is a node."""
