"""`./xdog train gait` as it is called: refusals before any work, interruption, divergence, continuation."""

import math
import pickle
import shlex
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from gait_learners import write_settings
from simulated_robots import ROBOT
from stable_baselines3 import PPO
from training_command import TrainingCommand

from xdog.core.paths import share_path
from xdog.locomotion.policy import GaitPolicy
from xdog_learning.commands.train_gait import TrainGaitOptions, main
from xdog_learning.gait import training
from xdog_learning.run_folder import NEWEST, RunFolder

ROLLOUT = 16 * 8
"""Control steps of a rollout of the tiny model."""


@pytest.fixture(autouse=True)
def short_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "run_episodes", partial(training.run_episodes, interval=0.55))
    monkeypatch.setattr(training, "quick_score", partial(training.quick_score, robots=3))


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return write_settings(tmp_path)


@pytest.fixture
def command(
    tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> TrainingCommand:
    return TrainingCommand(main, tmp_path, ["--settings", str(settings)], monkeypatch, capsys)


def in_update(monkeypatch: pytest.MonkeyPatch, number: int, act: Any) -> None:
    """Let ``act`` happen before PPO's update of this number, counted from 1."""
    learn, updates = PPO.train, [0]

    def train(self: PPO) -> None:
        updates[0] += 1
        if updates[0] == number:
            act(self)
        learn(self)

    monkeypatch.setattr(PPO, "train", train)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "0"], "--steps is 0; it must be 1 or more"),
        (["--steps=-1"], "--steps is -1; it must be 1 or more"),
        (["--threads", "0"], "--threads is 0; it must be 1 or more"),
        (["--seed=-1"], "--seed is -1; it must be 0 or more\n"),
        (["--seed", "500"], "--seed is 500; it must be 499 or less: higher seeds are held out"),
        (["--settings", "none[/1].yaml"], "--settings is none[/1].yaml; there is no such file"),
        (["--run", __file__], f"--run is {__file__}; that is a file, not a folder"),
        (["--output", "/"], "--output is /; that is a folder: name a file"),
    ],
)
def test_bad_options_are_refused_before_any_work(
    command: TrainingCommand, monkeypatch: pytest.MonkeyPatch, words: Any, message: str
) -> None:
    monkeypatch.setattr(training, "build_ppo", lambda *_: pytest.fail("it trains"))
    status, printed = command.plain(*words)
    assert status == 2
    assert printed.startswith(f"xdog train gait: {message}")
    assert printed.count("\n") == 1


def test_a_share_folder_that_is_not_writable_is_detected_before_the_training(
    command: TrainingCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: "policies" not in str(path))
    status, printed = command.plain()
    assert status == 2
    assert "--output: " in printed
    assert "you may not write to" in printed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reward": {"glide": 1.0}}, "unknown reward terms: glide"),
        ({"control": {"period": 0.04, "kp": 18.0, "kd": 0.5, "action_scale": 0.25}}, "its period is 0.04 s"),
    ],
)
def test_wrong_settings_end_training_with_one_message_before_it_begins(
    command: TrainingCommand, settings: Path, changes: Any, message: str
) -> None:
    write_settings(settings.parent, **changes)
    status, printed = command()
    assert status == 1
    assert printed.startswith(f"xdog train gait: {settings}: ")
    assert message in printed
    assert printed.count("\n") == 1
    assert not command.run.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_saves_and_prints_how_to_continue(
    command: TrainingCommand, settings: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with monkeypatch.context() as patch:
            in_update(patch, 2, lambda _model: signal.raise_signal(number))
            status, printed = command("--steps", str(3 * ROLLOUT), "--seed", "7")
    finally:
        signal.signal(signal.SIGINT, before)
    assert status == 128 + number
    line = printed.splitlines()[-1].split("interrupted and saved. Continue with: ")[1]
    run = shlex.quote(str(command.run))
    assert line == (
        f"./xdog train gait --run {run} --resume --steps {3 * ROLLOUT} --settings {settings} --seed 7 --threads 1"
    )
    assert RunFolder(command.run).read(NEWEST)["progress"]["steps"] == 2 * ROLLOUT
    assert f"tensorboard --logdir {shlex.quote(str(command.run / 'tensorboard'))}" in printed

    status, printed = command.plain(*shlex.split(line)[3:])
    assert status == 0
    policy = command.run / "gait.onnx"
    assert printed.splitlines()[-1].endswith(
        f"is {policy}. Score it with: ./xdog evaluate gait --policy {shlex.quote(str(policy))} --settings {settings}"
    )
    assert GaitPolicy(policy, ROBOT).contract.urdf_hash == ROBOT.urdf_hash
    assert command("--steps", "1")[1].startswith(
        f"xdog train gait: {command.run} already holds a run: continue it with --resume"
    )


def test_a_divergence_is_an_error_with_a_remedy(command: TrainingCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    def corrupt(model: PPO) -> None:
        model.rollout_buffer.advantages[:] = math.nan

    in_update(monkeypatch, 2, corrupt)
    status, printed = command("--steps", str(5 * ROLLOUT))
    assert status == 1
    last = printed.splitlines()[-1]
    assert last.startswith("xdog train gait: the training diverged: the loss became nan")
    assert f"The last sound checkpoint is {command.run / 'newest.pt'}. Lower ppo.learning_rate" in last
    assert "--run FOLDER" in last
    assert not (command.run / "gait.onnx").exists()
    assert RunFolder(command.run).read(NEWEST)["progress"]["steps"] == ROLLOUT


def test_fewer_steps_after_an_early_ctrl_c_end_with_a_policy(
    command: TrainingCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(training.GaitTraining, "check", lambda self: None)  # as if there had been no time for one
        in_update(patch, 2, lambda _model: (_ for _ in ()).throw(KeyboardInterrupt))
        assert command("--steps", str(3 * ROLLOUT))[0] == 130
    assert not RunFolder(command.run).has_best()
    status, printed = command("--steps", str(ROLLOUT), "--resume")
    assert status == 0
    assert "nothing is left to train" in printed
    assert (command.run / "gait.onnx").exists()


def test_resuming_without_a_run_is_an_error(command: TrainingCommand) -> None:
    status, printed = command("--resume")
    assert status == 1
    assert printed == f"xdog train gait: {command.run} holds no run to continue: train without --resume first\n"


@pytest.mark.parametrize("name", ["newest.pt", "newest.zip"])
def test_resuming_runs_no_code_of_the_file(command: TrainingCommand, tmp_path: Path, name: str) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "touched",)

    command.run.mkdir(parents=True)
    if name.endswith("pt"):
        torch.save({"inputs": {}, "progress": {}, "network": Trap(), "optimizer": {}}, command.run / name)
    else:
        (command.run / name).write_bytes(pickle.dumps(Trap()))
    status, printed = command("--resume")
    assert status == 1
    assert "more than weights and numbers" in printed or "of an older XDog" in printed
    assert "without --resume" in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "touched").exists()


def test_only_the_plain_command_writes_the_shipped_policy(tmp_path: Path) -> None:
    shipped = share_path("policies") / "gait.onnx"
    assert TrainGaitOptions().policy == TrainGaitOptions(run=tmp_path, seed=2, resume=True).policy == shipped
    assert TrainGaitOptions(run=tmp_path, steps=1000).policy == tmp_path / "gait.onnx"
    assert TrainGaitOptions(run=tmp_path, settings=tmp_path / "my.yaml").policy == tmp_path / "gait.onnx"
    assert TrainGaitOptions(run=tmp_path, steps=1000, output=tmp_path / "a.onnx").policy == tmp_path / "a.onnx"
