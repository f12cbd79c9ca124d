"""Statistics of a dataset's features, as LeRobot defines them: per entry of a vector, per colour of an image."""

from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

Array = np.ndarray
Statistics = Dict[str, Array]
"""The entries of BASIC, each in the shape of the feature, count (1,), and the quantiles of QUANTILES where known."""

BASIC = ("min", "max", "mean", "std", "count")
"""The standard deviation is the population's."""
QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
"""LeRobot writes them since v3.0; datasets converted from v2.1 lack them."""


def vector_statistics(values: Array) -> Statistics:
    """Over the rows of (N, n) numbers; every entry has shape (n,)."""
    values = values.astype(np.float64)
    quantiles = dict(zip(QUANTILES, np.quantile(values, list(QUANTILES.values()), axis=0)))
    return {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
        "count": np.array([len(values)]),
        **quantiles,
    }


def image_statistics(images: Array) -> Statistics:
    """Over all pixels of (N, H, W, 3) uint8 images, scaled to 0 ... 1; every entry has shape (3, 1, 1)."""
    counts = np.stack([np.bincount(images[..., colour].ravel(), minlength=256) for colour in range(3)])
    levels, below = np.arange(256) / 255.0, np.cumsum(counts, axis=1)
    total = below[0, -1]
    mean = counts @ levels / total
    found = {
        "min": [levels[row.nonzero()[0][0]] for row in counts],
        "max": [levels[row.nonzero()[0][-1]] for row in counts],
        "mean": mean,
        "std": np.sqrt((counts * (levels - mean[:, None]) ** 2).sum(axis=1) / total),
    }
    for name, share in QUANTILES.items():
        found[name] = [levels[np.searchsorted(row, share * (total - 1), side="right")] for row in below]
    shaped = {name: np.asarray(value).reshape(3, 1, 1) for name, value in found.items()}
    return {**shaped, "count": np.array([len(images)])}


def merge(parts: Sequence[Statistics]) -> Statistics:
    """Statistics of all from those of parts, exact except for the quantiles.

    As in LeRobot, quantiles are averaged, and left out if a part lacks them.
    """
    counts = np.array([part["count"][0] for part in parts], dtype=float)
    weights = (counts / counts.sum()).reshape(-1, *[1] * parts[0]["mean"].ndim)

    def average(values: List[Array]) -> Array:
        return (np.stack(values) * weights).sum(axis=0)

    mean = average([part["mean"] for part in parts])
    known = [name for name in QUANTILES if all(name in part for part in parts)]
    return {
        "min": np.min([part["min"] for part in parts], axis=0),
        "max": np.max([part["max"] for part in parts], axis=0),
        "mean": mean,
        "std": np.sqrt(average([part["std"] ** 2 + (part["mean"] - mean) ** 2 for part in parts])),
        "count": np.array([int(counts.sum())]),
        **{name: average([part[name] for part in parts]) for name in known},
    }


def to_json(statistics: Mapping[str, Statistics]) -> Dict[str, Dict[str, Any]]:
    """The content of stats.json."""
    return {name: {key: value.tolist() for key, value in entry.items()} for name, entry in statistics.items()}


def from_json(entry: Any, shape: Sequence[int]) -> Statistics:
    """One feature's entry of stats.json; empty if anything but quantiles is missing.

    Args:
        entry: as parsed.
        shape: of every statistic but the count.
    """
    try:
        known = {name: np.asarray(entry[name], dtype=float) for name in (*BASIC, *QUANTILES) if name in entry}
    except (TypeError, ValueError):
        return {}
    whole = all(name in known for name in BASIC)
    fits = all(value.shape == ((1,) if name == "count" else tuple(shape)) for name, value in known.items())
    return known if whole and fits else {}
