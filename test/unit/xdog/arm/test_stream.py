"""A stream of setpoints: followed, held back, ended; into the dog the arm slides, and never creeps nearer."""

import math

import numpy as np
import pytest
from arm_controller_bench import ARM, CONFIG, FIVE, HOME, INTO_TRUNK, NEAR_HOME, PERIOD, ControllerBench

from xdog.arm.trajectory import SUCCESSFUL


def test_setpoints_are_followed_with_capped_steps_and_end_in_holding() -> None:
    bench = ControllerBench()
    far = np.append(NEAR_HOME, 0.5) * 2
    for _ in range(30):
        assert bench.controller.on_setpoint(ARM.names, far, 0.0) == ""
        bench.step()
    goals = np.array([HOME, *(goal for goal in bench.sent if goal is not None)])
    assert np.abs(np.diff(goals, axis=0)).max() == pytest.approx(CONFIG.motion.max_speed * PERIOD)
    np.testing.assert_allclose(bench.position, far, atol=1e-9)
    assert bench.controller.state == "streaming"
    bench.run(CONFIG.stream.timeout + 0.1)
    assert bench.silent
    assert bench.controller.state == "holding: no setpoint for 0.5 s"


def test_a_setpoint_is_spread_over_its_time() -> None:
    bench = ControllerBench()
    bench.controller.on_setpoint(ARM.names, HOME + 0.02, 0.04)
    bench.step()
    np.testing.assert_allclose(bench.position, HOME + 0.01)
    bench.step()
    np.testing.assert_allclose(bench.position, HOME + 0.02)


def test_bad_setpoints_are_refused_and_the_arm_holds() -> None:
    bench = ControllerBench()
    bench.controller.on_setpoint(ARM.names, HOME + 0.2, 1.0)
    bench.run(0.2)
    here = bench.position.copy()  # it moves by less than one period can take off
    assert "missing" in bench.controller.on_setpoint(FIVE, [0.0] * 5, 0.0)
    bench.run(0.2)
    np.testing.assert_array_equal(bench.position, here)
    assert "nan" in ControllerBench().controller.on_setpoint(ARM.names, [math.nan] * 6, 0.0)
    assert "time_from_start" in ControllerBench().controller.on_setpoint(ARM.names, HOME, -1.0)
    assert "cut to the limits: shoulder_pan" in ControllerBench().controller.on_setpoint(
        ARM.names, [9.0, 0, 0, 0, 0, 0], 0.0
    )


def test_a_delayed_setpoint_moves_nothing() -> None:
    bench = ControllerBench()
    bench.run(1.0)
    here, now = bench.position.copy(), bench.controller.now
    refusal = bench.controller.on_setpoint(ARM.names, HOME + 0.2, 0.0, now - 0.6)
    assert f"header.stamp is {now - 0.6:.3f} s, the clock of joint_states is at {now:.3f} s" in refusal
    bench.run(0.2)
    np.testing.assert_array_equal(bench.position, here)
    bench.run(0.6)
    assert bench.controller.on_setpoint(ARM.names, HOME + 0.2, 0.0, bench.controller.now - 0.04) == ""
    bench.run(0.1)
    assert np.max(np.abs(bench.position - here)) > 0.05


def test_setpoints_into_the_dog_hold_before_it() -> None:
    bench = ControllerBench()
    for _ in range(200):
        bench.controller.on_setpoint(ARM.names, [*INTO_TRUNK, 0.0], 0.0)
        bench.step()
    assert "held back: arm_gripper_link and base_link would collide" in bench.controller.state
    assert bench.controller._collision.collisions(bench.position) == []
    for _ in range(100):  # and the same stream may lead out
        bench.controller.on_setpoint(ARM.names, HOME, 0.0)
        bench.step()
    np.testing.assert_allclose(bench.position, HOME, atol=1e-9)


def test_a_goal_takes_over_from_a_stream_for_good() -> None:
    bench = ControllerBench()
    bench.controller.on_setpoint(ARM.names, HOME, 0.0)
    bench.step()
    motion = bench.follow(NEAR_HOME)
    for _ in range(80):  # the stream goes on as if nothing had happened
        assert "refused" in bench.controller.on_setpoint(ARM.names, HOME, 0.0)
        bench.step()
    assert motion.outcome is not None
    assert motion.outcome.code == SUCCESSFUL
    np.testing.assert_allclose(bench.position[:5], NEAR_HOME, atol=1e-6)
    bench.run(0.6)
    assert bench.controller.on_setpoint(ARM.names, HOME, 0.0) == ""


def test_a_stream_that_the_arm_does_not_follow_ends() -> None:
    bench = ControllerBench()
    bench.no_torque = True
    for _ in range(60):
        bench.controller.on_setpoint(ARM.names, HOME + 0.6 * np.eye(6)[0], 0.0)
        bench.step()
    assert bench.silent
    assert "refused" in bench.controller.state
    assert np.max(bench.path[:, 0]) == pytest.approx(0.6)
    np.testing.assert_allclose(bench.path[-1], HOME)  # it goes back to where it is, and pushes no further
    bench.assert_smooth()


def test_a_stream_over_a_stop_needs_a_pause() -> None:
    bench = ControllerBench()
    for i in range(150):
        bench.allowed = not 20 <= i < 40
        bench.controller.on_setpoint(ARM.names, HOME + 0.3, 1.0 if i < 20 else 0.0)
        bench.step()
    assert bench.silent
    assert bench.position[0] < 0.2


# Settings.


def test_a_stream_slides_along_what_it_must_not_touch() -> None:
    bench = ControllerBench()
    for gripper in (0.0, 0.7):  # the arm is held back before the gripper, which is in nobody's way, is to open
        for _ in range(200):
            bench.controller.on_setpoint(ARM.names, [*INTO_TRUNK, gripper], 0.0)
            bench.step()
        assert "held back" in bench.controller.state
        assert bench.position[5] == pytest.approx(gripper)
        assert np.max(np.abs(bench.position[:5] - INTO_TRUNK)) > 0.05
        assert bench.controller._collision.collisions(bench.position) == []


def test_many_small_steps_do_not_creep_through_the_margin() -> None:
    bench = ControllerBench()
    for _ in range(200):
        bench.controller.on_setpoint(ARM.names, [*INTO_TRUNK, 0.0], 0.0)
        bench.step()
    for _ in range(1500):
        bench.controller.on_setpoint(ARM.names, [*INTO_TRUNK, 0.0], 2000.0)
        bench.step()
    assert bench.controller._collision.collisions(bench.position) == []
