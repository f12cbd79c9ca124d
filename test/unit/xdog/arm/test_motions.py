"""Motions: how a gripper's goal ends on nothing, on an object and without torque, and what a trajectory reports."""

import math

import numpy as np
import pytest
from arm_controller_bench import ARM, CONFIG, FIVE, HOME, NEAR_HOME, ControllerBench

from xdog.arm.motions import ArmMeasurement, TrajectoryMotion
from xdog.arm.path import ArmPath, PathPiece
from xdog.arm.trajectory import (
    GOAL_TOLERANCE_VIOLATED,
    PATH_TOLERANCE_VIOLATED,
    SUCCESSFUL,
    Goal,
    Point,
    TrajectoryError,
    make_plan,
)


def test_gripper_reaches_its_gap_beside_a_trajectory() -> None:
    bench = ControllerBench()
    trajectory = bench.follow(NEAR_HOME, 1.0)
    grip = bench.controller.move_gripper(0.05, 0.0)
    assert bench.finish(grip).code == SUCCESSFUL
    assert grip.reached
    assert not grip.stalled
    assert bench.finish(trajectory).code == SUCCESSFUL
    assert bench.controller.gripper.gap(bench.position[5]) == pytest.approx(0.05, abs=3e-3)


def test_gripper_stalls_on_an_object_and_keeps_squeezing() -> None:
    bench = ControllerBench(np.append(HOME[:5], 0.8))
    bench.blocked[5] = 0.4
    grip = bench.controller.move_gripper(0.0, 0.0)
    assert bench.finish(grip).code == SUCCESSFUL
    assert grip.stalled
    assert not grip.reached
    motion = bench.follow(NEAR_HOME)  # at once: it goes on squeezing beside it
    bench.run(0.4)
    np.testing.assert_allclose(bench.path[-1][5], 0.4 - CONFIG.gripper.squeeze)
    bench.finish(motion)
    np.testing.assert_allclose(bench.path[-1][5], 0.4 - CONFIG.gripper.squeeze)
    bench.assert_smooth()


def test_limp_gripper_is_no_success() -> None:
    bench = ControllerBench(np.append(HOME[:5], 0.8))
    bench.no_torque = True
    grip = bench.controller.move_gripper(0.0, 0.0)
    assert bench.finish(grip).code == GOAL_TOLERANCE_VIOLATED
    assert not grip.stalled
    assert not grip.reached


@pytest.mark.parametrize("limp", [False, True])
def test_noise_of_the_velocity_does_not_keep_a_gripper_goal_alive(limp: bool) -> None:
    bench = ControllerBench(np.append(HOME[:5], 0.8))
    bench.blocked[5], bench.no_torque, bench.noise = 0.4, limp, 0.2
    grip = bench.controller.move_gripper(0.0, 0.0)
    assert bench.finish(grip, 2.0).code == (GOAL_TOLERANCE_VIOLATED if limp else SUCCESSFUL)
    assert grip.stalled is not limp


def test_a_gripper_that_never_comes_to_rest_ends() -> None:
    bench = ControllerBench(np.append(HOME[:5], 0.8))
    bench.no_torque = True
    grip = bench.controller.move_gripper(0.0, 0.0)
    begin = bench.now
    while grip.outcome is None:
        assert bench.now < begin + 5.0
        bench.position[5] = 0.8 + 0.1 * math.sin(10.0 * bench.now)
        bench.step()
    assert grip.outcome.code == GOAL_TOLERANCE_VIOLATED
    assert "nor came to rest" in grip.outcome.message
    assert not grip.stalled
    assert not grip.reached


def test_max_effort_limits_the_push() -> None:
    bench = ControllerBench(np.append(HOME[:5], 0.8))
    bench.blocked[5] = 0.4
    grip = bench.controller.move_gripper(0.0, 5.0)  # less than the bench's 1.4 Nm give
    bench.finish(grip)
    assert grip.stalled
    bench.run(0.3)
    assert bench.effort[5] < 5.0 * bench.controller.gripper.lever
    assert bench.path[-1][5] < 0.4  # and still it pushes
    bench.assert_smooth()


