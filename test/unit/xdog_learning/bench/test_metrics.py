"""The benchmark's metrics by hand: interleaving, jitter, latency, real-time factor."""

import math
from typing import Callable, List

import numpy as np
import pytest
from bench_case import no_report
from hypothesis import given
from hypothesis import strategies as st

from xdog_learning.bench.metrics import command_latencies, interleave, jitter_p99_ms, real_time_factor


def test_contestants_alternate_and_the_warm_up_does_not_count() -> None:
    now, calls = [0.0], []

    def contestant(name: str, steps: int, seconds: List[float]) -> Callable[[], int]:
        def run() -> int:
            calls.append(name)
            now[0] += seconds.pop(0)
            return steps

        return run

    contestants = {"a": contestant("a", 100, [50.0, 1.0, 2.0]), "b": contestant("b", 30, [7.0, 3.0, 10.0])}
    rates = interleave(contestants, 2, no_report, lambda: now[0])
    assert calls == ["a", "b"] * 3
    assert rates == {"a": [100.0, 50.0], "b": [10.0, 3.0]}


def test_progress_rises_from_zero_to_less_than_one() -> None:
    shares: List[float] = []
    interleave({"a": lambda: 1, "b": lambda: 1}, 3, lambda _label, share: shares.append(share))
    assert shares == [number / 8 for number in range(8)]


def test_jitter_is_the_deviation_early_and_late_alike() -> None:
    # Intervals 20, 25, 15 and 20 ms: deviations 0, 5, 5, 0; the 99th percentile lies between the two largest.
    assert jitter_p99_ms([1.0, 1.020, 1.045, 1.060, 1.080], 0.02) == pytest.approx(5.0)


def test_jitter_shows_what_happens_twice_in_a_hundred_times() -> None:
    intervals = np.full(1000, 0.02)
    intervals[::50] = 0.05
    assert jitter_p99_ms(np.cumsum(intervals), 0.02) == pytest.approx(30.0)
    intervals[:] = 0.02
    intervals[::200] = 0.05
    assert jitter_p99_ms(np.cumsum(intervals), 0.02) == pytest.approx(0.0, abs=1e-6)


@given(
    st.lists(st.floats(0.0, 0.1), min_size=2, max_size=50),
    st.floats(0.0, 1e4),
)
def test_jitter_does_not_depend_on_when_the_clock_started(intervals: List[float], start: float) -> None:
    arrivals = np.cumsum(intervals)
    assert jitter_p99_ms(start + arrivals, 0.02) == pytest.approx(jitter_p99_ms(arrivals, 0.02), abs=1e-6)


def test_jitter_of_one_arrival_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 arrivals"):
        jitter_p99_ms([1.0], 0.02)


def test_real_time_factor() -> None:
    assert real_time_factor([(10.0, 3.0), (11.0, 3.9), (12.0, 4.0)]) == pytest.approx(0.5)


SAFE = [(0.99, 0.3), (1.01, 0.34), (1.03, 0.38), (1.05, 0.5), (1.99, 0.5), (2.015, 0.46)]
STATES = [(1.000, 5.000), (1.005, 5.005), (1.012, 5.010), (1.016, 5.015), (1.021, 5.020), (2.020, 6.020)]
COMMANDS = [(1.002, 5.000), (1.011, 5.005), (1.023, 5.020), (2.003, 6.000), (2.021, 6.020)]


def test_latency_ends_with_the_answer_to_a_state_after_the_changed_velocity() -> None:
    # cmd_vel changes at 1.004; the mux publishes it at 1.01; the next state came at 1.012 with stamp 5.010. The command
    # at 1.011 answers an older state, the one at 1.023 a newer one: 19 ms. The second change likewise: 20 ms.
    latencies = command_latencies([(1.004, 0.5), (2.001, 0.3)], SAFE, STATES, COMMANDS)
    assert latencies == pytest.approx([0.019, 0.020])


@pytest.mark.parametrize("missing", ["safe", "states", "commands"])
def test_latency_without_an_answer_is_infinite(missing: str) -> None:
    records = {"safe": SAFE, "states": STATES, "commands": COMMANDS}
    records[missing] = [entry for entry in records[missing] if entry[0] < 2.001]
    first, second = command_latencies([(1.004, 0.5), (2.001, 0.3)], **records)
    assert math.isfinite(first)
    assert second == math.inf


def test_unchanged_velocity_is_no_answer() -> None:
    assert command_latencies([(1.2, 0.5)], [(1.1, 0.5), (1.3, 0.5)], STATES, COMMANDS) == [math.inf]
