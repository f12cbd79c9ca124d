"""Plots of a gait: written where they are wanted, whatever became of the robots."""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from gait_episodes import make_episodes
from simulated_robots import CONFIG

from xdog_learning.gait.plots import plot_speed_curve, plot_tracking


def is_picture(path: Path) -> bool:
    return bool(plt.imread(path).std() > 0.01)


@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
@pytest.mark.parametrize("falls", [False, True])
def test_tracking_of_three_episodes(tmp_path: Path, falls: bool) -> None:
    episodes = make_episodes(count=3)
    if falls:
        episodes.valid[:, 1] = False
        episodes.valid[100:, 2] = False
    assert is_picture(plot_tracking(episodes, CONFIG, tmp_path / "tracking.png"))


def test_speeds_with_the_falls(tmp_path: Path) -> None:
    rows = [{"commanded": speed, "measured": 0.9 * speed, "fall_rate": 0.5} for speed in np.linspace(0.25, 2.0, 8)]
    rows[-1]["measured"] = math.nan
    assert is_picture(plot_speed_curve({"vx": rows, "wz": rows}, tmp_path / "speed.png"))
