"""Driving by hand: a keyboard in a terminal."""
