"""How the trunk is held above the ground, by hand and from measured joints, and what it was a moment ago."""

import math
import threading

import numpy as np
import pytest

from xdog.core.description import load_description
from xdog.core.rotations import euler_quaternion
from xdog.grasp.trunk_pose import TrunkPose, TrunkPoseHistory, measure_trunk_pose, standing_trunk_pose
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.kinematics import LegKinematics
from xdog.locomotion.stance import BodyPose, Stance

ROBOT = load_description()
LEGS = LegKinematics(ROBOT)
STAND = ROBOT.legs.poses["stand"]
LOCOMOTION = load_locomotion_config()
STANCE = Stance(ROBOT, LOCOMOTION.stance, LOCOMOTION.body_pose)
HEIGHT = 0.15 * (math.cos(0.65) + math.cos(0.60)) + 0.0205
"""Of base_link in the stand pose, by hand, m."""


def test_a_trunk_with_its_nose_down_sees_what_lies_ahead_lower_in_its_own_frame() -> None:
    pose = TrunkPose(0.25, pitch=math.radians(30.0))
    np.testing.assert_allclose(pose.to_level([0.0, 0.0, 0.0]), [0.0, 0.0, 0.25])
    # 0.2 m ahead in the trunk's frame is 0.2 cos 30 ahead and 0.2 sin 30 down
    np.testing.assert_allclose(pose.to_level([0.2, 0.0, 0.0]), [0.1732, 0.0, 0.15], atol=1e-4)
    np.testing.assert_allclose(pose.gravity, [math.sin(math.radians(30.0)), 0.0, -math.cos(math.radians(30.0))])
    np.testing.assert_allclose(pose.to_base(pose.to_level([0.2, -0.1, 0.05])), [0.2, -0.1, 0.05])


@pytest.mark.parametrize("yaw", [0.0, 1.0])
def test_standing_joints_and_a_level_imu_are_plain_standing(yaw: float) -> None:
    orientation = euler_quaternion(0.0, 0.0, yaw)
    pose = measure_trunk_pose(LEGS, np.eye(3), STAND, orientation)
    assert pose.height == pytest.approx(standing_trunk_pose(LEGS, STAND).height)
    assert (pose.roll, pose.pitch) == (pytest.approx(0.0), pytest.approx(0.0))


def test_plain_standing_is_as_high_as_the_legs_say() -> None:
    assert standing_trunk_pose(LEGS, STAND).height == pytest.approx(HEIGHT, abs=1e-4)


def test_a_crouched_and_leaning_dog_is_measured() -> None:
    joints = LEGS.joints(STANCE.feet_at(BodyPose(height=-0.06, pitch=0.2)))
    pose = measure_trunk_pose(LEGS, np.eye(3), joints, euler_quaternion(0.0, 0.2, 1.1))  # the IMU sits straight
    assert pose.pitch == pytest.approx(0.2, abs=1e-6)
    assert pose.roll == pytest.approx(0.0, abs=1e-6)
    assert pose.height == pytest.approx(HEIGHT - 0.06, abs=2e-3)


def test_an_orientation_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="quaternion"):
        measure_trunk_pose(LEGS, np.eye(3), STAND, np.zeros(4))


def test_the_pose_of_a_pictures_own_time_is_found() -> None:
    history = TrunkPoseHistory(3)
    assert history.at(1.0) is None
    for stamp in (1.00, 1.02, 1.04, 1.06):
        history.add(stamp, TrunkPose(stamp))
    found = {stamp: history.at(stamp) for stamp in (0.5, 1.02, 1.029, 1.031, 2.0)}
    heights = {stamp: pose.height for stamp, pose in found.items() if pose is not None}
    assert heights == {0.5: 1.02, 1.02: 1.02, 1.029: 1.02, 1.031: 1.04, 2.0: 1.06}, "the oldest is gone"


def test_after_the_clock_has_jumped_back_the_poses_before_it_are_forgotten() -> None:
    history = TrunkPoseHistory(10)
    for stamp in (1.00, 1.02, 1.04):
        history.add(stamp, TrunkPose(0.3))
    history.add(1.01, TrunkPose(0.2))
    pose = history.at(1.02)
    assert pose is not None
    assert pose.height == 0.2, "not the pose of another pass through the same time"


def test_a_pose_is_found_while_another_thread_adds_poses() -> None:
    history, ended = TrunkPoseHistory(200), threading.Event()

    def add() -> None:
        number = 0.0
        while not ended.is_set():
            number += 1.0
            history.add(number, TrunkPose(0.25, 0.0, 0.0))

    adding = threading.Thread(target=add)
    adding.start()
    try:
        for _ in range(3000):
            history.at(10.0)
    finally:
        ended.set()
        adding.join()
