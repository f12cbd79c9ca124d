"""Trajectory goals: what is accepted, with which code the rest is refused, and how the motion in between looks."""

import math
from typing import List

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.arm.config import load_arm_config
from xdog.arm.trajectory import (
    INVALID_GOAL,
    INVALID_JOINTS,
    OLD_HEADER_TIMESTAMP,
    Goal,
    Plan,
    Point,
    Tolerance,
    TrajectoryError,
    make_plan,
)
from xdog.core.description import load_description

Array = np.ndarray
ROBOT = load_description()
ARM = ROBOT.arm
FIVE = ARM.names[:5]
TOLERANCES = load_arm_config(ROBOT).tolerances
ZERO = [0.0] * 5
ONES = [0.5] * 5


def plan(goal: Goal, now: float = 10.0) -> Plan:
    return make_plan(goal, ARM, now, TOLERANCES)


def refusal(goal: Goal, now: float = 10.0) -> TrajectoryError:
    with pytest.raises(TrajectoryError) as caught:
        plan(goal, now)
    return caught.value


def test_one_point_by_hand() -> None:
    # Half of a cubic at rest at both ends is half of the way, at 1.5 times the mean speed.
    spline = plan(Goal(FIVE, [Point(2.0, ONES)])).spline(10.0, np.zeros(5), np.zeros(5))
    position, velocity = spline.sample(np.array(1.0))
    np.testing.assert_allclose(position, 0.25)
    np.testing.assert_allclose(velocity, 1.5 * 0.5 / 2.0)
    for time, wanted in ((0.0, 0.0), (2.0, 0.5), (9.0, 0.5), (-1.0, 0.0)):
        position, velocity = spline.sample(np.array(time))
        np.testing.assert_allclose(position, wanted)
        np.testing.assert_allclose(velocity, 0.0, atol=1e-12)


def test_velocities_and_accelerations_are_met() -> None:
    points = [Point(1.0, ONES, [0.3] * 5, [0.1] * 5), Point(2.0, [0.7] * 5, ZERO, ZERO)]
    spline = plan(Goal(FIVE, points)).spline(10.0, np.zeros(5), np.full(5, 0.2))
    step = 1e-4
    for time, position, velocity in ((0.0, 0.0, 0.2), (1.0, 0.5, 0.3), (2.0 - 1e-9, 0.7, 0.0)):
        at = spline.sample(np.array(time))
        np.testing.assert_allclose(at[0], position, atol=1e-6)
        np.testing.assert_allclose(at[1], velocity, atol=1e-6)
    speeds = spline.sample(np.array([1.0 - step, 1.0, 1.0 + step]))[1]
    np.testing.assert_allclose(np.diff(speeds, axis=0) / step, 0.1, atol=1e-2)


@given(st.lists(st.tuples(st.floats(0.05, 2.0), st.floats(-1.5, 1.5)), min_size=1, max_size=8))
def test_positions_alone_are_passed_through_without_overshoot(steps: List["tuple[float, float]"]) -> None:
    times = np.cumsum([duration for duration, _ in steps])
    points = [Point(float(time), [place] * 5) for time, (_, place) in zip(times, steps)]
    spline = plan(Goal(FIVE, points)).spline(10.0, np.zeros(5), np.zeros(5))
    places = np.array([0.0, *(place for _, place in steps)])
    np.testing.assert_allclose(spline.sample(times)[0][:, 0], places[1:], atol=1e-9)
    knots = np.concatenate([[0.0], times])
    for i, (low, high) in enumerate(zip(np.minimum(places[:-1], places[1:]), np.maximum(places[:-1], places[1:]))):
        between = spline.sample(np.linspace(knots[i], knots[i + 1], 20))[0][:, 0]
        assert between.min() >= low - 1e-9
        assert between.max() <= high + 1e-9


def test_stamp_now_future_and_past() -> None:
    points = [Point(1.0, ZERO), Point(2.0, ONES)]
    assert plan(Goal(FIVE, points)).start == 10.0
    later = plan(Goal(FIVE, points, stamp=12.0))
    assert later.start == 12.0
    spline = later.spline(12.0, np.full(5, 0.2), np.zeros(5))
    for time, wanted in ((0.0, 0.2), (1.0, 0.0), (2.0, 0.5)):  # counted from the stamp
        np.testing.assert_allclose(spline.sample(np.array(time))[0], wanted, atol=1e-12)
    late = plan(Goal(FIVE, points, stamp=8.5))  # the first point has passed
    np.testing.assert_array_equal(late.times, [2.0])
    spline = late.spline(10.0, np.full(5, 0.2), np.zeros(5))
    np.testing.assert_allclose(spline.sample(np.array(1.5))[0], 0.2)  # now
    np.testing.assert_allclose(spline.sample(np.array(2.0))[0], 0.5)
    error = refusal(Goal(FIVE, points, stamp=7.9))
    assert error.code == OLD_HEADER_TIMESTAMP
    assert "0.100 s ago: header.stamp is 7.900 s, the clock of joint_states is at 10.000 s" in str(error)


def test_another_computers_clock_is_named() -> None:
    error = refusal(Goal(FIVE, [Point(1.0, ONES)], stamp=3610.0))
    assert error.code == INVALID_GOAL
    assert "it would start 3600.000 s from now, 10 s at most are possible" in str(error)
    assert "header.stamp is 3610.000 s, the clock of joint_states is at 10.000 s" in str(error)
    assert plan(Goal(FIVE, [Point(1.0, ONES)], stamp=20.0)).start == 20.0


