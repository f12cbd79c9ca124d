"""The plot of the demo: commanded and measured velocity."""

from pathlib import Path
from typing import Any, List, Tuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from xdog_sim.demo.metrics import STRIDE, CourseMetrics, moving_average
from xdog_sim.demo.recording import Recording

matplotlib.use("Agg")
from matplotlib import pyplot as plt

INK, GRID = "#30363d", "#e3e6ea"
COMMAND, MEASURED, PUSH = "#20242a", "#1f77c9", "#d1382b"
BAND = "#f4f6f8"
STYLE: Any = {
    "font.size": 10.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#b8bec6",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


def save_plot(run: Recording, metrics: CourseMetrics, path: Path) -> None:
    """Plot vx, vy and wz over time, with phases and pushes marked; 9 by 6.6 inches.

    Args:
        run: the recorded run.
        metrics: for the title.
        path: of the image; its suffix selects the format.
    """
    measured = np.column_stack([run.velocity[:, :2], run.angular_velocity[:, 2]])
    smooth = moving_average(run.time, measured, STRIDE)
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(3, 1, figsize=(9.0, 6.6), sharex=True, layout="constrained")
        labels = ("forward\n$v_x$  [m/s]", "left\n$v_y$  [m/s]", "turn\n$\\omega_z$  [rad/s]")
        for i, (ax, label) in enumerate(zip(axes, labels)):
            _bands(ax, run)
            ax.plot(run.time, measured[:, i], color=MEASURED, lw=0.5, alpha=0.35)
            ax.plot(run.time, smooth[:, i], color=MEASURED, lw=1.8, label="measured (thin: raw, thick: stride mean)")
            ax.plot(run.time, run.command[:, i], color=COMMAND, lw=1.6, ls=(0, (5, 2)), label="commanded")
            for k, push in enumerate(run.pushes):
                ax.axvline(push.time, color=PUSH, lw=1.4, label="push" if k == 0 else None)
            ax.set_ylabel(label)
            ax.set_ylim(*_limits(run.command[:, i], measured[:, i]))
            ax.grid(axis="y", color=GRID, lw=0.8)
            ax.set_axisbelow(True)
        _phase_names(axes[0], run)
        for push in run.pushes:
            axes[1].annotate(
                f"push {np.linalg.norm(push.delta):.1f} m/s",
                (push.time, axes[1].get_ylim()[0]),
                xytext=(-4, 4),
                textcoords="offset points",
                ha="right",
                color=PUSH,
                fontsize=9,
            )
        fig.align_ylabels(axes)
        axes[2].set_xlabel("simulated time [s]")
        axes[2].set_xlim(run.time[0], run.time[-1])
        handles, names = axes[0].get_legend_handles_labels()
        fig.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
        fig.suptitle(
            f"XDog's demo: commanded and measured velocity\nRMS error {metrics.errors_text()}",
            fontsize=12,
        )
        fig.savefig(path, dpi=150)
        plt.close(fig)


def _limits(command: np.ndarray, measured: np.ndarray) -> Tuple[float, float]:
    low, high = np.percentile(measured, [0.5, 99.5])  # ignore the spikes of a fall, which would hide everything else
    low, high = min(low, command.min(), -0.25), max(high, command.max(), 0.25)
    margin = 0.08 * (high - low)
    return low - margin, high + margin


def _spans(run: Recording) -> List[Tuple[float, float, str]]:
    ends = [mark.time for mark in run.phases[1:]] + [float(run.time[-1])]
    return [(mark.time, end, mark.label) for mark, end in zip(run.phases, ends)]


def _bands(ax: Axes, run: Recording) -> None:
    for i, (start, end, _) in enumerate(_spans(run)):
        if i % 2:
            ax.axvspan(start, end, color=BAND, lw=0, zorder=0)


def _phase_names(ax: Axes, run: Recording) -> None:
    for start, end, label in _spans(run):
        ax.annotate(
            label.replace(" ", "\n"),
            (0.5 * (start + end), 1.02),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=8,
            linespacing=0.95,
        )
