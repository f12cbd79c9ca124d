"""Plans of motions: what is refused and why, goals for later, and clear ways to stow and home."""

from typing import Any

import numpy as np
import pytest
from arm_controller_bench import ARM, CONFIG, HOME, INTO_TRUNK, NEAR_HOME, PERIOD, STOW, ControllerBench

from xdog.arm.trajectory import INVALID_GOAL, SUCCESSFUL, TrajectoryError


def refusal(bench: ControllerBench, positions: Any, time: float = 1.0) -> TrajectoryError:
    with pytest.raises(TrajectoryError) as caught:
        bench.follow(positions, time)
    return caught.value


def test_what_would_collide_with_the_dog_is_refused() -> None:
    bench = ControllerBench()
    error = refusal(bench, INTO_TRUNK, 3.0)
    assert error.code == INVALID_GOAL
    assert "arm_gripper_link and front_left_thigh_link" in str(error)
    assert bench.controller.state == "holding"


def test_what_would_accelerate_too_fast_is_refused() -> None:
    error = refusal(ControllerBench(), [0.1, 0, 0, 0, 0], 0.1)  # 6 * 0.1 / 0.1^2 at both ends
    assert error.code == INVALID_GOAL
    assert "shoulder_pan would have to accelerate at 60.00 rad/s^2, 35 are possible" in str(error)


def test_a_goal_for_later_leaves_the_running_one_until_it_starts() -> None:
    bench = ControllerBench()
    first = bench.follow([1.2, 0, 0, 0, 0], 2.0)
    bench.run(0.8)
    assert bench.speed[0] > 0.8
    second = bench.follow([0.0, 0.3, 0, 0, 0], 1.5, stamp=bench.controller.now + 0.5)
    assert first.outcome is not None
    assert first.outcome.cancelled
    alone = ControllerBench()
    alone.follow([1.2, 0, 0, 0, 0], 2.0)
    alone.run(1.3)
    bench.run(0.5)
    np.testing.assert_allclose(bench.position, alone.position, atol=1e-9)
    assert bench.finish(second).code == SUCCESSFUL
    np.testing.assert_allclose(bench.position[:5], [0.0, 0.3, 0, 0, 0], atol=1e-9)
    bench.assert_smooth()


def test_goals_for_later_follow_each_other_and_replace_what_starts_after_them() -> None:
    bench = ControllerBench()
    now = bench.controller.now
    bench.follow([0.6, 0, 0, 0, 0], 3.0)
    bench.follow([0.0, 0.4, 0, 0, 0], 1.0, stamp=now + 2.0)  # never comes to start
    second = bench.follow([0.3, 0, 0.2, 0, 0], 1.0, stamp=now + 1.0)
    third = bench.follow([0.0, 0, 0, 0, 0.3], 1.0, stamp=now + 1.5)
    bench.run(1.0)
    assert bench.position[0] == pytest.approx(0.6 * (3 / 9 - 2 / 27), abs=0.02)  # a third of the first cubic
    bench.run(0.4)
    assert bench.position[2] > 0.02  # on the second's way
    assert second.outcome is not None
    assert bench.finish(third).code == SUCCESSFUL
    np.testing.assert_allclose(bench.position[:5], [0, 0, 0, 0, 0.3], atol=1e-9)
    assert np.max(bench.path[:, 1]) == 0.0
    bench.assert_smooth()


def test_a_goal_for_later_in_place_of_a_stream_stops_it_smoothly_and_waits() -> None:
    bench = ControllerBench()
    for i in range(20):
        bench.controller.on_setpoint(ARM.names, HOME + 0.03 * i, PERIOD)
        bench.step()
    motion = bench.follow(NEAR_HOME, stamp=bench.controller.now + 0.5)
    bench.run(0.2)
    resting = bench.position.copy()
    bench.run(0.3)
    np.testing.assert_array_equal(bench.position, resting)
    assert bench.finish(motion).code == SUCCESSFUL
    bench.assert_smooth()


def test_home_in_the_middle_of_a_motion_brakes_first() -> None:
    bench = ControllerBench()
    motion = bench.follow([1.5, 0, 0, 0, 0], 1.0)
    bench.run(0.5)
    assert bench.speed[0] > 2.0
    home = bench.controller.move_to("home")
    assert motion.outcome is not None
    assert bench.finish(home).code == SUCCESSFUL
    np.testing.assert_allclose(bench.position, HOME, atol=1e-9)
    bench.assert_smooth()


def test_stow_and_home_leave_the_gripper() -> None:
    bench = ControllerBench(np.append(NEAR_HOME, 0.6))
    for pose in ("stow", "home"):
        assert bench.finish(bench.controller.move_to(pose)).code == SUCCESSFUL
        np.testing.assert_allclose(bench.position[:5], ARM.poses[pose][:5], atol=1e-6)
        assert bench.position[5] == pytest.approx(0.6)
    goals = np.array([goal for goal in bench.sent if goal is not None])
    assert np.abs(np.diff(goals, axis=0)).max() <= CONFIG.motion.move_speed * PERIOD + 1e-6


def test_home_leaves_a_gripper_that_was_opened_by_hand() -> None:
    bench = ControllerBench(np.append(NEAR_HOME, 0.8))
    assert bench.finish(bench.controller.move_gripper(0.0, 0.0)).code == SUCCESSFUL
    bench.run(0.1)
    bench.position[5] = 1.2
    bench.effort[5] = 0.0
    bench.run(0.1)
    assert bench.finish(bench.controller.move_to("home")).code == SUCCESSFUL
    assert bench.position[5] == pytest.approx(1.2)


def test_stow_goes_round_what_is_in_the_way() -> None:
    in_the_way = np.array([-1.2, 0.6, 1.1, -0.8, -2.2, 0.0])  # beside the left leg: the straight way meets its hip
    bench = ControllerBench(in_the_way)
    assert bench.controller._collision.straight_path_obstacles(in_the_way, STOW)
    assert bench.finish(bench.controller.move_to("stow"), 20.0).code == SUCCESSFUL
    np.testing.assert_allclose(bench.position[:5], STOW[:5], atol=1e-6)
