"""The arm's controller with idle, following, blocked and limp servos: what it sends, and how each motion ends."""

import contextlib
import math
from typing import Any, List

import numpy as np
import pytest
from arm_controller_bench import (
    ARM,
    CONFIG,
    FIVE,
    HOME,
    INTO_TRUNK,
    NEAR_HOME,
    PERIOD,
    STAND,
    STOW,
    ControllerBench,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from xdog.arm.motions import Motion
from xdog.arm.trajectory import (
    GOAL_TOLERANCE_VIOLATED,
    INVALID_GOAL,
    INVALID_JOINTS,
    PATH_TOLERANCE_VIOLATED,
    SUCCESSFUL,
    Goal,
    Point,
    Tolerance,
    TrajectoryError,
)

Array = np.ndarray


def refusal(bench: ControllerBench, positions: Any, time: float = 1.0) -> TrajectoryError:
    with pytest.raises(TrajectoryError) as caught:
        bench.follow(positions, time)
    return caught.value


def test_says_nothing_at_rest_and_starts_where_the_arm_is() -> None:
    bench = ControllerBench(HOME + 0.05)
    bench.run(0.5)
    assert all(goal is None for goal in bench.sent)
    motion = bench.follow(NEAR_HOME)
    bench.step()
    np.testing.assert_allclose(bench.sent[-1], HOME + 0.05, atol=2e-3)
    assert bench.controller.state == "trajectory"
    assert bench.finish(motion).code == SUCCESSFUL
    np.testing.assert_allclose(bench.position[:5], NEAR_HOME, atol=1e-6)
    assert bench.position[5] == pytest.approx(0.05)
    bench.run(0.1)
    assert bench.silent
    assert bench.controller.state == "holding"


def test_never_faster_than_allowed() -> None:
    bench = ControllerBench()
    fast = refusal(bench, [1.5, 0, 0, 0, 0], 0.5)
    assert fast.code == INVALID_GOAL
    assert "shoulder_pan would have to turn at 4.50 rad/s, 2.5 are possible" in str(fast)
    motion = bench.follow([1.5, 0, 0, 0, 0], 1.0)
    bench.finish(motion)
    goals = np.array([HOME, *(goal for goal in bench.sent if goal is not None)])
    assert np.abs(np.diff(goals, axis=0)).max() <= CONFIG.motion.max_speed * PERIOD + 1e-9


def test_preemption_goes_on_smoothly() -> None:
    bench = ControllerBench()
    first = bench.follow([1.0, 0, 0, 0, 0], 1.0)
    bench.run(0.5)
    with pytest.raises(TrajectoryError) as caught:
        bench.controller.follow(Goal(("elbow_flex",), [Point(1.0, [0.1])]))
    assert caught.value.code == INVALID_JOINTS
    assert first.outcome is None  # a refused goal disturbs nobody
    second = bench.follow([0.0, 0.3, 0, 0, 0], 1.5)
    assert first.outcome is not None
    assert first.outcome.cancelled
    assert first.outcome.message == "a new goal took over"
    assert bench.finish(second).code == SUCCESSFUL
    goals = np.array([goal for goal in bench.sent if goal is not None])
    speeds = np.diff(goals, axis=0) / PERIOD
    assert np.abs(np.diff(speeds, axis=0)).max() < 0.35  # rad/s from step to step: no jerk at the takeover


def test_cancel_slows_down_and_holds() -> None:
    bench = ControllerBench()
    motion = bench.follow([1.0, 0, 0, 0, 0], 1.0)
    bench.run(0.5)
    here, speed = bench.position.copy(), bench.speed[0]
    bench.controller.cancel(motion)
    assert motion.outcome is not None
    assert motion.outcome.cancelled
    bench.run(0.5)
    assert bench.silent
    np.testing.assert_array_equal(bench.position[1:], here[1:])
    # 1.5 rad/s are taken off within 1.5^2 / (2 * 35) = 0.032 rad.
    assert speed == pytest.approx(1.5, abs=1e-2)
    assert 0.01 < bench.position[0] - here[0] <= 0.5 * speed**2 / CONFIG.motion.max_acceleration
    bench.assert_smooth()


def test_a_leg_in_the_way_of_a_trajectory_ends_it_with_gentle_braking() -> None:
    bench, beside_the_leg = ControllerBench(), [-1.47, 0.81, 1.11, -1.15, 2.16]
    motion = bench.follow(beside_the_leg, 2.0)
    bench.run(1.0)
    bench.legs[3:6] = [0.3, -2.2, 2.4]  # the front left leg is raised, and in the way from 80 % on
    outcome = bench.finish(motion)
    assert outcome.code == PATH_TOLERANCE_VIOLATED
    assert "collide" in outcome.message
    bench.run(0.3)
    assert bench.controller._collision.collisions(bench.position) == []
    assert bench.position[4] > 0.6 * 2.16
    bench.assert_smooth()


def test_a_clock_that_goes_back_ends_what_is_under_way_and_counts_on_from_there() -> None:
    bench = ControllerBench()
    bench.now = 1000.0
    bench.run(1.0)
    motion = bench.follow([1.0, 0, 0, 0, 0], 1.0)
    bench.run(0.3)
    bench.now = 5.0
    bench.step()
    assert motion.outcome is not None
    assert "the clock of joint_states went back by 996.2" in motion.outcome.message
    bench.run(0.7)
    assert bench.finish(bench.follow(NEAR_HOME)).code == SUCCESSFUL


def test_limp_arm_violates_the_path_and_success_needs_motion() -> None:
    bench = ControllerBench()
    bench.no_torque = True
    outcome = bench.finish(bench.follow([1.0, 0, 0, 0, 0], 1.0))
    assert outcome.code == PATH_TOLERANCE_VIOLATED
    assert "shoulder_pan is off by 0.3" in outcome.message
    assert "ask again in" in str(refusal(bench, NEAR_HOME))
    while not bench.silent:
        bench.step()
    np.testing.assert_allclose(bench.path[-1], HOME, atol=1e-12)  # it pushes no further
    bench.run(CONFIG.pause - PERIOD)  # the gate may want this silence
    assert "ask again in" in str(refusal(bench, NEAR_HOME))
    bench.run(0.2)
    assert bench.silent
    bench.assert_smooth()
    everything = [Tolerance(name, -1.0) for name in FIVE]
    motion = bench.follow([1.0, 0, 0, 0, 0], 1.0, path_tolerance=everything, goal_time_tolerance=0.5)
    outcome = bench.finish(motion)
    assert outcome.code == GOAL_TOLERANCE_VIOLATED
    assert "0.50 s after the last point's time shoulder_pan is off by 1.000 rad" in outcome.message


def test_goal_time_tolerance_gives_slow_servos_time() -> None:
    bench = ControllerBench()
    everything = [Tolerance(name, -1.0) for name in FIVE]
    motion = bench.follow([0.5, 0, 0, 0, 0], 0.5, path_tolerance=everything, goal_time_tolerance=2.0)
    bench.no_torque = True
    bench.run(1.5)
    assert motion.outcome is None
    bench.no_torque = False
    assert bench.finish(motion).code == SUCCESSFUL


def test_stop_ends_everything_and_nothing_moves_by_itself() -> None:
    bench = ControllerBench()
    motion = bench.follow([1.0, 0, 0, 0, 0], 1.0)
    bench.run(0.4)
    bench.allowed, bench.reason = False, "e-stop: a test"
    bench.step()
    assert motion.outcome is not None
    assert motion.outcome.code == PATH_TOLERANCE_VIOLATED
    assert motion.outcome.message == "stopped: motion not allowed: e-stop: a test"
    assert bench.silent
    assert "e-stop: a test" in str(refusal(bench, NEAR_HOME))
    assert bench.controller.state == "stopped: motion not allowed: e-stop: a test"
    bench.allowed, bench.reason = True, ""
    bench.step()
    assert "ask again in" in str(refusal(bench, NEAR_HOME))  # the gate wants silence first
    here = bench.position.copy()
    bench.run(2.0)
    assert bench.silent
    np.testing.assert_array_equal(bench.position, here)
    assert bench.finish(bench.follow(NEAR_HOME)).code == SUCCESSFUL


def test_lost_heartbeat_and_lost_measurements_stop() -> None:
    bench = ControllerBench()
    motion = bench.follow([1.0, 0, 0, 0, 0], 1.0)
    bench.run(0.2)
    heartbeat = bench.controller.on_safety
    bench.controller.on_safety = lambda *_: None  # type: ignore[method-assign]
    outcome = bench.finish(motion, 0.3)
    assert "heartbeat is missing" in outcome.message
    bench.controller.on_safety = heartbeat  # type: ignore[method-assign]
    bench.run(1.0)
    motion = bench.follow(NEAR_HOME)
    bench.run(0.2)
    bench.now += 0.5
    bench.step()
    assert motion.outcome is not None
    assert "no joint angles were measured for 0.52 s" in motion.outcome.message
    bench.run(1.0)
    motion = bench.follow(HOME[:5])
    bench.position[2] = math.nan
    bench.step()
    assert motion.outcome is not None
    assert "not finite" in motion.outcome.message


def test_leg_angles_that_are_not_finite_stop() -> None:
    bench = ControllerBench()
    motion = bench.follow([1.0, 0, 0, 0, 0], 1.0)
    bench.run(0.2)
    bench.legs[3] = math.nan
    bench.step()
    assert motion.outcome is not None
    assert "leg angles are not finite" in motion.outcome.message
    assert bench.silent
    here = bench.position.copy()
    bench.controller.on_setpoint(ARM.names, HOME + 0.3, 0.0)
    bench.run(1.0)
    np.testing.assert_array_equal(bench.position, here)
    assert "leg angles" in str(refusal(bench, NEAR_HOME))
    bench.legs = STAND.copy()
    bench.run(1.0)
    assert bench.finish(bench.follow(NEAR_HOME)).code == SUCCESSFUL


def test_after_being_moved_by_hand_it_starts_from_there() -> None:
    bench = ControllerBench()
    bench.finish(bench.follow(NEAR_HOME))
    bench.position = HOME.copy()
    bench.follow(HOME[:5])
    bench.run(0.5)
    np.testing.assert_allclose(bench.position, HOME, atol=1e-9)


# Whatever arrives.

POSES = (HOME[:5], STOW[:5], np.array(NEAR_HOME), np.array([1.0, -0.6, 0.4, 0.8, 1.5]), np.array(INTO_TRUNK))
REQUESTS = st.tuples(
    st.sampled_from(("goal", "later", "velocities", "cancel", "setpoints", "gripper", "stow", "home", "wait")),
    st.sampled_from(range(len(POSES))),
    st.floats(0.1, 2.0),  # s that the arm gets or the goal lies ahead
    st.integers(1, 20),  # periods until the next request
)


def ask(bench: ControllerBench, kind: str, pose: Array, time: float, motions: List[Motion]) -> None:
    controller = bench.controller
    if kind == "goal":
        motions.append(bench.follow(pose, time))
    elif kind == "later":
        motions.append(bench.follow(pose, 1.5, stamp=controller.now + time))
    elif kind == "velocities":
        points = [Point(time, pose, [0.5, -0.5, 0.3, 0.0, 1.0]), Point(time + 1.0, HOME[:5], [0.0] * 5)]
        motions.append(controller.follow(Goal(FIVE, points)))
    elif kind == "cancel" and motions:
        controller.cancel(motions[-1])
    elif kind == "gripper":
        motions.append(controller.move_gripper(0.04 * time, 5.0))
    elif kind in ("stow", "home"):
        motions.append(controller.move_to(kind))


@settings(max_examples=15)
@given(st.lists(REQUESTS, min_size=2, max_size=6))
def test_commands_are_smooth_whatever_sequence_of_requests_arrives(requests: List[Any]) -> None:
    bench, motions = ControllerBench(), []
    for kind, pose, time, periods in requests:
        with contextlib.suppress(TrajectoryError):
            ask(bench, kind, POSES[pose], time, motions)
        for _ in range(periods):
            if kind == "setpoints":
                bench.controller.on_setpoint(ARM.names, [*POSES[pose], 0.5 * time], PERIOD)
            bench.step()
    bench.run(0.7)  # a stream ends, what was cancelled comes to rest
    bench.assert_smooth()
