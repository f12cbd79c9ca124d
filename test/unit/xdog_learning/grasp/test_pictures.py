"""Pictures of an evaluation: the scored attempts, and every rate."""

from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from xdog.core.paths import share_path
from xdog_learning.grasp import pictures, trials
from xdog_learning.grasp.pictures import plot_scores
from xdog_learning.grasp.trials import CONDITIONS
from xdog_learning.worker_pool import in_processes
from xdog_sim.offscreen import choose_renderer


def test_a_sheet_shows_the_attempt_that_was_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    file = share_path("policies", "grasp_state.onnx")
    condition = next(one for one in CONDITIONS if one.name == "state_success")
    scored = trials._trial((23, 1000, (condition,), (("state", file),)))
    monkeypatch.setenv("MUJOCO_GL", "")
    choose_renderer()  # counts for processes that import MuJoCo from now on
    ((frames, shown),) = in_processes(pictures._frames, [(file, 23, 1000)], 1)
    assert shown == scored.outcomes["state_success"]
    assert len(frames) > 1


def test_every_rate_is_plotted(tmp_path: Path) -> None:
    scores = {"episodes": 20}
    for condition in CONDITIONS:
        scores[condition.name], scores[f"{condition.name}_interval"] = 0.5, (0.3, 0.7)
    path = plot_scores(scores, CONDITIONS, tmp_path / "scores.png")
    assert plt.imread(path).std() > 0.01
