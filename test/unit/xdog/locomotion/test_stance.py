"""Standing up, lying down and body poses: smooth targets, and how the simulated robot follows them."""

import dataclasses
import math
from typing import Callable, List

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdog.core.description import load_description
from xdog.core.interfaces import LegsTarget
from xdog.core.rotations import rotation_matrix
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.stance import BodyPose, LieDown, Stance, StandUp, smooth
from xdog_sim.config import load_sim_config
from xdog_sim.robot import SimulatedRobot

ROBOT = load_description()
CONFIG = load_locomotion_config()
STANCE = Stance(ROBOT, CONFIG.stance, CONFIG.body_pose)
LEGS = ROBOT.legs
STAND, LIE = LEGS.poses["stand"], LEGS.poses["lie"]
HIP_HEIGHT = 0.15 * (math.cos(0.65) + math.cos(0.60)) + 0.0205
"""Of the stand pose, by hand, m."""
PERIOD = 0.02
Array = np.ndarray

any_pose = st.tuples(*[st.floats(0.0, 1.0)] * 12).map(  # rounding must not put the last of them beyond the limit
    lambda s: np.minimum(LEGS.lower + np.array(s) * (LEGS.upper - LEGS.lower), LEGS.upper)
)


def sampled(motion: "StandUp | LieDown") -> List[LegsTarget]:
    return [motion.at(time) for time in np.arange(0.0, motion.duration + PERIOD, PERIOD)]


