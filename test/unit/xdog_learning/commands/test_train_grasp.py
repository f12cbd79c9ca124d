"""`./xdog train grasp` as it is called: refusals before any work, interruption, divergence, continuation."""

import shlex
import signal
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
import torch
import yaml
from grasp_trainings import RAW, ROBOT, TINY_ACT, write_demonstrations
from training_command import TrainingCommand

from xdog.core.paths import share_path
from xdog.grasp.policy import GraspPolicy
from xdog_learning.commands import train_grasp
from xdog_learning.commands.train_grasp import TrainGraspOptions, main
from xdog_learning.grasp.trainer import RANDOM_STATES, GraspTrainer
from xdog_learning.run_folder import NEWEST, RunFolder


def write_settings(folder: Path) -> Path:
    """The shipped settings, made small, as a file."""
    raw = yaml.safe_load(yaml.safe_dump(RAW))
    raw["validation"] = 0.25
    raw["state"].update(chunk=5, execute=2)
    raw["state"]["act"].update(TINY_ACT)
    raw["state"]["learning"].update(batch=4, steps=6, warmup=2)
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return write_settings(tmp_path)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_demonstrations(tmp_path / "data[red]")


@pytest.fixture
def command(
    tmp_path: Path, settings: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> TrainingCommand:
    words = ["--observe", "state", "--settings", str(settings), "--dataset", str(dataset)]
    return TrainingCommand(main, tmp_path, words, monkeypatch, capsys)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> List[Any]:
    """What would have been recorded."""
    orders: List[Any] = []
    monkeypatch.setattr(train_grasp, "record_missing", lambda options, *_: orders.append(options))
    return orders


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, act: Callable[[GraspTrainer], Any]) -> None:
    learn = GraspTrainer.step

    def interrupted(trainer: GraspTrainer) -> Dict[str, float]:
        if trainer.progress.step == step:
            act(trainer)
        return learn(trainer)

    monkeypatch.setattr(GraspTrainer, "step", interrupted)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "0"], "--steps is 0; it must be 1 or more"),
        (["--threads", "0"], "--threads is 0; it must be 1 or more"),
        (["--settings", "none[/1].yaml"], "--settings is none[/1].yaml; there is no such file"),
        (["--dataset", "none"], "--dataset is none; there is no such folder"),
        (["--run", __file__], f"--run is {__file__}; that is a file, not a folder"),
        (["--output", "/"], "--output is /; that is a folder: name a file"),
        (["--output", f"{__file__}/p.onnx"], f"--output: {__file__}/p.onnx cannot be written: {__file__} is a file"),
    ],
)
def test_bad_options_are_refused_before_any_work(
    command: TrainingCommand, recorded: List[Any], words: Any, message: str
) -> None:
    status, printed = command.plain("--observe", "state", *words)
    assert status == 2
    assert printed.startswith(f"xdog train grasp: {message}")
    assert printed.count("\n") == 1
    assert not recorded


def test_the_baseline_does_not_see(command: TrainingCommand, recorded: List[Any]) -> None:
    status, printed = command.plain("--observe", "image", "--model", "mlp")
    assert (status, recorded) == (2, [])
    assert "--model is mlp; the baseline sees the object's position: use --observe state" in printed


def test_a_run_that_cannot_continue_is_refused_before_recording(command: TrainingCommand, recorded: List[Any]) -> None:
    words = ["--observe", "state", "--run", str(command.run), "--output", str(command.run / "p.onnx")]
    status, printed = command.plain(*words, "--resume")
    assert status == 1
    assert "holds no run to continue: train without --resume first" in printed
    RunFolder(command.run).file(NEWEST).write_bytes(b"cut short")
    assert command.plain(*words)[1].startswith(f"xdog train grasp: {command.run} already holds a run")
    assert "newest.pt is damaged" in command.plain(*words, "--resume")[1]
    assert not recorded


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_saves_and_prints_how_to_continue(
    command: TrainingCommand, settings: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with monkeypatch.context() as patch:
            at_step(patch, 3, lambda _trainer: signal.raise_signal(number))
            status, printed = command()
    finally:
        signal.signal(signal.SIGINT, before)
    assert status == 128 + number
    line = printed.splitlines()[-1].split("interrupted and saved. Continue with: ")[1]
    run, data = shlex.quote(str(command.run)), shlex.quote(str(dataset))
    assert line == (
        f"./xdog train grasp --observe state --resume --run {run} --dataset {data} --settings {settings} --threads 1"
    )
    folder = RunFolder(command.run, RANDOM_STATES)
    assert folder.read(NEWEST)["progress"]["step"] == 3
    status, printed = command.plain(*shlex.split(line)[3:])
    assert status == 0
    assert folder.read(NEWEST)["progress"]["step"] == 6
    policy = command.run / "grasp_state.onnx"
    assert GraspPolicy(policy, ROBOT).contract.scores["steps"] == 6
    assert printed.splitlines()[-1].endswith(
        f"is {policy}. Score it with: ./xdog evaluate grasp --policies {shlex.quote(str(command.run))}"
    )
    assert command("--resume")[0] == 0  # nothing is left to do; the policy is written again


def test_fewer_steps_after_an_early_ctrl_c_end_with_a_policy(
    command: TrainingCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        at_step(patch, 3, lambda _trainer: (_ for _ in ()).throw(KeyboardInterrupt))
        assert command()[0] == 130
    status, printed = command("--resume", "--steps", "2")
    assert status == 0
    assert "The run has 3 steps of 2: nothing is left to train." in printed
    assert GraspPolicy(command.run / "grasp_state.onnx", ROBOT).contract.scores["steps"] == 3


def test_a_divergence_is_an_error_with_a_remedy(command: TrainingCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.nn.utils.clip_grad_norm_", lambda *_: torch.tensor(float("nan")))
    status, printed = command()
    assert status == 1
    last = printed.splitlines()[-1]
    assert last.startswith("xdog train grasp: the training diverged: the gradient at step 0 became nan")
    assert "No checkpoint was written yet. Lower learning.learning_rate" in last
    assert not list(command.run.glob("*.onnx"))


@pytest.mark.parametrize("begun", [False, True])
def test_resuming_runs_no_code_of_the_file(command: TrainingCommand, tmp_path: Path, begun: bool) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "touched",)

    if begun:  # then the sound best checkpoint is there
        assert command()[0] == 0
    command.run.mkdir(parents=True, exist_ok=True)
    parts = ("inputs", "progress", "network", "optimizer", *RANDOM_STATES)
    torch.save(dict.fromkeys(parts, Trap()), command.run / "newest.pt")
    status, printed = command("--resume")
    assert status == (0 if begun else 1)
    assert f"{command.run / 'newest.pt'} is damaged, or holds more than weights and numbers" in printed
    assert not (tmp_path / "touched").exists()


def test_only_the_plain_command_replaces_the_policy() -> None:
    assert TrainGraspOptions("image").policy == share_path("policies") / "grasp_image.onnx"
    assert TrainGraspOptions("state", model="mlp").policy == share_path("policies") / "grasp_mlp.onnx"
    for trial in ({"steps": 5}, {"settings": Path("x")}, {"dataset": Path("x")}):
        assert TrainGraspOptions("state", **trial).policy == Path("runs/grasp_state/grasp_state.onnx")  # type: ignore[arg-type]
    assert TrainGraspOptions("state", steps=5, output=Path("my.onnx")).policy == Path("my.onnx")
