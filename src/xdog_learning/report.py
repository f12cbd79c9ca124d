"""Intervals that stand beside every score."""

import math
from typing import Callable, Tuple

import numpy as np

Interval = Tuple[float, float]


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
    """95 % interval of a statistic over independent values, (k,) or (k, m) with one row an episode."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(values), (rounds, len(values)))
    drawn = np.array([statistic(values[row]) for row in rows])
    return float(np.percentile(drawn, 2.5)), float(np.percentile(drawn, 97.5))


def root_mean(squares: np.ndarray) -> float:
    """Root of the mean of squared errors: of (sum, count) rows when there are two columns."""
    if squares.ndim == 2:
        return float(np.sqrt(squares[:, 0].sum() / squares[:, 1].sum()))
    return float(np.sqrt(squares.mean()))
