"""Plans of arm motions from a state: limits, collisions, ways to poses, and goals that start later."""

import numpy as np
import pytest
from arm_controller_bench import ARM, CONFIG, FIVE, HOME, INTO_TRUNK, NEAR_HOME, ROBOT, STAND, STOW

from xdog.arm.collision import ArmCollision
from xdog.arm.planner import ArmPlanner, CommandState
from xdog.arm.trajectory import Goal, Point, TrajectoryError


@pytest.fixture(scope="module")
def planner() -> ArmPlanner:
    collision = ArmCollision(ROBOT, CONFIG.motion.margin)
    collision.set_legs(STAND)
    return ArmPlanner(ROBOT, CONFIG, collision)


def at(pose: np.ndarray) -> CommandState:
    return CommandState(10.0, pose.copy(), np.zeros(6), pose.copy(), 0.0)


def goal(positions: "list[float]", time: float = 1.0, stamp: float = 0.0) -> Goal:
    return Goal(FIVE, [Point(time, positions)], stamp=stamp)


def test_a_trajectory_begins_where_the_arm_is_and_ends_at_the_goal(planner: ArmPlanner) -> None:
    path = planner.trajectory(goal(NEAR_HOME), at(HOME), None).path
    np.testing.assert_allclose(path.sample(np.array(10.0))[0], HOME)
    np.testing.assert_allclose(path.sample(np.array(11.0))[0], [*NEAR_HOME, HOME[5]])


def test_too_fast_is_refused_with_the_joint_and_the_limit(planner: ArmPlanner) -> None:
    with pytest.raises(TrajectoryError, match=r"shoulder_pan would have to .* are possible"):
        planner.trajectory(goal([1.0, *NEAR_HOME[1:]], time=0.1), at(HOME), None)


def test_a_collision_is_refused_with_what_would_be_hit(planner: ArmPlanner) -> None:
    with pytest.raises(TrajectoryError, match=r"on the way .* would collide"):
        planner.trajectory(goal(INTO_TRUNK, time=5.0), at(HOME), None)


def test_a_goal_for_later_continues_the_running_motion_until_then(planner: ArmPlanner) -> None:
    running = planner.trajectory(goal(NEAR_HOME, time=2.0), at(HOME), None)
    position, speed = running.path.sample(np.array(10.5))
    state = CommandState(10.5, position, speed, position, 0.1)
    later = planner.trajectory(goal(HOME[:5].tolist(), time=3.0, stamp=11.0), state, running)
    for time in (10.5, 10.7, 11.0):
        np.testing.assert_allclose(later.path.sample(np.array(time))[0], running.path.sample(np.array(time))[0])
    np.testing.assert_allclose(later.path.sample(np.array(14.0))[0], HOME, atol=1e-9)


@pytest.mark.parametrize(("pose", "start"), [("stow", HOME), ("home", STOW)])
def test_the_way_to_a_pose_is_within_the_limits_and_leaves_the_gripper_alone(
    planner: ArmPlanner, pose: str, start: np.ndarray
) -> None:
    begin = start.copy()
    begin[5] = 0.3
    path = planner.way(pose, at(begin)).path
    positions, velocities = path.sample(np.arange(10.0, 30.0, 0.01))
    np.testing.assert_allclose(positions[-1], [*ARM.poses[pose][:5], 0.3], atol=1e-9)
    assert np.abs(velocities).max() <= CONFIG.motion.max_speed
    assert not velocities[-1].any()
