"""The gripper's gap and its joint's angle."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.arm.gripper import Gripper
from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import DescriptionError, load_description

ROBOT = load_description()
GRIPPER = Gripper(ROBOT)
LOWER, UPPER = float(ROBOT.arm.lower[5]), float(ROBOT.arm.upper[5])


def test_the_range_is_that_of_the_joint_and_beyond_it_nothing_opens_further() -> None:
    smallest, largest = GRIPPER.range
    assert 0.0 <= smallest < 0.005 < 0.08 < largest < 0.15  # m; an SO101 takes objects of 5 to 8 cm
    assert (GRIPPER.gap(LOWER - 1.0), GRIPPER.gap(UPPER + 1.0)) == (smallest, largest)
    assert (GRIPPER.angle(-1.0), GRIPPER.angle(1.0)) == (pytest.approx(LOWER), pytest.approx(UPPER))


@given(st.floats(LOWER, UPPER), st.floats(LOWER, UPPER))
def test_the_gap_grows_with_the_angle_and_back(one: float, other: float) -> None:
    assert GRIPPER.angle(GRIPPER.gap(one)) == pytest.approx(one, abs=1e-9)
    if one < other:
        assert GRIPPER.gap(one) <= GRIPPER.gap(other)


def test_the_lever_is_the_fingertips_distance_from_the_axis() -> None:
    """A small turn of the joint moves the fingertip by lever times angle."""
    arm, step, before, after = ArmKinematics(ROBOT), 1e-4, np.zeros(6), np.zeros(6)
    before[5], after[5] = 0.3, 0.3 + 1e-4
    tip = next(g for g in ROBOT.links[arm.links[6]].collisions[::-1])
    places = []
    for pose in (before, after):
        origins, rotations = arm.link_poses(pose[None])
        places.append(origins[0, 6] + rotations[0, 6] @ np.array(tip.xyz))
    assert GRIPPER.lever >= np.linalg.norm(places[1] - places[0]) / step - 1e-6


def test_a_finger_without_a_collision_shape_is_named() -> None:
    finger = ArmKinematics(ROBOT).links[6]
    links = {**ROBOT.links, finger: replace(ROBOT.links[finger], collisions=())}
    with pytest.raises(DescriptionError, match=f"{finger} has no collision shape"):
        Gripper(replace(ROBOT, body=replace(ROBOT.body, links=links)))
