"""Simulated leg actuators and arm servos against numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.core.interfaces import LegsTarget
from xdog_sim.actuator import LegActuators, ServoGoals, torque_limits

PEAK, TOP, CORNER = np.array([9.1]), np.array([16.0]), 8.0
STEP = 0.001


def target(position: float = 0.0, velocity: float = 0.0, effort: float = 0.0, kp: float = 0.0, kd: float = 0.0):  # noqa: ANN201
    return LegsTarget(*(np.array([value]) for value in (position, velocity, effort, kp, kd)))


def actuator(ramp: float = 0.0, delay: float = 0.0) -> LegActuators:
    return LegActuators(STEP, PEAK, TOP, CORNER, ramp, delay)


def torque(legs: LegActuators, position: float = 0.0, velocity: float = 0.0) -> float:
    return float(legs.torque(np.array([position]), np.array([velocity]))[0])


@pytest.mark.parametrize(
    ("speed", "lowest", "highest"),
    [
        (0.0, -9.1, 9.1),
        (8.0, -9.1, 9.1),  # the corner
        (12.0, -9.1, 4.55),  # half-way between corner and top: half the torque along the motion, full torque against it
        (16.0, -9.1, 0.0),
        (20.0, -9.1, 0.0),  # faster than it can turn by itself: it can only brake
        (-12.0, -4.55, 9.1),
        (-16.0, 0.0, 9.1),
    ],
)
def test_torque_speed_curve(speed: float, lowest: float, highest: float) -> None:
    low, high = torque_limits(np.array([speed]), PEAK, CORNER, TOP)
    assert low[0] == pytest.approx(lowest)
    assert high[0] == pytest.approx(highest)


@given(st.floats(-100.0, 100.0), st.floats(-1e3, 1e3))
def test_torque_stays_within_the_curve(speed: float, effort: float) -> None:
    legs = actuator()
    legs.write(target(effort=effort))
    low, high = torque_limits(np.array([speed]), PEAK, CORNER, TOP)
    got = torque(legs, velocity=speed)
    assert low[0] <= got <= high[0]
    if low[0] <= effort <= high[0]:
        assert got == effort


def test_pd_law() -> None:
    legs = actuator()
    legs.write(target(position=0.5, velocity=1.0, effort=0.25, kp=10.0, kd=0.5))
    # 10 (0.5 - 0.3) + 0.5 (1 - 3) + 0.25
    assert torque(legs, position=0.3, velocity=3.0) == pytest.approx(1.25)


def test_without_a_target_there_is_no_torque() -> None:
    assert torque(actuator(), position=1.0, velocity=1.0) == 0.0


def test_targets_act_after_the_delay() -> None:
    legs = actuator(delay=0.005)
    legs.write(target(effort=1.0))
    assert [torque(legs) for _ in range(7)] == [0.0] * 5 + [1.0] * 2


def test_targets_take_effect_in_order() -> None:
    legs = actuator(delay=0.002)
    legs.write(target(effort=1.0))
    torque(legs)
    legs.write(target(effort=2.0))
    assert [torque(legs) for _ in range(3)] == [0.0, 1.0, 2.0]


def test_positions_ramp_linearly() -> None:
    legs = actuator(ramp=0.020)
    legs.write(target(position=0.0, kp=1.0))
    torque(legs)
    legs.write(target(position=2.0, kp=1.0))
    got = [torque(legs) for _ in range(25)]
    assert got == pytest.approx([0.1 * (i + 1) for i in range(20)] + [2.0] * 5)


def test_repeated_target_does_not_restart_the_ramp() -> None:
    legs = actuator(ramp=0.020)
    legs.write(target(position=0.0, kp=1.0))
    torque(legs)
    for _ in range(4):  # the bridge writes the same target every 5 ms
        legs.write(target(position=2.0, kp=1.0))
        got = [torque(legs) for _ in range(5)]
    assert got[-1] == pytest.approx(2.0)


def test_damping_acts_at_once() -> None:
    legs = actuator(ramp=0.020)
    legs.write(target(position=1.0, kp=5.0))
    torque(legs)
    legs.write(target(position=0.0, kd=0.5))
    assert torque(legs, position=0.3, velocity=2.0) == pytest.approx(-1.0)


def test_corner_above_top_speed_is_refused() -> None:
    with pytest.raises(ValueError, match=r"corner speed 16\.0 rad/s must lie below"):
        LegActuators(STEP, PEAK, TOP, 16.0, 0.0, 0.0)


def servo(backlash: float = 0.0) -> ServoGoals:
    goals = ServoGoals(STEP, np.array([4.7]), 39.0, backlash)
    goals.restart(np.array([0.0]))
    return goals


def advance(goals: ServoGoals, steps: int) -> float:
    for _ in range(steps):
        last = goals.advance()
    return float(last[0])


def test_servo_goal_speeds_up_and_slows_down_within_its_limits() -> None:
    goals = servo()
    goals.write(np.array([1.0]))
    # Reaching 4.7 rad/s takes 0.121 s and 0.283 rad, as does braking; the 0.434 rad between take 0.092 s.
    positions = np.array([goals.advance()[0] for _ in range(400)])
    speed = np.diff(positions, prepend=0.0) / STEP
    assert speed.max() == pytest.approx(4.7)
    assert np.abs(np.diff(speed, prepend=0.0)).max() / STEP <= 39.0 * 2.0  # the last step snaps to the goal
    assert positions[120] == pytest.approx(0.283, abs=0.01)
    assert positions[212] == pytest.approx(0.717, abs=0.02)
    assert positions.max() == pytest.approx(1.0)
    assert positions[-1] == 1.0


def test_backlash_leaves_the_servo_short_of_the_goal_on_the_side_it_came_from() -> None:
    goals = servo(backlash=0.01)
    goals.write(np.array([0.3]))
    assert advance(goals, 200) == pytest.approx(0.29)
    goals.write(np.array([0.285]))  # within the backlash from 0.28 to 0.30: nothing moves
    assert advance(goals, 200) == pytest.approx(0.29)
    goals.write(np.array([0.0]))
    assert advance(goals, 200) == pytest.approx(0.01)
