"""Plots of a gait's evaluation."""

from pathlib import Path
from typing import Any, Dict, List

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from xdog_learning.gait.rollout import Episodes
from xdog_sim.tasks.gait_config import GaitConfig

AXES = (("vx", "m/s"), ("vy", "m/s"), ("wz", "rad/s"))


def plot_tracking(episodes: Episodes, config: GaitConfig, path: Path) -> Path:
    """Commanded against measured velocity of three episodes: the best, the middle and the worst."""
    error = np.sqrt(np.where(episodes.valid, episodes.planar_error, np.nan))
    order = np.argsort(np.nanmean(error, axis=0))
    picks = [("best", order[0]), ("middle", order[len(order) // 2]), ("worst", order[-1])]
    time = np.arange(len(episodes.valid)) * config.control.period
    figure, grid = plt.subplots(3, 3, figsize=(12, 7), sharex=True, sharey="row", constrained_layout=True)
    for column, (label, i) in enumerate(picks):
        for row, (name, unit) in enumerate(AXES):
            axis = grid[row][column]
            measured = episodes.angular_velocity[:, i, 2] if name == "wz" else episodes.linear_velocity[:, i, row]
            axis.plot(time, np.where(episodes.valid[:, i], measured, np.nan), color="#d95f02", lw=0.8, label="measured")
            axis.plot(time, episodes.command[:, i, row], color="#222222", lw=1.6, label="commanded")
            axis.grid(alpha=0.3)
            if row == 0:
                axis.set_title(f"{label} of {len(order)} episodes")
            if column == 0:
                axis.set_ylabel(f"{name}, {unit}")
            if row == 2:
                axis.set_xlabel("time, s")
    grid[0][0].legend(loc="upper right", fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def plot_speed_curve(curve: Dict[str, List[Dict[str, Any]]], path: Path) -> Path:
    """Measured against commanded speed, forward and turning, with the share of falls."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    for axis, (name, unit) in zip(axes, (("vx", "m/s"), ("wz", "rad/s"))):
        rows = curve[name]
        commanded = [row["commanded"] for row in rows]
        axis.plot(commanded, commanded, color="#999999", ls="--", lw=1.0, label="perfect")
        axis.plot(commanded, [row["measured"] for row in rows], "o-", color="#d95f02", label="measured")
        axis.set_xlabel(f"commanded {name}, {unit}")
        axis.set_ylabel(f"measured {name}, {unit}")
        axis.grid(alpha=0.3)
        falls = axis.twinx()
        falls.bar(
            commanded, [row["fall_rate"] for row in rows], width=0.08 * max(commanded), alpha=0.3, color="#7570b3"
        )
        falls.set_ylim(0, 1)
        falls.set_ylabel("share that fell")
        axis.legend(loc="upper left", fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
