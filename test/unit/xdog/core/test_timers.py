"""The metronome of the robot's loop, on a clock that the test sets."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.core.timers import RateTimer

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
    time.now += 0.025  # a little late: the next beat comes at once, and the one after in time
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
