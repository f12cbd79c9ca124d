"""Shared by evaluations and benchmarks: seeds, scores with their intervals, tables, and JSON output."""

import json
import math
from collections import Counter
from typing import Any, Callable, Dict, Hashable, Sequence, Tuple

import numpy as np
from rich.table import Table

Interval = Tuple[float, float]

ReportProgress = Callable[[str, float], None]
"""Called with a label of the current work and its completed share, 0 to 1."""

CHECK_SEED = 500
"""Lowest seed of the short evaluations during training; training itself uses lower ones."""
HELD_OUT_SEED = 1000
"""Lowest seed of scored episodes: nothing was trained or selected with them."""


def wilson_interval(successes: int, trials: int, z: float = 1.96) -> Interval:
    """95 % interval of a rate (Wilson 1927).

    Raises:
        ValueError: no trials, or more successes than trials.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes in {trials} trials is no rate")
    rate = successes / trials
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap_interval(
    values: np.ndarray, statistic: Callable[[np.ndarray], float] = np.mean, rounds: int = 2000, seed: int = 0
) -> Interval:
    """95 % interval of a statistic over independent values, (k,) or (k, m) with one row per episode."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(values), (rounds, len(values)))
    drawn = np.array([statistic(values[row]) for row in rows])
    return float(np.percentile(drawn, 2.5)), float(np.percentile(drawn, 97.5))


def root_mean(squares: np.ndarray) -> float:
    """Root of the mean of squared errors: of (sum, count) rows if there are two columns."""
    if squares.ndim == 2:
        return float(np.sqrt(squares[:, 0].sum() / squares[:, 1].sum()))
    return float(np.sqrt(squares.mean()))


def success_rate(won: Sequence[bool]) -> Tuple[float, Interval]:
    """Share of trials that succeeded, with its 95 % interval (Wilson)."""
    return sum(won) / len(won), wilson_interval(sum(won), len(won))


def success_by(labels: Sequence[Hashable], won: Sequence[bool], count: str) -> Dict[Any, Dict[str, Any]]:
    """Success rate of every group of trials.

    Args:
        labels: group of each trial.
        won: whether each trial succeeded.
        count: key of the number of trials in a group.

    Returns:
        For every label in order: "success", "interval" and ``count``.
    """
    totals, hits = Counter(labels), Counter(label for label, hit in zip(labels, won) if hit)
    return {
        label: {"success": hits[label] / total, "interval": wilson_interval(hits[label], total), count: total}
        for label, total in sorted(totals.items())
    }


def interval_text(interval: Interval) -> str:
    """An interval for a table."""
    low, high = interval
    return f"{low:.3f} .. {high:.3f}"


def make_table(*columns: str, title: str, rows: Sequence[Sequence[str]]) -> Table:
    """A table for the terminal."""
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*row)
    return table


def to_json(value: Any) -> Any:
    """Values for `json`: numbers rounded to four digits, null for those that are not finite."""
    if isinstance(value, dict):
        return {name: to_json(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [to_json(entry) for entry in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), 4) if math.isfinite(value) else None
    return value


def print_json(values: Dict[str, Any]) -> None:
    """Print one JSON object as a line of standard output."""
    print(json.dumps(to_json(values)), flush=True)
