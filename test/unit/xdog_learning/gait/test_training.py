"""Training a gait: interrupted, continued from sound checkpoints, stopped when it diverges, exported."""

import math
import signal
from functools import partial
from pathlib import Path
from typing import Any, Iterator

import pytest
import torch
from gait_learners import SMALL_CONFIG, make_learner
from rich.console import Console
from simulated_robots import ROBOT
from stable_baselines3 import PPO

from xdog.locomotion.policy import GaitPolicy
from xdog_learning.gait import training
from xdog_learning.gait.training import GaitTraining, TrainingMonitor, quick_score
from xdog_learning.run_folder import BEST, NEWEST, DivergenceError, RunFolder
from xdog_sim.console import make_console
from xdog_sim.randomization import load_ranges

ROLLOUT = 16 * 8
"""Control steps of a rollout of the tiny model."""


@pytest.fixture(autouse=True)
def short_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "run_episodes", partial(training.run_episodes, interval=0.55))
    monkeypatch.setattr(training, "quick_score", partial(quick_score, robots=3))


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT interrupts, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def begin(folder: Path, console: Console, config: Any = SMALL_CONFIG) -> GaitTraining:
    return GaitTraining(ROBOT, config, load_ranges(), RunFolder(folder), seed=1, threads=1, console=console)


QUIET = make_console()
QUIET.quiet = True


@pytest.mark.usefixtures("ctrl_c")
def test_interrupted_continued_and_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, learn, updates = RunFolder(tmp_path), PPO.train, [0]

    def interrupted(self: PPO) -> None:
        updates[0] += 1
        if updates[0] == 2:
            signal.raise_signal(signal.SIGINT)
        learn(self)

    with monkeypatch.context() as patch:
        patch.setattr(PPO, "train", interrupted)
        with pytest.raises(KeyboardInterrupt):
            begin(tmp_path, QUIET).learn(3 * ROLLOUT)
    assert folder.read(NEWEST)["progress"]["steps"] == 2 * ROLLOUT
    seconds = folder.read(NEWEST)["progress"]["seconds"]

    with monkeypatch.context() as patch:  # Ctrl-C in the last check
        patch.setattr(training, "run_episodes", lambda *_: signal.raise_signal(signal.SIGINT))
        patch.setattr(TrainingMonitor, "_on_rollout_end", lambda self: None)
        second = begin(tmp_path, QUIET)
        second.resume()
        with pytest.raises(KeyboardInterrupt):
            second.learn(3 * ROLLOUT)
    assert folder.read(NEWEST)["progress"]["steps"] == 3 * ROLLOUT

    third = begin(tmp_path, QUIET)
    third.resume()
    third.learn(3 * ROLLOUT)
    assert third.progress.steps == 3 * ROLLOUT
    assert third.progress.seconds > seconds
    assert third.export(tmp_path / "gait.onnx") in (ROLLOUT, 2 * ROLLOUT, 3 * ROLLOUT)
    scores = GaitPolicy(tmp_path / "gait.onnx", ROBOT).contract.scores
    for name in ("velocity_rmse", "yaw_rate_rmse", "fall_rate"):
        assert scores[f"check_{name}"] == pytest.approx(third.progress.best[name], abs=5.1e-5)
    names = sorted(entry.name for entry in tmp_path.iterdir() if not entry.name.startswith("tensorboard"))
    assert names == ["best.pt", "gait.onnx", "newest.pt"]


def test_fewer_steps_than_the_run_has_end_with_a_policy(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """As after an early Ctrl-C: there is a newest checkpoint, but nothing was ever best."""
    first = begin(tmp_path, QUIET)
    first.model.num_timesteps = 2 * ROLLOUT
    first.save()
    assert not RunFolder(tmp_path).has_best()
    second = begin(tmp_path, make_console())
    second.resume()
    second.learn(ROLLOUT)
    assert f"The run has {2 * ROLLOUT} steps of {ROLLOUT}: nothing is left to train." in capsys.readouterr().out
    assert second.export(tmp_path / "gait.onnx") == 2 * ROLLOUT
    assert GaitPolicy(tmp_path / "gait.onnx", ROBOT).contract.scores["steps"] == 2 * ROLLOUT


@pytest.mark.parametrize("corrupted", ["weights", "observations"])
def test_a_divergence_ends_the_training_and_leaves_sound_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corrupted: str
) -> None:
    learn, updates = PPO.train, [0]

    def diverge(self: PPO) -> None:
        updates[0] += 1
        learn(self)
        if updates[0] == 2:
            with torch.no_grad():
                next(self.policy.parameters()).fill_(math.nan)

    def corrupt(self: TrainingMonitor) -> None:
        report(self)
        if self.model.num_timesteps == 2 * ROLLOUT:
            self.model.rollout_buffer.observations[0, 0, 0] = math.nan  # type: ignore[attr-defined]

    report = TrainingMonitor._on_rollout_end
    if corrupted == "weights":
        monkeypatch.setattr(PPO, "train", diverge)
    else:
        monkeypatch.setattr(TrainingMonitor, "_on_rollout_end", corrupt)
    with pytest.raises(DivergenceError, match="not finite"):
        begin(tmp_path, QUIET).learn(5 * ROLLOUT)
    for name in (NEWEST, BEST):
        assert RunFolder(tmp_path).read(name)["progress"]["steps"] == ROLLOUT  # of the first check


def test_a_lost_best_checkpoint_is_chosen_again(tmp_path: Path) -> None:
    first = begin(tmp_path, QUIET)
    first.learn(ROLLOUT)
    RunFolder(tmp_path).file(BEST).write_bytes(b"cut short")
    second = begin(tmp_path, QUIET)
    second.resume()
    second._best = {"total": 0.0}  # nothing can be better
    second.learn(ROLLOUT)
    assert second.export(tmp_path / "gait.onnx") == ROLLOUT


def test_a_check_in_which_all_fall_does_not_end_training(tmp_path: Path) -> None:
    model = make_learner(tmp_path, 2)
    with torch.no_grad():
        model.policy.action_net.bias[:] = 40.0  # type: ignore[union-attr]  # somersaults
    score = quick_score(model, ROBOT, SMALL_CONFIG, load_ranges(), robots=3)
    assert score["fall_rate"] == 1.0
    assert math.isinf(score["total"])
