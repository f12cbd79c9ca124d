"""The arm follows keys and a leader arm: in the commanded direction, and never far ahead of the measured joints."""

import numpy as np
import pytest

from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import load_description
from xdog.teleop.arm import AXES, ArmJog, LeaderFollower
from xdog.teleop.config import load_teleop_config

Array = np.ndarray
ROBOT, CONFIG = load_description(), load_teleop_config().arm
KINEMATICS = ArmKinematics(ROBOT)
PERIOD = 0.02
START = np.array([0.3, -0.4, 0.9, 0.5, 0.2, 0.4])


def hold(jog: ArmJog, key: str, seconds: float) -> Array:
    """Hold a key; the measured arm is at its target."""
    for i in range(round(seconds / PERIOD)):
        jog.press(key, i * PERIOD)
        jog.step(i * PERIOD, PERIOD, jog.target)
    return jog.target


@pytest.mark.parametrize("key", ["r", "f", "w", "s"])
def test_the_gripper_moves_straight_at_its_speed_without_tilting(key: str) -> None:
    target = hold(ArmJog(ROBOT, CONFIG, START), key, 0.5)
    before, after = KINEMATICS.forward(START)[0], KINEMATICS.forward(target)[0]
    outward = before[:2] - KINEMATICS.link_poses(START)[0][1, :2]
    direction = np.array([0.0, 0.0, 1.0]) if key in "rf" else np.append(outward / np.linalg.norm(outward), 0.0)
    wanted = direction * CONFIG.linear * 0.5 * (1.0 if key in "rw" else -1.0)
    np.testing.assert_allclose(after - before, wanted, atol=1e-9)
    assert KINEMATICS.pitch(target) == pytest.approx(KINEMATICS.pitch(START), abs=1e-9)
    assert target[4:] == pytest.approx(START[4:])


def test_left_is_left_and_only_the_pan_turns() -> None:
    target = hold(ArmJog(ROBOT, CONFIG, START), "a", 0.4)
    before, after = KINEMATICS.forward(START)[0], KINEMATICS.forward(target)[0]
    assert before[0] * after[1] - before[1] * after[0] > 0.0  # counterclockwise, seen from above
    assert abs(target[0] - START[0]) == pytest.approx(0.4 * CONFIG.angular)
    np.testing.assert_allclose(target[1:], START[1:])


def test_tilting_keeps_the_position_and_g_is_down() -> None:
    target = hold(ArmJog(ROBOT, CONFIG, START), "g", 0.4)
    np.testing.assert_allclose(KINEMATICS.forward(target)[0], KINEMATICS.forward(START)[0], atol=1e-9)
    assert KINEMATICS.pitch(target) - KINEMATICS.pitch(START) == pytest.approx(0.4 * CONFIG.angular)


@pytest.mark.parametrize(("key", "joint", "speed"), [("o", 5, CONFIG.gripper), ("e", 4, CONFIG.angular)])
def test_gripper_and_roll_are_single_joints(key: str, joint: int, speed: float) -> None:
    change = hold(ArmJog(ROBOT, CONFIG, START), key, 0.2) - START
    assert change[joint] == pytest.approx(0.2 * speed)
    assert np.count_nonzero(np.abs(change) > 1e-12) == 1


def test_a_tap_is_a_nudge() -> None:
    jog = ArmJog(ROBOT, CONFIG, START)
    jog.press("r", 0.0)
    for i in range(100):
        jog.step(i * PERIOD, PERIOD, jog.target)
    risen = KINEMATICS.forward(jog.target)[0][2] - KINEMATICS.forward(START)[0][2]
    assert risen == pytest.approx(CONFIG.linear * CONFIG.nudge, rel=0.15)


def test_release_stops_at_once() -> None:
    jog = ArmJog(ROBOT, CONFIG, START)
    jog.press("r", 0.0)
    jog.release()
    np.testing.assert_array_equal(jog.step(0.0, PERIOD, START), START)


@pytest.mark.parametrize("key", sorted(AXES))
def test_the_target_stays_within_limits_and_moves_smoothly_for_every_key(key: str) -> None:
    jog = ArmJog(ROBOT, CONFIG, START)
    for i in range(1500):
        before = jog.target
        jog.press(key, i * PERIOD)
        after = jog.step(i * PERIOD, PERIOD, before)
        assert np.all((after >= ROBOT.arm.lower - 1e-9) & (after <= ROBOT.arm.upper + 1e-9))
        assert np.abs(after - before).max() <= CONFIG.lead
    assert jog.objection


def test_the_target_waits_for_an_arm_that_is_stuck() -> None:
    jog = ArmJog(ROBOT, CONFIG, START)
    for i in range(300):
        jog.press("a", i * PERIOD)
        jog.step(i * PERIOD, PERIOD, START)
    assert jog.objection == "waiting for the arm"
    assert np.abs(jog.target - START).max() <= CONFIG.lead
    jog.press("d", 300 * PERIOD)
    moved = jog.step(300 * PERIOD, PERIOD, START)
    assert not jog.objection
    assert np.abs(moved - START).max() < CONFIG.lead


def test_the_arm_moves_to_the_leader_slowly_and_then_follows_freely() -> None:
    follower = LeaderFollower(CONFIG, np.zeros(6))
    leader = np.array([0.5, -0.2, 0.0, 0.0, 0.0, 0.1])
    steps = 0
    while not follower.aligned:
        before = follower.target
        after = follower.step(PERIOD, leader)
        assert np.abs(after - before).max() <= CONFIG.align * PERIOD + 1e-12 or follower.aligned
        steps += 1
    assert steps * PERIOD == pytest.approx(0.5 / CONFIG.align, abs=0.1)
    np.testing.assert_allclose(follower.step(PERIOD, leader + 0.2), leader + 0.2)