def test_a_trajectory_ends_at_rest() -> None:
    moving = [0.0, 0.5, 0.0, 0.0, 0.0]
    error = refusal(Goal(FIVE, [Point(1.0, ONES, moving)]))
    assert error.code == INVALID_GOAL
    assert "the last point asks shoulder_lift to move on at 0.500 rad/s" in str(error)
    between = [Point(1.0, ZERO, moving), Point(2.0, ONES, [0.05] * 5)]  # slower than what counts as rest
    velocities = plan(Goal(FIVE, between)).velocities
    np.testing.assert_array_equal(velocities, [moving, ZERO])


def test_a_first_point_at_time_zero_is_where_the_arm_is() -> None:
    sound = plan(Goal(FIVE, [Point(0.0, ZERO), Point(1.0, ONES)]))
    np.testing.assert_array_equal(sound.positions, [ONES])
    assert refusal(Goal(FIVE, [Point(0.0, ONES)])).code == INVALID_GOAL


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (ARM.names[:4], "missing: wrist_roll"),
        ((*FIVE, "elbow"), "unknown joints: elbow"),
        ((*FIVE, "shoulder_pan"), "named twice"),
        (("gripper",), "missing: shoulder_pan"),
        ((), "missing: shoulder_pan"),
    ],
)
def test_other_joints_are_invalid(names: "tuple[str, ...]", text: str) -> None:
    error = refusal(Goal(names, [Point(1.0, [0.0] * len(names))]))
    assert error.code == INVALID_JOINTS
    assert text in str(error)


def test_joints_may_come_in_any_order() -> None:
    np.testing.assert_array_equal(plan(Goal(FIVE[::-1], [Point(1.0, ZERO)])).joints, [4, 3, 2, 1, 0])
    np.testing.assert_array_equal(plan(Goal(ARM.names, [Point(1.0, [0.0] * 6)])).joints, range(6))


@pytest.mark.parametrize(
    ("goal", "text"),
    [
        (Goal(FIVE, []), "no point"),
        (Goal(FIVE, [Point(1.0, [0.0] * 4)]), "point 0 has 4 positions for 5 joints"),
        (Goal(FIVE, [Point(1.0, ZERO, ZERO), Point(2.0, ZERO)]), "point 1 has 0 velocities"),
        (Goal(FIVE, [Point(1.0, ZERO, (), ZERO)]), "accelerations are given without velocities"),
        (Goal(FIVE, [Point(1.0, [math.nan] * 5)]), "not finite"),
        (Goal(FIVE, [Point(1.0, ZERO), Point(1.0, ZERO)]), "time_from_start must rise"),
        (Goal(FIVE, [Point(-1.0, ZERO)]), "time_from_start must rise"),
        (Goal(FIVE, [Point(1000.0, ZERO)]), "600 s at most"),
        (Goal(FIVE, [Point(1.0, [2.5, 0, 0, 0, 0])]), "shoulder_pan at 2.500 rad, its limits are -1.920..1.920"),
        (Goal(FIVE, [Point(1.0, ZERO)], stamp=math.nan), "stamp is nan"),
        (Goal(FIVE, [Point(1.0, ZERO)], goal_time_tolerance=math.nan), "goal_time_tolerance is nan"),
        (Goal(FIVE, [Point(1.0, ZERO)], path_tolerance=[Tolerance("elbow_flex", -0.5)]), "give 0 .default., -1"),
        (Goal(FIVE, [Point(1.0, ZERO)], goal_tolerance=[Tolerance("elbow_flex", 0, 0, 1.0)]), "not measured"),
    ],
)
def test_what_makes_no_sense_is_refused(goal: Goal, text: str) -> None:
    with pytest.raises(TrajectoryError, match=text) as caught:
        plan(goal)
    assert caught.value.code == INVALID_GOAL


def test_an_arm_that_has_not_moved_is_not_at_its_goal_whatever_tolerance_is_asked_for() -> None:
    goal = Goal(FIVE, [Point(1.0, [1.0] * 5)], goal_tolerance=[Tolerance(name, -1.0, -1.0) for name in FIVE])
    sound = plan(goal)
    np.testing.assert_array_equal(sound.goal.position, [TOLERANCES.path] * 5)
    assert sound.goal.violation(FIVE, np.ones(5), np.zeros(5)).startswith("shoulder_pan is off by 1.000 rad")


def test_tolerances_default_none_and_own() -> None:
    goal = Goal(
        FIVE,
        [Point(1.0, ZERO)],
        path_tolerance=[Tolerance("shoulder_pan", 0.05, -1.0), Tolerance("elbow_flex", -1.0, 0.5)],
        goal_tolerance=[Tolerance("wrist_roll", 0.0, -1.0)],
        goal_time_tolerance=-1.0,
    )
    sound = plan(goal)
    path, end = TOLERANCES.path, TOLERANCES.goal
    np.testing.assert_array_equal(sound.path.position, [0.05, path, math.inf, path, path])
    np.testing.assert_array_equal(sound.path.velocity, [math.inf, math.inf, 0.5, math.inf, math.inf])
    np.testing.assert_array_equal(sound.goal.position, [end] * 5)
    np.testing.assert_array_equal(sound.goal.velocity, [TOLERANCES.rest_speed] * 4 + [math.inf])
    assert sound.patience == math.inf
    assert plan(Goal(FIVE, [Point(1.0, ZERO)])).patience == TOLERANCES.goal_time
    assert sound.path.violation(FIVE, np.full(5, 0.04), np.zeros(5)) == ""
    assert sound.path.violation(FIVE, np.full(5, 0.06), np.zeros(5)).startswith("shoulder_pan is off by 0.060 rad")
