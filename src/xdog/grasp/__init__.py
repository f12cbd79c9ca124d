"""Picking objects: the grasp policy and its contract, where to stand and look, tracking, hand-over."""
