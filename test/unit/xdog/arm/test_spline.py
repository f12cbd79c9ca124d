"""Splines by hand: values, speeds and accelerations of cubic and quintic pieces, and slopes without overshoot."""

from typing import List

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.arm.spline import CHECK_PERIOD, Spline, slopes

ONE = np.array([[0.0], [1.0]])
REST = np.zeros((2, 1))
TIMES = np.array([0.0, 2.0])


def test_a_cubic_from_rest_to_rest() -> None:
    """p(t) = 3 s^2 - 2 s^3 with s = t / 2: half way in the middle, at 1.5 times the mean speed."""
    spline = Spline(TIMES, ONE, REST, None)
    position, velocity = spline.sample(np.array([0.0, 0.5, 1.0, 2.0]))
    np.testing.assert_allclose(position[:, 0], [0.0, 0.15625, 0.5, 1.0], atol=1e-12)
    np.testing.assert_allclose(velocity[:, 0], [0.0, 0.5625, 0.75, 0.0], atol=1e-12)
    np.testing.assert_allclose(spline.peak_accelerations(), [6.0 / 2.0**2])


def test_a_quintic_from_rest_to_rest() -> None:
    """p(t) = 10 s^3 - 15 s^4 + 6 s^5: 1.875 times the mean speed in the middle."""
    spline = Spline(TIMES, ONE, REST, np.zeros((2, 1)))
    position, velocity = spline.sample(np.array(1.0))
    np.testing.assert_allclose((position, velocity), [[0.5], [1.875 / 2.0]], atol=1e-12)
    assert spline.peak_accelerations()[0] == pytest.approx(10.0 / np.sqrt(3.0) / 4.0, rel=0.01)


def test_it_rests_before_and_after() -> None:
    position, velocity = Spline(TIMES, ONE, np.ones((2, 1)), None).sample(np.array([-1.0, 3.0]))
    np.testing.assert_allclose(position[:, 0], [0.0, 1.0])
    np.testing.assert_allclose(velocity[:, 0], [0.0, 0.0])


def test_some_of_its_joints_move_as_in_the_whole() -> None:
    generator = np.random.default_rng(0)
    whole = Spline(np.array([0.0, 0.4, 1.0]), *generator.normal(size=(2, 3, 4)), None)
    times = np.linspace(-0.1, 1.1, 7)
    for mine, all_of_it in zip(whole.columns(np.array([3, 1])).sample(times), whole.sample(times)):
        np.testing.assert_array_equal(mine, all_of_it[:, [3, 1]])


def test_check_times_hold_both_ends_and_leave_no_gap() -> None:
    times = Spline(np.array([0.5, 1.013]), ONE, REST, None).check_times()
    assert (times[0], times[-1]) == (0.5, 1.013)
    assert np.diff(times).max() <= CHECK_PERIOD


def test_slopes_by_hand() -> None:
    """Slopes 1 and 3 over equal times: their harmonic mean, 1.5. At a turning point and at the end: zero."""
    rising = slopes(np.array([0.0, 1.0, 2.0]), np.array([[0.0], [1.0], [4.0]]), np.array([0.2]))
    np.testing.assert_allclose(rising[:, 0], [0.2, 1.5, 0.0])
    turning = slopes(np.array([0.0, 1.0, 2.0]), np.array([[0.0], [1.0], [0.5]]), np.array([0.0]))
    assert turning[1, 0] == 0.0


@given(st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=8), st.lists(st.floats(0.1, 2.0), min_size=8, max_size=8))
def test_splines_with_these_slopes_do_not_overshoot(knots: List[float], gaps: List[float]) -> None:
    positions, times = np.array(knots)[:, None], np.concatenate([[0.0], np.cumsum(gaps)])[: len(knots)]
    spline = Spline(times, positions, slopes(times, positions, np.zeros(1)), None)
    for i in range(len(knots) - 1):
        between = spline.sample(np.linspace(times[i], times[i + 1], 20))[0]
        assert between.min() >= min(knots[i : i + 2]) - 1e-9
        assert between.max() <= max(knots[i : i + 2]) + 1e-9
