"""The servos' command: it brakes in time, stays clear of the dog ahead of it, and slides where it may."""

import numpy as np
import pytest
from arm_controller_bench import CONFIG, HOME, INTO_TRUNK, PERIOD, ROBOT, STAND

from xdog.arm.collision import ArmCollision
from xdog.arm.motions import Reference
from xdog.arm.rate_limiter import RateLimiter
from xdog.arm.servo_command import ServoCommand, Step

LIMITER = RateLimiter(CONFIG.motion.max_speed, CONFIG.motion.max_acceleration)
GOAL = np.array([*INTO_TRUNK, 0.0])
RAISED_LEG = STAND.copy()
RAISED_LEG[3:6] = [0.3, -2.2, 2.4]


@pytest.fixture
def collision() -> ArmCollision:
    return ArmCollision(ROBOT, CONFIG.motion.margin)


def command_from(start: np.ndarray, collision: ArmCollision) -> ServoCommand:
    return ServoCommand(start.copy(), LIMITER, collision, PERIOD)


def reference(goal: np.ndarray) -> Reference:
    return Reference(goal, np.zeros(6), np.full(6, np.inf))


def test_at_rest_it_does_not_move(collision: ArmCollision) -> None:
    command = command_from(HOME, collision)
    assert not command.is_moving
    np.testing.assert_array_equal(command.take(command.towards_rest(PERIOD)), HOME)
    assert not command.is_moving
    state = command.state(3.0)
    assert (state.now, state.braking_time) == (3.0, 0.0)
    np.testing.assert_array_equal(state.rest, HOME)


def test_what_it_would_brake_to_is_where_it_comes_to_rest(collision: ArmCollision) -> None:
    command = command_from(HOME, collision)
    for _ in range(6):
        command.take(command.towards(reference(HOME + 0.5), PERIOD))
    expected, time = command.braked, command.state(0.0).braking_time
    command.rest = expected
    for _ in range(round(time / PERIOD)):
        assert command.is_moving
        command.take(command.towards_rest(PERIOD))
    assert not command.is_moving
    np.testing.assert_allclose(command.position, expected, atol=1e-9)


def test_obstacles_are_noticed_early_enough_to_brake(collision: ArmCollision) -> None:
    command = command_from(HOME, collision)
    for _ in range(200):
        step = command.towards(reference(GOAL), PERIOD)
        if command.obstacles(step, 0.0):
            break
        command.take(step)
    assert np.any(np.abs(command.speed) > 1.0), "it was under way"
    command.rest = command.braked
    while command.is_moving:
        command.take(command.towards_rest(PERIOD))
    assert collision.collisions(command.position) == []


def test_it_slides_towards_a_goal_that_it_must_not_reach(collision: ArmCollision) -> None:
    command = command_from(HOME, collision)
    for _ in range(200):
        step = command.towards(reference(GOAL), PERIOD)
        command.take(command.slide(step, 0.0, PERIOD) if command.obstacles(step, 0.0) else step)
        command.rest = command.braked
    assert collision.collisions(command.position) == []
    assert np.sum(np.abs(command.position - GOAL) < 1e-6) >= 3, "joints that stay clear have arrived"


def test_a_leg_that_comes_too_fast_stops_it_at_once(collision: ArmCollision) -> None:
    beside_the_leg = np.array([-1.47, 0.81, 1.11, -1.15, 2.16, 0.0])
    command = command_from(HOME + 0.7 * beside_the_leg, collision)
    command.speed, command.rest = 1.5 * beside_the_leg / np.abs(beside_the_leg).max(), beside_the_leg
    before = command.position.copy()
    for _ in range(20):
        collision.set_legs(RAISED_LEG)
        command.take(command.towards_rest(PERIOD))
        if not command.is_moving:
            break
    assert not command.is_moving
    assert collision.collisions(command.position) == []
    assert np.max(np.abs(command.position - before)) > 0.01


def test_a_step_that_moves_nothing_needs_no_check(collision: ArmCollision) -> None:
    command = command_from(GOAL, collision)  # put there by hand
    assert command.obstacles(Step(GOAL, np.zeros(6)), 0.0) == []
