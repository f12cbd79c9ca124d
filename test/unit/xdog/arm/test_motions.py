"""Motions by themselves: when a trajectory and a gripper's motion end, and what their joints follow."""

from typing import List

import numpy as np
import pytest
from arm_controller_bench import ARM, CONFIG, FIVE, HOME, PERIOD

from xdog.arm.motions import ArmMeasurement, GripperMotion, Motion, TrajectoryMotion
from xdog.arm.path import ArmPath, PathPiece
from xdog.arm.trajectory import (
    GOAL_TOLERANCE_VIOLATED,
    PATH_TOLERANCE_VIOLATED,
    SUCCESSFUL,
    Goal,
    Point,
    make_plan,
)

JOINT = 5
MAX_TORQUE = 1.0


def measured(stamp: float, position: np.ndarray, effort: float = 0.0) -> ArmMeasurement:
    return ArmMeasurement(stamp, position.copy(), np.zeros(6), np.full(6, effort))


def gripper(goal: float, limit: float = 5.0) -> GripperMotion:
    return GripperMotion(JOINT, goal, MAX_TORQUE, CONFIG.gripper, limit)


def run(motion: Motion, angles: List[float], effort: float = 0.0) -> List[float]:
    """The references of a gripper that is at these angles, one a period."""
    followed = []
    for i, angle in enumerate(angles):
        here = HOME.copy()
        here[JOINT] = angle
        followed.append(float(motion.step(measured(PERIOD * i, here, effort), here).position[0]))
        if motion.outcome:
            break
    return followed


def test_a_gripper_at_its_goal_has_reached_the_gap() -> None:
    motion = gripper(0.5)
    assert run(motion, [0.3, 0.4, 0.5])[:2] == [0.5, 0.5]
    assert motion.outcome is not None
    assert (motion.outcome.code, motion.reached, motion.stalled) == (SUCCESSFUL, True, False)


def test_effort_while_it_moves_is_no_grip() -> None:
    motion = gripper(1.5)
    followed = run(motion, list(np.linspace(0.0, 1.5, 50)), effort=3.0 * MAX_TORQUE)
    assert motion.reached
    assert set(followed[:-1]) == {1.5}


def test_a_gripper_that_pushes_at_rest_has_gripped_and_squeezes_no_deeper_than_allowed() -> None:
    motion = gripper(0.0)
    followed = run(motion, [0.4] * 200, effort=-0.5 * (CONFIG.gripper.stall_torque + MAX_TORQUE))
    assert motion.outcome is not None
    assert (motion.outcome.code, motion.stalled) == (SUCCESSFUL, True)
    assert followed[-1] == pytest.approx(0.4 - CONFIG.gripper.squeeze)


def test_a_gripper_without_torque_is_named() -> None:
    motion = gripper(0.0)
    run(motion, [0.4] * 200)
    assert motion.outcome is not None
    assert motion.outcome.code == GOAL_TOLERANCE_VIOLATED
    assert "has it torque?" in motion.outcome.message


def test_a_gripper_that_never_comes_to_rest_ends_in_time() -> None:
    motion = gripper(1.7, limit=1.0)
    run(motion, [0.2 + 0.2 * (i % 2) for i in range(200)])
    assert motion.outcome is not None
    assert "nor came to rest within 1.0 s" in motion.outcome.message


def trajectory(goal: float = 0.3) -> TrajectoryMotion:
    """All joints but the gripper go by ``goal`` rad in 1 s, from the time 10 s on."""
    point = Point(1.0, (HOME[:5] + goal).tolist(), [0.0] * 5)
    plan = make_plan(Goal(FIVE, [point]), ARM, 10.0, CONFIG.tolerances)
    spline = plan.spline(10.0, HOME[:5], np.zeros(5))
    path = ArmPath(HOME, [PathPiece(plan.joints, 10.0, plan.start, spline)])
    return TrajectoryMotion(plan, path, FIVE)


def test_a_trajectory_succeeds_where_the_measured_arm_is_at_the_goal() -> None:
    motion = trajectory()
    for i in range(60):
        stamp = 10.0 + PERIOD * i
        motion.step(measured(stamp, motion.path.sample(np.array(stamp))[0]), HOME)
        assert motion.outcome is None or stamp >= 11.0 - 1e-9
    assert motion.outcome is not None
    assert motion.outcome.code == SUCCESSFUL


@pytest.mark.parametrize(("stamp", "code"), [(10.9, PATH_TOLERANCE_VIOLATED), (30.0, GOAL_TOLERANCE_VIOLATED)])
def test_an_arm_that_does_not_follow_is_named(stamp: float, code: int) -> None:
    motion = trajectory(goal=0.5)
    motion.step(measured(stamp, HOME), HOME)
    assert motion.outcome is not None
    assert motion.outcome.code == code
    assert any(name in motion.outcome.message for name in FIVE)


def test_ahead_is_the_path_of_its_own_joints() -> None:
    motion = trajectory()
    np.testing.assert_allclose(motion.ahead(np.array([10.0, 12.0])), [HOME[:5], HOME[:5] + 0.3])
    assert gripper(0.1).ahead(np.array([1.0])) is None
