"""Computes the metrics of the benchmark from recorded times."""

import math
import time
from bisect import bisect_right
from typing import Callable, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from xdog_learning.report import ReportProgress

Stamped = Sequence[Tuple[float, float]]
"""Messages: arrival in s of wall time, ascending, and a value."""


def interleave(
    contestants: Mapping[str, Callable[[], int]],
    rounds: int,
    report: ReportProgress,
    clock: Callable[[], float] = time.perf_counter,
) -> Dict[str, List[float]]:
    """Let the contestants run in turn, so that other load on the machine affects all of them alike.

    Args:
        contestants: each runs one block when called and returns how many steps it did.
        rounds: blocks of each that count, after one to warm up.
        report: called with the progress.
        clock: s.

    Returns:
        Steps per second of every block.
    """
    rates: Dict[str, List[float]] = {name: [] for name in contestants}
    for number in range(-1, rounds):
        for place, (name, run) in enumerate(contestants.items()):
            label = f"{name}, {f'round {number + 1} of {rounds}' if number >= 0 else 'warm-up'}"
            report(label, (number + 1 + place / len(contestants)) / (rounds + 1))
            start = clock()
            steps = run()
            if number >= 0:
                rates[name].append(steps / (clock() - start))
    return rates


def jitter_p99_ms(arrivals: Sequence[float], period: float) -> float:
    """Deviation of the time between two arrivals from the period, 99th percentile of its absolute value, ms.

    Raises:
        ValueError: fewer than two arrivals.
    """
    if len(arrivals) < 2:
        raise ValueError(f"jitter of {len(arrivals)} arrivals: at least two are needed")
    return float(np.percentile(np.abs(np.diff(arrivals) - period), 99) * 1e3)


def command_latencies(published: Stamped, safe: Stamped, states: Stamped, commands: Stamped) -> List[float]:
    """Time from every change of cmd_vel to the first legs/command that must reflect it, s of wall time.

    That command answers a state that arrived after the first changed cmd_vel_safe.

    Args:
        published: when cmd_vel was changed, and to what.
        safe: cmd_vel_safe; at rest whenever cmd_vel changes.
        states: legs/state with its stamp.
        commands: legs/command with the stamp of the state that it answers.

    Returns:
        One for each change; infinite if no answer arrived before the recording ended.
    """
    safe_times, state_times, command_times = ([at for at, _ in topic] for topic in (safe, states, commands))
    latencies = []
    for changed_at, _ in published:
        first = bisect_right(safe_times, changed_at)
        before = safe[first - 1][1] if first else math.nan
        changed = next((at for at, value in safe[first:] if value != before), math.inf)
        later = bisect_right(state_times, changed)
        needed = states[later][1] if later < len(states) else math.inf
        after = commands[bisect_right(command_times, changed) :]
        latencies.append(next((at for at, stamp in after if stamp >= needed), math.inf) - changed_at)
    return latencies


def real_time_factor(commands: Stamped) -> float:
    """Simulated time per wall time over the recording; the values are stamps in simulated time."""
    (start, first), (end, last) = commands[0], commands[-1]
    return (last - first) / (end - start)
