"""The plot of the demo is an image with a row for each velocity."""

from pathlib import Path

import numpy as np
from PIL import Image

from xdog_sim.demo.metrics import compute_metrics
from xdog_sim.demo.plot import save_plot
from xdog_sim.demo.recording import Recording


def test_the_plot_has_three_rows_with_measured_velocity_and_pushes(run: Recording, tmp_path: Path) -> None:
    path = tmp_path / "velocity.png"
    save_plot(run, compute_metrics(run), path)
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert picture.shape == (990, 1350, 3)
    blue = (picture[..., 2] > 180) & (picture[..., 0] < 60)
    red = (picture[..., 0] > 180) & (picture[..., 2] < 70)
    thirds = np.array_split(np.arange(120, 860), 3)
    assert all(blue[third].any() and red[third].any() for third in thirds)