@pytest.mark.parametrize("force", [1.0, 5.0, 20.0])
def test_the_effort_of_moving_is_no_grip(force: float) -> None:
    for start, gap in ((0.0, 0.06), (0.8, 0.0)):
        bench = ControllerBench(np.append(HOME[:5], start))
        bench.friction = 0.8  # 1.2 Nm at full speed: 12 N
        grip = bench.controller.move_gripper(gap, force)
        assert bench.finish(grip).code == SUCCESSFUL
        assert grip.reached
        assert not grip.stalled
        assert bench.now < 2.0  # without pauses on the way


def test_a_grip_that_gives_way_is_followed() -> None:
    bench = ControllerBench(np.append(HOME[:5], 0.8))
    bench.blocked[5] = 0.4
    grip = bench.controller.move_gripper(0.0, 5.0)
    while bench.position[5] > 0.4:
        bench.step()
    bench.run(0.2)  # it pushes, but not for long enough to count as a grip
    assert grip.outcome is None
    del bench.blocked[5]
    assert bench.finish(grip).code == SUCCESSFUL
    assert grip.reached


@pytest.mark.parametrize(("gap", "effort"), [(0.2, 0.0), (-0.01, 0.0), (math.nan, 0.0), (0.01, -1.0), (0.01, math.nan)])
def test_senseless_gripper_goals_are_refused(gap: float, effort: float) -> None:
    with pytest.raises(TrajectoryError):
        ControllerBench().controller.move_gripper(gap, effort)


# Trajectories.


def trajectory() -> TrajectoryMotion:
    """From home to 0.5 rad of shoulder_pan in 1 s, from 10 s on."""
    plan = make_plan(Goal(FIVE, [Point(1.0, [0.5, 0, 0, 0, 0])]), ARM, 10.0, CONFIG.tolerances)
    spline = plan.spline(10.0, np.zeros(5), np.zeros(5))
    return TrajectoryMotion(plan, ArmPath(HOME, [PathPiece(plan.joints, 10.0, 10.0, spline)]), FIVE)


def measured(stamp: float, pan: float, speed: float = 0.0) -> ArmMeasurement:
    return ArmMeasurement(stamp, HOME + pan * np.eye(6)[0], speed * np.eye(6)[0], np.zeros(6))


def test_a_trajectory_reports_where_it_should_be_and_is() -> None:
    motion = trajectory()
    reference = motion.step(measured(10.5, 0.2, 0.7), HOME)
    assert reference.position[0] == pytest.approx(0.25)
    assert reference.velocity[0] == pytest.approx(0.75)
    progress = motion.progress
    assert progress is not None
    assert (progress.time, progress.desired[0][0], progress.actual[0][0]) == (0.5, pytest.approx(0.25), 0.2)
    np.testing.assert_allclose(motion.ahead(np.array([10.5, 11.0]))[:, 0], [0.25, 0.5])
    assert motion.outcome is None


@pytest.mark.parametrize(
    ("stamp", "pan", "speed", "code", "words"),
    [
        (
            10.5,
            0.25 + 0.31,
            0.0,
            PATH_TOLERANCE_VIOLATED,
            "0.50 s into the trajectory shoulder_pan is off by 0.310 rad",
        ),
        (11.0, 0.43, 0.0, SUCCESSFUL, "the goal is reached"),
        (11.0, 0.41, 0.0, None, ""),
        (11.0, 0.50, 0.2, None, ""),  # it passes through
        (12.1, 0.41, 0.0, GOAL_TOLERANCE_VIOLATED, "1.00 s after the last point's time shoulder_pan is off by 0.090"),
    ],
)
def test_a_trajectory_ends_by_its_tolerances(stamp: float, pan: float, speed: float, code: int, words: str) -> None:
    motion = trajectory()
    motion.step(measured(stamp, pan, speed), HOME)
    assert (None if motion.outcome is None else motion.outcome.code) == code
    assert words in ("" if motion.outcome is None else motion.outcome.message)
