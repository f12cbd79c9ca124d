"""The path on which a lifted object is drawn back: up first, then back, in small steps of all joints."""

import numpy as np
import pytest

from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import load_description
from xdog.grasp.config import load_pick_config
from xdog.grasp.retreat import LARGEST_CHANGE, WAYPOINT, plan_retreat
from xdog.grasp.trunk_pose import TrunkPose

ROBOT = load_description()
ARM = ArmKinematics(ROBOT)
MOUNT = ROBOT.fixed_transform(ARM.base)
CARRY = np.append(load_pick_config().poses.carry, 0.4)
TRUNK = TrunkPose(0.20, pitch=0.15)


def tools(path: "list[np.ndarray]") -> np.ndarray:
    """(n, 3) m, gripper_frame in the level frame."""
    return np.array([TRUNK.to_level(MOUNT.to_reference(ARM.forward(pose)[0])) for pose in path])


@pytest.mark.parametrize("ahead", [0.25, 0.35])
def test_it_leads_up_then_back_then_to_the_body(ahead: float) -> None:
    start = np.append(ARM.inverse([ahead, 0.05, 0.02], 0.4, -1.52), 0.4)
    path = plan_retreat(ARM, MOUNT, TRUNK, start, CARRY)
    places = tools([start, *path])
    steps = np.diff(places, axis=0)[:-1]
    up, back = steps[:, 2] > 0.5 * WAYPOINT, steps[:, 0] < -0.5 * WAYPOINT
    assert up.any()
    assert (up | back).all()
    first_back = int(np.argmax(back)) if back.any() else len(steps)
    assert up[:first_back].all()  # no step back before it is up
    np.testing.assert_array_equal(path[-1], CARRY)
    assert all(pose[5] == 0.4 for pose in path)
    assert np.abs(np.diff([start, *path[:-1]], axis=0)).max() < LARGEST_CHANGE


def test_an_arm_that_is_there_already_goes_straight() -> None:
    path = plan_retreat(ARM, MOUNT, TRUNK, CARRY, CARRY)
    assert len(path) == 1


def test_where_the_arm_cannot_rise_it_ends_all_the_same() -> None:
    stretched = np.array([0.0, 0.0, 0.0, 0.0, -1.52, 0.4])
    path = plan_retreat(ARM, MOUNT, TRUNK, stretched, CARRY)
    np.testing.assert_array_equal(path[-1], CARRY)
