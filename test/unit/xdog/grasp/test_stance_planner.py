"""From detections to a stance: how the trunk is held, which object is meant, how to get at it."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from pick_bench import CHOOSER, ROBOT, STANCE

from xdog.arm.kinematics import ArmKinematics, IkError
from xdog.core.config_file import ConfigError
from xdog.core.rotations import euler_quaternion
from xdog.grasp.object_tracker import TrackedDetection, Tracker
from xdog.grasp.stance_planner import OutOfReachError, load_grasp_workspace
from xdog.grasp.trunk_pose import TrunkPose, measure_trunk_pose, standing_trunk_pose
from xdog.locomotion.stance import BodyPose

SIZE = np.array([0.04, 0.04, 0.04])
HEIGHT = 0.15 * (math.cos(0.65) + math.cos(0.60)) + 0.0205
"""Of base_link in the stand pose, by hand, m."""


def test_plain_standing_is_as_high_as_the_legs_say() -> None:
    assert standing_trunk_pose(STANCE.legs, STANCE.stand).height == pytest.approx(HEIGHT, abs=1e-4)


def test_a_crouched_and_leaning_dog_is_measured() -> None:
    pose = BodyPose(height=-0.06, pitch=0.2)
    joints = STANCE.legs.joints(STANCE.feet_at(pose))
    # The IMU's axes are the base's.
    posture = measure_trunk_pose(STANCE.legs, np.eye(3), joints, euler_quaternion(0.0, 0.2, 1.1))
    assert posture.pitch == pytest.approx(0.2, abs=1e-6)
    assert posture.roll == pytest.approx(0.0, abs=1e-6)
    assert posture.height == pytest.approx(HEIGHT - 0.06, abs=2e-3)


def test_level_frame_by_hand() -> None:
    """Nose down by 30 degrees, 0.3 m up: a point 0.2 m ahead in the base is 0.1 m lower and 0.173 m ahead."""
    posture = TrunkPose(0.3, 0.0, math.radians(30.0))
    assert posture.to_level(np.array([0.2, 0.0, 0.0])) == pytest.approx([0.2 * math.cos(math.pi / 6.0), 0.0, 0.2])
    assert posture.to_base(posture.to_level(np.array([0.3, -0.1, 0.2]))) == pytest.approx([0.3, -0.1, 0.2])
    assert posture.gravity == pytest.approx([0.5, 0.0, -math.cos(math.pi / 6.0)])


def seen(stamp: float, x: float, label: str = "ball") -> TrackedDetection:
    return TrackedDetection(stamp, label, np.array([x, 0.0, 0.02]), SIZE)


def test_the_nearest_of_the_label_is_chosen_and_followed() -> None:
    tracker = Tracker(gate=0.1, memory=3)
    with pytest.raises(ValueError, match="no object"):
        tracker.place()
    assert tracker.choose([seen(0.0, 0.5), seen(0.0, 0.3, "cup"), seen(0.0, 0.4)], "ball", np.zeros(3)).centre[0] == 0.4
    assert tracker.follow([seen(0.1, 0.3, "cup"), seen(0.1, 0.42), seen(0.1, 0.5)])
    assert not tracker.follow([seen(0.1, 0.42)]), "the same picture twice"
    assert not tracker.follow([seen(0.2, 0.8)]), "nothing jumps that far"
    assert tracker.follow([seen(0.3, 0.44)])
    assert tracker.steady
    assert tracker.place()[0] == pytest.approx(0.42)


def test_a_nearer_one_that_the_first_picture_missed_is_taken() -> None:
    tracker, here = Tracker(0.1, 5), np.zeros(3)
    tracker.choose([seen(0.0, 2.0)], "ball", here)
    tracker.choose([seen(0.1, 2.0), seen(0.1, 0.4)], "ball", here)
    assert tracker.place()[0] == 0.4
    tracker.choose([seen(0.2, 0.35)], "ball", here)  # nearer by less than the gate: no reason to begin anew
    assert tracker.place()[0] == 0.4


@pytest.mark.parametrize("bottom", [0.0, 0.18, 0.6])
def test_the_stance_is_one_that_was_learned_for_such_a_height(bottom: float) -> None:
    centre = np.array([0.33, 0.05, bottom + 0.02])
    pose = CHOOSER.choose(centre, SIZE)
    support = next(s for s in load_grasp_workspace().supports if s.height[0] <= bottom <= s.height[1])
    assert support.rise[0] <= pose.height <= support.rise[1]
    assert support.pitch[0] <= pose.pitch <= support.pitch[1]


def test_what_is_chosen_can_be_reached_and_advice_helps() -> None:
    arm = ArmKinematics(ROBOT)
    for x, y, z in itertools.product((0.1, 0.35, 0.6), (-0.3, 0.1), (0.02, 0.6, 1.2)):
        centre = np.array([x, y, z])
        try:
            posture = CHOOSER.posture(CHOOSER.choose(centre, SIZE))
        except OutOfReachError as error:
            if error.step is None:
                continue
            distance = math.hypot(x, y)
            bearing = math.atan2(y, x)
            low, high = load_grasp_workspace().azimuth
            if not low <= bearing <= high:
                bearing = 0.0
            nearer = (distance - error.step) * np.array([math.cos(bearing), math.sin(bearing)])
            CHOOSER.choose(np.array([*nearer, z]), SIZE)
            continue
        point, found = CHOOSER.arm_base.from_reference(posture.to_base(centre)), 0
        for pitch in np.radians(np.arange(-40.0, 100.0, 5.0)):
            try:
                position, _ = arm.forward(arm.inverse(point, pitch))
            except IkError:
                continue
            assert position == pytest.approx(point, abs=1e-6)
            found += 1
        assert found, centre


def test_a_file_without_ranges_is_named(tmp_path: Path) -> None:
    path = tmp_path / "grasp_scenarios.yaml"
    path.write_text("supports: {ground: {height: [0, 0]}}\nplace: {radius: [0.1, 0.4], azimuth: [-1, 1]}\n")
    with pytest.raises(ConfigError, match=r"grasp_scenarios\.yaml"):
        load_grasp_workspace(path)