def test_smooth_is_minimum_jerk() -> None:
    assert [smooth(s) for s in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert smooth(0.25) == pytest.approx(10 / 64 - 15 / 256 + 6 / 1024)


@settings(max_examples=8, deadline=None)
@given(any_pose)
def test_standing_up_begins_where_the_legs_are_and_ends_standing(measured: Array) -> None:
    motion = StandUp(STANCE, measured)
    first, last = motion.at(0.0), motion.at(motion.duration)
    np.testing.assert_allclose(first.position, measured)
    assert not np.any(first.kp)
    assert not np.any(first.effort)
    np.testing.assert_allclose(last.position, STAND, atol=1e-9)
    np.testing.assert_array_equal(last.kp, 20.0)
    assert motion.duration <= 3.2


@settings(max_examples=8, deadline=None)
@given(any_pose)
def test_standing_up_is_smooth_and_within_limits(measured: Array) -> None:
    targets = sampled(StandUp(STANCE, measured))
    positions = np.array([target.position for target in targets])
    assert np.all(positions >= LEGS.lower)
    assert np.all(positions <= LEGS.upper)
    assert np.max(np.abs(np.diff(positions, axis=0))) < 0.75 * PERIOD * LEGS.velocity[0]
    assert np.max(np.abs([target.effort for target in targets])) < 3.0


def test_standing_up_from_lying_pushes_straight_away() -> None:
    motion = StandUp(STANCE, LIE)
    assert motion.duration == CONFIG.stance.push_time
    heights = [STANCE.legs.feet(target.position)[:, 2] for target in sampled(motion)]
    assert np.all(np.diff(heights, axis=0) <= 1e-6)


def test_legs_away_from_their_footholds_are_folded_first() -> None:
    forward = np.tile([0.0, 1.5, 0.5], 4)
    motion = StandUp(STANCE, forward)
    assert motion.duration > CONFIG.stance.push_time + 0.5
    folded = motion.at(motion.duration - CONFIG.stance.push_time)
    np.testing.assert_allclose(folded.position, LIE, atol=1e-9)
    np.testing.assert_allclose(folded.effort, 0.0, atol=1e-9)


def test_feed_forward_carries_a_quarter_of_the_weight_with_each_leg() -> None:
    target = STANCE.target(STAND)
    weight = ROBOT.mass * 9.81 / 4.0
    hip_arm = 0.15 * (-math.sin(0.65) + math.sin(0.60))
    left = [-weight * 0.077, -weight * hip_arm, -weight * 0.15 * math.sin(0.60)]
    np.testing.assert_allclose(target.effort[3:6], left, rtol=1e-9)
    np.testing.assert_allclose(target.effort[9:12], left, rtol=1e-9)
    np.testing.assert_allclose(target.effort[0], -left[0], rtol=1e-9)


def test_lying_down_ends_lying_with_zero_kp() -> None:
    motion = LieDown(STANCE, STAND)
    targets = sampled(motion)
    np.testing.assert_array_equal(targets[0].position, STAND)
    np.testing.assert_array_equal(targets[0].kp, 20.0)
    np.testing.assert_array_equal(targets[-1].position, LIE)
    assert not np.any(targets[-1].kp)
    assert not np.any(targets[-1].effort)
    assert np.all(targets[-1].kd > 0.0)
    assert np.max(np.abs(np.diff([target.position for target in targets], axis=0))) < 0.1


def test_body_poses_move_the_feet_the_other_way() -> None:
    feet = STANCE.standing_feet
    np.testing.assert_allclose(STANCE.feet_at(BodyPose(height=-0.05)), np.add(feet, [0.0, 0.0, 0.05]), atol=1e-12)
    # Nose down by 0.1 rad: the ground's point (x, z) is seen at (x cos - z sin, x sin + z cos).
    pitched = STANCE.feet_at(BodyPose(pitch=0.1))
    x, z = feet[0, 0], feet[0, 2]
    np.testing.assert_allclose(pitched[0, 0], x * math.cos(0.1) - z * math.sin(0.1))
    np.testing.assert_allclose(pitched[0, 2], x * math.sin(0.1) + z * math.cos(0.1))
    assert STANCE.feet_at(BodyPose(roll=0.1))[1, 2] < feet[1, 2]  # left side up: the left foot is further down
    assert STANCE.feet_at(BodyPose(yaw=0.1))[0, 1] < feet[0, 1]  # nose to the left: the right front foot stays behind


poses = st.builds(BodyPose, *[st.floats(-2.0, 2.0)] * 4)


@settings(max_examples=30, deadline=None)
@given(poses)
def test_every_pose_is_limited_to_one_that_the_legs_reach(wanted: BodyPose) -> None:
    pose = STANCE.within_reach(wanted)
    limits = CONFIG.body_pose
    assert -limits.lower <= pose.height <= limits.rise
    assert max(abs(pose.roll) - limits.roll, abs(pose.pitch) - limits.pitch, abs(pose.yaw) - limits.yaw) <= 0.0
    target = STANCE.hold(pose)
    turn = rotation_matrix(pose.roll, pose.pitch, pose.yaw)
    ground = STANCE.legs.feet(target.position) @ turn.T + [0.0, 0.0, pose.height]
    np.testing.assert_allclose(ground, STANCE.standing_feet, atol=1e-9)


@pytest.mark.parametrize("name", ["height", "roll", "pitch", "yaw"])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_each_range_alone_is_in_reach(name: str, sign: float) -> None:
    limits = dataclasses.asdict(CONFIG.body_pose)
    most = limits["lower" if sign < 0.0 else "rise"] if name == "height" else limits[name]
    pose = BodyPose(**{name: sign * 1.5 * most})
    assert getattr(STANCE.within_reach(pose), name) == pytest.approx(sign * most)


def test_body_pose_changes_at_the_permitted_rate() -> None:
    pose = STANCE.approach(BodyPose(), BodyPose(height=-0.03, roll=0.08), 0.05)
    # 0.03 m takes 0.2 s, 0.08 rad takes 0.1 s: after 0.05 s both are a quarter of their way.
    np.testing.assert_allclose(pose.as_array(), [-0.0075, 0.02, 0.0, 0.0])
    assert STANCE.approach(pose, BodyPose(), 1.0) == BodyPose()


# In simulation.


@pytest.fixture(scope="module")
def simulated() -> SimulatedRobot:
    return SimulatedRobot(ROBOT, load_sim_config(), seed=1)


def tilt(sim: SimulatedRobot) -> float:
    x, y, _, _ = sim.ground_truth().orientation
    return math.acos(1.0 - 2.0 * (x * x + y * y))


def play(sim: SimulatedRobot, at: Callable[[float], LegsTarget], duration: float) -> "tuple[float, float]":
    """Returns the largest tilt (rad) and vertical speed (m/s) of the trunk on the way."""
    tilts, speeds = [], []
    for time in np.arange(0.0, duration, PERIOD):
        sim.legs.write(at(time))
        for _ in range(4):
            sim.step(5)
            tilts.append(tilt(sim))
            speeds.append(abs(sim.ground_truth().linear_velocity[2]))
    return max(tilts), max(speeds)


def test_the_robot_stands_up_and_lies_down_gently(simulated: SimulatedRobot) -> None:
    simulated.reset("lie")
    up = StandUp(STANCE, simulated.legs.read().position)
    tilted, speed = play(simulated, up.at, up.duration + 0.5)
    assert tilted < math.radians(3.0)
    assert speed < 0.4
    assert simulated.ground_truth().position[2] == pytest.approx(HIP_HEIGHT, abs=0.003)
    assert np.max(np.abs(simulated.legs.read().velocity)) < 0.3  # at rest: encoder noise, no oscillation
    down = LieDown(STANCE, STAND)
    tilted, speed = play(simulated, down.at, down.duration)
    assert tilted < math.radians(3.0)
    assert speed < 0.4
    assert simulated.ground_truth().position[2] < 0.06


@pytest.mark.parametrize("seed", range(2))
def test_the_robot_stands_up_from_its_belly_with_the_legs_anywhere(simulated: SimulatedRobot, seed: int) -> None:
    simulated.reset("lie")
    addresses = [simulated.model.joint(name).qposadr[0] for name in LEGS.names]
    simulated.data.qpos[2] = 0.3
    spread = np.tile([0.8, 0.0, 0.0], 4) * [-1, 1, 1, 1, 1, 1, -1, 1, 1, 1, 1, 1]  # abads outwards, the rest anywhere
    random = np.random.default_rng(seed).uniform(LEGS.lower, LEGS.upper) * np.tile([0.0, 1.0, 1.0], 4)
    simulated.data.qpos[addresses] = np.clip(spread + random, LEGS.lower, LEGS.upper)
    damped = LegsTarget(STAND, np.zeros(12), np.zeros(12), np.zeros(12), np.full(12, 0.5))
    play(simulated, lambda _: damped, 1.5)
    assert tilt(simulated) < CONFIG.stance.most_tilt
    up = StandUp(STANCE, simulated.legs.read().position)
    play(simulated, up.at, up.duration + 0.5)
    assert tilt(simulated) < math.radians(2.0)
    assert simulated.ground_truth().position[2] == pytest.approx(HIP_HEIGHT, abs=0.003)
