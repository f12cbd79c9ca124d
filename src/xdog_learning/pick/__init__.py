"""Picking objects up with the whole dog, scored in the running graph."""
