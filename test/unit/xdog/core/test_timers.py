"""Periods by stamps worked out by hand, the loop's rate timer and hold timers, on clocks that the test sets."""

import math
from typing import List

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.core.timers import HoldTimer, PeriodFilter, RateTimer, period_number

PERIOD = 0.02


class Time:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0.0
        self.now += seconds


def make(start: float) -> tuple:
    time = Time(start)
    return time, RateTimer(PERIOD, time, time.sleep)


@pytest.mark.parametrize(
    ("stamp", "number"),
    [
        (0.0, 0),
        (0.019999, 0),
        (0.02, 1),
        (0.039, 1),
        (0.06, 3),  # 0.06 / 0.02 = 2.9999999999999996
        (0.05999999, 3),  # 10 ns early: half a millionth of a period
        (0.0599999, 2),  # 100 ns early: five millionths
        (-0.001, -1),
        (-0.02, -1),
        (-0.021, -2),
    ],
)
def test_a_stamp_is_in_the_current_period(stamp: float, number: int) -> None:
    assert period_number(stamp, PERIOD) == number


@given(st.integers(0, 10_000_000))
def test_a_stamp_at_the_beginning_of_a_period_is_in_it_however_it_was_rounded(number: int) -> None:
    for stamp in (number * PERIOD, number / 50, round(number * PERIOD, 9)):
        assert period_number(stamp, PERIOD) == number


def test_the_first_stamp_of_each_period_is_recognised() -> None:
    fresh = PeriodFilter(PERIOD)
    stamps = [0.0, 0.005, 0.010, 0.015, 0.020, 0.025, 0.045, 0.060, 0.065]
    assert [stamp for stamp in stamps if fresh.is_first(stamp)] == [0.0, 0.020, 0.045, 0.060]
    assert fresh.count == 4


def test_a_clock_that_jumps_back_starts_another_period() -> None:
    fresh = PeriodFilter(PERIOD)
    assert fresh.is_first(100.0)
    stamps = [5.0, 5.005, 5.02, 5.01]  # the last one is late: it belongs to the previous period
    assert [stamp for stamp in stamps if fresh.is_first(stamp)] == [5.0, 5.02, 5.01]


def test_beats_lie_midway_between_multiples_of_the_period() -> None:
    time, cycle = make(100.0)
    stamps = []
    for _ in range(4):
        cycle.wait()
        stamps.append(time.now)
        time.now += 0.003  # work
    assert stamps == pytest.approx([100.03, 100.05, 100.07, 100.09])
    assert (cycle.beats, cycle.missed) == (4, 0)


@given(st.floats(0.0, 1e9), st.lists(st.floats(0.0, 0.018), min_size=1, max_size=50))
def test_work_that_fits_misses_nothing_and_every_period_has_one_beat(start: float, work: list) -> None:
    time, cycle = make(start)
    ticks = []
    for seconds in work:
        cycle.wait()
        ticks.append(math.floor(time.now / PERIOD))
        time.now += seconds
    assert cycle.missed == 0
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))


def test_work_that_takes_too_long_is_counted_and_not_caught_up() -> None:
    time, cycle = make(10.0)
    cycle.wait()
    time.now += 0.025  # a little late: the next beat follows at once, the one after is on time
    cycle.wait()
    assert (time.now, cycle.missed) == (pytest.approx(10.055), 0)
    cycle.wait()
    assert time.now == pytest.approx(10.07)
    time.now += 0.075  # beats at .09, .11 and .13 are over, and the one at .13 is just 15 ms late
    cycle.wait()
    assert (time.now, cycle.missed) == (pytest.approx(10.145), 2)
    cycle.wait()
    assert time.now == pytest.approx(10.15)
    assert cycle.beats == 7


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_is_set_neither_stops_the_loop_nor_counts(jump: float) -> None:
    time, cycle = make(10_000.0)
    cycle.wait()
    time.now += jump
    before = time.now
    cycle.wait()
    assert time.now - before <= 2 * PERIOD
    assert cycle.missed == 0


def test_a_condition_has_held_from_the_duration_on_until_its_first_interruption() -> None:
    timer = HoldTimer()
    story = [(10.0, True), (10.3, True), (10.5, True), (10.7, True), (10.8, False), (10.9, True), (11.3, True)]
    assert [timer.update(now, holds, 0.5) for now, holds in story] == [False, False, True, True, False, False, False]
    assert timer.update(11.4, True, 0.5) is True


def test_a_condition_that_never_held_has_held_for_no_duration() -> None:
    assert HoldTimer().update(1e9, False, 0.0) is False
    assert HoldTimer().update(1e9, True, 0.0) is True


def test_a_sum_of_stamps_counts_to_the_microsecond() -> None:
    timer = HoldTimer()
    assert not timer.update(0.2, True, 0.1)
    assert 0.3 - 0.2 < 0.1
    assert timer.update(0.3, True, 0.1)


def test_a_clock_that_is_set_back_starts_the_count_again() -> None:
    timer = HoldTimer()
    assert not timer.update(100.0, True, 1.0)
    assert not timer.update(50.0, True, 1.0)
    assert not timer.update(50.9, True, 1.0)
    assert timer.update(51.0, True, 1.0)


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=30), st.integers(0, 4))
def test_several_conditions_equal_as_many_single_ones(rows: List[List[bool]], periods: int) -> None:
    together, alone = HoldTimer(), [HoldTimer() for _ in range(3)]
    for tick, row in enumerate(rows):
        held = together.update(PERIOD * tick, np.array(row), PERIOD * periods)
        assert held.tolist() == [t.update(PERIOD * tick, h, PERIOD * periods) for t, h in zip(alone, row)]
        runs = [rows[tick - i][1] for i in range(min(periods, tick) + 1)]
        assert held[1] == (all(runs) and tick >= periods)
