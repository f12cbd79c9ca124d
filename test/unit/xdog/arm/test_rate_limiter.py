"""Commands with limited speed and acceleration: numbers by hand, and properties of whatever they follow."""

from typing import List, Tuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.arm.rate_limiter import RateLimiter

Array = np.ndarray
SPEED, ACCELERATION, PERIOD = 2.0, 50.0, 0.02
LIMITER = RateLimiter(SPEED, ACCELERATION)  # 1 rad/s and 0.02 rad in a period
FAST = np.full(1, np.inf)


def approach(distance: float, speed: float = 0.0, periods: int = 200) -> Tuple[List[float], List[float]]:
    """Commands and speeds on the way to a place at rest."""
    position, velocity = np.zeros(1), np.full(1, speed)
    places, speeds = [0.0], [speed]
    for _ in range(periods):
        position, velocity = LIMITER.next(position, velocity, (np.full(1, distance), np.zeros(1)), FAST, PERIOD)
        places.append(float(position[0]))
        speeds.append(float(velocity[0]))
    return places, speeds


def test_a_way_by_hand() -> None:
    places, speeds = approach(0.12)
    np.testing.assert_allclose(speeds[:7], [0.0, 1.0, 2.0, 2.0, 1.0, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(places[:6], [0.0, 0.02, 0.06, 0.10, 0.12, 0.12])
    places, speeds = approach(0.03)  # one period at 1, then 0.5
    np.testing.assert_allclose(speeds[:4], [0.0, 1.0, 0.5, 0.0], atol=1e-9)


def test_braking_by_hand() -> None:
    braking = LIMITER.braking(np.array([1.0, 0.0]), np.array([1.5, -2.0]), PERIOD)
    np.testing.assert_allclose(braking, [[1.01, -0.02], [1.01, -0.02]])
    np.testing.assert_allclose(LIMITER.rest(np.array([1.0, 0.0]), np.array([1.5, -2.0]), PERIOD), [1.01, -0.02])
    assert LIMITER.braking(np.zeros(2), np.zeros(2), PERIOD).shape == (0, 2)
    np.testing.assert_array_equal(LIMITER.rest(np.ones(2), np.zeros(2), PERIOD), np.ones(2))


@given(st.floats(-3.0, 3.0), st.floats(-SPEED, SPEED))
def test_a_place_is_reached_without_overshoot_and_within_the_limits(distance: float, speed: float) -> None:
    places, speeds = approach(distance, speed)
    assert np.abs(np.diff(speeds)).max() <= ACCELERATION * PERIOD + 1e-9
    assert np.abs(speeds).max() <= SPEED + 1e-9
    assert places[-1] == distance
    assert speeds[-1] == 0.0
    stop = float(LIMITER.rest(np.zeros(1), np.full(1, speed), PERIOD)[0])
    assert max(places) <= max(0.0, distance, stop) + 1e-9
    assert min(places) >= min(0.0, distance, stop) - 1e-9


@given(st.floats(-SPEED, SPEED))
def test_a_reference_at_the_resting_place_brakes_as_foretold(speed: float) -> None:
    braking = LIMITER.braking(np.zeros(1), np.full(1, speed), PERIOD)
    stop = float(LIMITER.rest(np.zeros(1), np.full(1, speed), PERIOD)[0])
    places, _ = approach(stop, speed, len(braking) + 2)
    np.testing.assert_allclose(places[1 : len(braking) + 1], braking[:, 0], atol=1e-9)
    np.testing.assert_allclose(places[-2:], stop, atol=1e-9)


@given(st.floats(0.1, 1.0), st.floats(-0.3, 0.3))
def test_a_moving_reference_is_caught_up_with_and_then_followed_exactly(amplitude: float, offset: float) -> None:
    rate = 2.0  # rad/s: accelerations up to 4 rad/s^2, speeds up to 2
    position, velocity = np.full(1, offset), np.zeros(1)
    for i in range(1, 200):
        time = i * PERIOD
        at = np.full(1, amplitude * np.sin(rate * time)), np.full(1, amplitude * rate * np.cos(rate * time))
        before = velocity
        position, velocity = LIMITER.next(position, velocity, at, FAST, PERIOD)
        assert np.abs(velocity - before)[0] <= ACCELERATION * PERIOD + 1e-9
        if time > 1.5:
            assert position[0] == pytest.approx(at[0][0], abs=1e-9)


@given(st.lists(st.tuples(st.floats(0.005, 0.05), st.floats(-2.0, 2.0)), min_size=1, max_size=40))
def test_uneven_periods_keep_the_limits(steps: List[Tuple[float, float]]) -> None:
    position, velocity = np.zeros(1), np.zeros(1)
    for period, goal in steps:
        before, place = velocity, position
        position, velocity = LIMITER.next(position, velocity, (np.full(1, goal), np.zeros(1)), FAST, period)
        assert abs(velocity[0] - before[0]) <= ACCELERATION * period + 1e-9
        assert abs(position[0] - place[0]) <= SPEED * period + 1e-9


def test_a_lower_limit_of_speed_is_approached_gently_and_kept() -> None:
    position, velocity, limit = np.zeros(1), np.full(1, 2.0), np.full(1, 0.5)
    speeds = []
    for _ in range(5):
        position, velocity = LIMITER.next(position, velocity, (np.full(1, 3.0), np.zeros(1)), limit, PERIOD)
        speeds.append(float(velocity[0]))
    np.testing.assert_allclose(speeds, [1.0, 0.5, 0.5, 0.5, 0.5])


def test_no_time_no_motion() -> None:
    position, velocity = LIMITER.next(np.zeros(1), np.ones(1), (np.ones(1), np.zeros(1)), FAST, 0.0)
    assert (position[0], velocity[0]) == (0.0, 1.0)
