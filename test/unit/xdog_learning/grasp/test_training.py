"""Training a grasp: interrupted, continued, stopped when it diverges, exported from the best checkpoint."""

import dataclasses
import signal
from pathlib import Path
from typing import Any, Dict

import pytest
import torch
from grasp_trainings import ROBOT, SETTINGS, make_demonstrations, write_demonstrations

from xdog.grasp.policy import GraspPolicy
from xdog_learning.dataset import DatasetError, Demonstrations
from xdog_learning.grasp import training
from xdog_learning.grasp.settings import PolicySettings
from xdog_learning.grasp.trainer import RANDOM_STATES, GraspTrainer
from xdog_learning.grasp.training import GraspTraining, load_demonstrations, split_episodes
from xdog_learning.run_folder import BEST, NEWEST, DivergenceError, RunFolder
from xdog_sim.console import make_console

STEPS = SETTINGS.state.learning.steps


def begin(
    folder: Path, steps: int = STEPS, policy: PolicySettings = SETTINGS.state, data: Any = None, mlp: bool = False
) -> GraspTraining:
    policy = dataclasses.replace(policy, learning=dataclasses.replace(policy.learning, steps=steps))
    data = make_demonstrations() if data is None else data
    run = RunFolder(folder, RANDOM_STATES)
    return GraspTraining(ROBOT, SETTINGS, policy, SETTINGS.mlp if mlp else None, data, run, make_console())


def interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    learn = GraspTrainer.step

    def interrupted(trainer: GraspTrainer) -> Dict[str, float]:
        if trainer.progress.step == step:
            signal.raise_signal(signal.SIGINT)
        return learn(trainer)

    monkeypatch.setattr(GraspTrainer, "step", interrupted)
    monkeypatch.setattr(training, "CHECK_EVERY", 2)


@pytest.fixture(autouse=True)
def ctrl_c() -> Any:
    """SIGINT interrupts, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("observe", "mlp"), [("state", False), ("image", False), ("state", True)])
def test_a_training_ends_with_a_policy_that_runs(tmp_path: Path, observe: str, mlp: bool) -> None:
    data: Demonstrations = make_demonstrations(images=observe == "image")
    run = begin(tmp_path, policy=SETTINGS.policy(observe), data=data, mlp=mlp)
    run.learn()
    run.export("grasp_test", tmp_path / "p.onnx")
    contract = GraspPolicy(tmp_path / "p.onnx", ROBOT).contract
    assert contract.name == "grasp_test"
    assert contract.period == 0.04
    assert contract.dataset["demonstrations"] == 4
    assert contract.scores["steps"] == STEPS
    assert "3 demonstrations to learn from, 1 held out, 26 frames" in run.summary


def test_interrupted_continued_and_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        with pytest.raises(KeyboardInterrupt):
            begin(tmp_path).learn()
    folder = RunFolder(tmp_path, RANDOM_STATES)
    assert folder.read(NEWEST)["progress"]["step"] == 3
    assert folder.read(BEST)["progress"]["step"] == 2
    second = begin(tmp_path)
    second.resume()
    second.learn()
    assert folder.read(NEWEST)["progress"]["step"] == STEPS
    best = folder.read(BEST)["progress"]
    assert best["best_step"] == best["step"] in (2, STEPS)


def test_fewer_steps_than_the_run_has_end_with_a_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        patch.setattr(training, "CHECK_EVERY", 500)  # so that nothing was ever best
        with pytest.raises(KeyboardInterrupt):
            begin(tmp_path).learn()
    second = begin(tmp_path, steps=2)
    second.resume()
    second.learn()
    assert "The run has 3 steps of 2: nothing is left to train." in capsys.readouterr().out
    second.export("grasp_test", tmp_path / "p.onnx")
    assert GraspPolicy(tmp_path / "p.onnx", ROBOT).contract.scores["steps"] == 3


def test_a_divergence_leaves_sound_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn = GraspTrainer.step

    def diverge(trainer: GraspTrainer) -> Dict[str, float]:
        losses = learn(trainer)
        if trainer.progress.step == 4:
            with torch.no_grad():
                next(iter(trainer.network.parameters())).fill_(float("nan"))
        return losses

    monkeypatch.setattr(GraspTrainer, "step", diverge)
    monkeypatch.setattr(training, "CHECK_EVERY", 2)
    with pytest.raises(DivergenceError, match="the held-out loss at step 4 became nan"):
        begin(tmp_path).learn()
    for name in (NEWEST, BEST):
        assert RunFolder(tmp_path, RANDOM_STATES).read(name)["progress"]["step"] == 2


def test_an_interruption_does_not_save_diverged_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(tmp_path)
    with torch.no_grad():
        next(iter(run._trainer.network.parameters())).fill_(float("nan"))
    interrupt_at(monkeypatch, 0)
    with pytest.raises(DivergenceError, match="the checkpoint holds numbers that are not finite"):
        run.learn()
    assert not RunFolder(tmp_path).file(NEWEST).exists()


def test_a_dataset_without_usable_demonstrations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no images"):
        load_demonstrations(write_demonstrations(tmp_path / "data"), images=True)
    with pytest.raises(DatasetError, match="has 1 demonstrations; learning needs two at least"):
        load_demonstrations(write_demonstrations(tmp_path / "one", count=1), images=False)


def test_episodes_are_split_the_same_way_every_time() -> None:
    learned, held_out = split_episodes(20, 0.1, seed=1)
    assert len(held_out) == 2
    assert sorted(learned + held_out) == list(range(20))
    assert split_episodes(20, 0.1, seed=1) == (learned, held_out)
    assert split_episodes(2, 0.01, seed=1)[1] != []
    assert split_episodes(2, 0.99, seed=1)[0] != []
