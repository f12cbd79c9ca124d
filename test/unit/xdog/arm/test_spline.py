"""Splines: numbers by hand, derivatives, and slopes that do not overshoot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.arm.spline import CHECK_PERIOD, Spline, slopes

ENDS = np.array([0.0, 2.0])
REST = np.zeros((2, 1))


def test_a_cubic_between_rests_by_hand() -> None:
    spline = Spline(ENDS, np.array([[0.0], [1.0]]), REST, None)
    positions, velocities = spline.sample(np.array([-1.0, 0.0, 1.0, 2.0, 5.0]))
    np.testing.assert_allclose(positions[:, 0], [0.0, 0.0, 0.5, 1.0, 1.0])
    np.testing.assert_allclose(velocities[:, 0], [0.0, 0.0, 0.75, 0.0, 0.0], atol=1e-12)  # 1.5 times the mean
    np.testing.assert_allclose(spline.peak_accelerations(), [1.5])  # 6 * 1 / 2^2, at both ends
    assert spline.duration == 2.0


def test_a_quintic_between_rests_by_hand() -> None:
    spline = Spline(ENDS, np.array([[0.0], [1.0]]), REST, REST)
    assert spline.sample(np.array(1.0))[1][0] == pytest.approx(1.875 / 2.0)
    assert spline.peak_accelerations()[0] == pytest.approx(10.0 / np.sqrt(3.0) / 4.0, rel=0.01)  # at 21 % of the way


def test_times_to_check_are_near_enough_and_hold_both_ends() -> None:
    times = Spline(ENDS, np.zeros((2, 1)), REST, None).check_times()
    assert (times[0], times[-1]) == (0.0, 2.0)
    assert np.diff(times).max() <= CHECK_PERIOD


def test_columns_are_the_same_motion_of_fewer_joints() -> None:
    rng = np.random.default_rng(1)
    spline = Spline(ENDS, rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), None)
    at = np.array([0.3, 1.7])
    for part, whole in zip(spline.columns(np.array([2, 0])).sample(at), spline.sample(at)):
        np.testing.assert_array_equal(part, whole[:, [2, 0]])


def test_slopes_by_hand() -> None:
    times = np.array([0.0, 1.0, 2.0, 3.0])
    found = slopes(times, np.array([[0.0], [1.0], [2.0], [1.0]]), np.zeros(1))
    np.testing.assert_allclose(found[:, 0], [0.0, 1.0, 0.0, 0.0])  # straight on, turning back, the end


@given(st.integers(0, 10_000))
def test_speeds_are_the_derivative(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.1, 1.0, 4))
    accelerations = rng.normal(size=(4, 2)) if seed % 2 else None
    spline = Spline(times, rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), accelerations)
    at, step = rng.uniform(times[0] + 0.01, times[-1] - 0.01), 1e-6
    before, after = spline.sample(np.array([at - step, at + step]))[0]
    np.testing.assert_allclose(spline.sample(np.array(at))[1], (after - before) / (2 * step), rtol=1e-3, atol=1e-4)


@given(st.integers(0, 10_000))
def test_no_acceleration_is_above_the_peak(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.1, 1.0, 4))
    spline = Spline(times, rng.normal(size=(4, 1)), rng.normal(size=(4, 1)), None)
    at = np.linspace(times[0], times[-1], 400, endpoint=False)
    inside = np.min(np.abs(at[:-1, None] - times), axis=1) > 2.0 * (at[1] - at[0])
    accelerations = np.abs(np.diff(spline.sample(at)[1][:, 0]) / np.diff(at))
    assert accelerations[inside].max() <= spline.peak_accelerations()[0] * (1.0 + 1e-6)
