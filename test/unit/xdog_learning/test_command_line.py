"""Command lines: ranges beside the fields, one message and status 2, signals, and lines that a shell reads back."""

import shlex
import signal
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Optional, Tuple

import pytest
import tyro
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import Annotated

from xdog_learning.command_line import (
    Count,
    HeldOutSeed,
    InputFile,
    InputFolder,
    NotEmpty,
    OptionError,
    OutputFile,
    OutputFolder,
    Seed,
    TrainingSeed,
    Workers,
    command_line,
    read_options,
    run_command,
)


@dataclass
class Options:
    """Everything that an option can be."""

    source: tyro.conf.Positional[InputFolder] = Path()
    episodes: Count = 5
    steps: Optional[Count] = None
    seed: Seed = 0
    training_seed: TrainingSeed = 1
    held_out_seed: HeldOutSeed = 1000
    workers: Workers = 2
    settings: Optional[InputFile] = None
    run: OutputFolder = Path("run")
    output: Optional[OutputFile] = None
    only: Annotated[Tuple[str, ...], NotEmpty()] = ("a", "b")
    task: str = "pick it up"
    images: bool = False
    curve: bool = True
    names: List[str] = field(default_factory=list)


def read(*words: str) -> Options:
    return read_options(Options, "try this", words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--episodes", "0"], "--episodes is 0; it must be 1 or more"),
        (["--episodes=-3"], "--episodes is -3; it must be 1 or more"),
        (["--episodes", "2147483648"], "--episodes is 2147483648; it must be 2147483647 or less"),
        (["--steps", "0"], "--steps is 0; it must be 1 or more"),
        (["--seed=-1"], "--seed is -1; it must be 0 or more"),
        (["--training-seed", "500"], "--training-seed is 500; it must be 499 or less: higher seeds are held out"),
        (["--held-out-seed", "999"], "--held-out-seed is 999; it must be 1000 or more: training and trials use lower"),
        (["--workers", "0"], "--workers is 0; it must be 1 or more"),
        (["--workers", "1025"], "--workers is 1025; it must be 1024 or less"),
        (["--settings", "gone.yaml"], "--settings is gone.yaml; there is no such file"),
        (["--settings", "folder"], "--settings is folder; that is a folder, not a file"),
        (["--run", "file"], "--run is file; that is a file, not a folder"),
        (["--run", "file/deep/er"], "--run: file/deep/er cannot be written: {here}/file is a file; run the command"),
        (["--run", "dangling"], "--run is dangling; that is a file, not a folder"),
        (["--output", "folder"], "--output is folder; that is a folder: name a file"),
        (
            ["--output", "file/p.onnx"],
            "--output: file/p.onnx cannot be written: {here}/file is a file; run the command",
        ),
        (["--only"], "--only is empty; name at least one"),
        (["gone"], "source is gone; there is no such folder"),
        (["file"], "source is file; that is a file, not a folder"),
    ],
)
def test_a_value_out_of_range_is_one_message(
    words: List[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(OptionError) as caught:
        read(*words)
    assert str(caught.value).startswith(message.format(here=tmp_path))


def test_missing_permissions_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").touch()
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may do everything
    with pytest.raises(OptionError, match="secret; you may not read that file"):
        read("--settings", str(tmp_path / "secret"))
    with pytest.raises(OptionError, match=f"--run: .* you may not write to {tmp_path}; name another place with --run"):
        read("--run", str(tmp_path / "new" / "run"))


def test_values_within_their_ranges_pass(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    options = read("--episodes", "1", "--run", f"{tmp_path}/a/b", "--output", f"{tmp_path}/file", "--seed", "0")
    assert (options.episodes, options.run, options.output) == (1, tmp_path / "a" / "b", tmp_path / "file")
    assert not (tmp_path / "a").exists()  # reading options makes nothing


def test_the_home_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read("--run=~/run").run == tmp_path / "run"


# Lines for the shell.


def test_defaults_are_left_out_and_the_rest_is_quoted() -> None:
    options = Options(run=Path("my run[1]"), steps=7, images=True, curve=False, only=("b",))
    line = command_line("try this", options)
    assert line == "./xdog try this --steps 7 --run 'my run[1]' --only b --images --no-curve"
    assert command_line("try this", Options()) == "./xdog try this"
    assert command_line("try this", Options(), source=Path("a b"), names=["x"]) == "./xdog try this 'a b' --names x"


@given(task=st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), min_size=1), steps=st.integers(1, 99))
def test_a_command_line_parses_back_to_its_options(task: str, steps: int) -> None:
    options = Options(task=task, steps=steps, images=True, run=Path("a b$c"))
    words = shlex.split(command_line("try this", options))
    if not task.startswith("-"):  # which must be typed as --task=-x
        assert read(*words[3:]) == options


# Running.


def run(monkeypatch: pytest.MonkeyPatch, act: Any, *words: str, errors: Any = ()) -> int:
    monkeypatch.setattr("sys.argv", ["xdog", *words])
    return run_command(Options, "try this", act, errors)


class StrangeError(RuntimeError):
    pass


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (OptionError("--run is x; no"), 2, "--run is x; no"),
        (ValueError("gait.yaml: no [/red]"), 1, "gait.yaml: no [/red]"),
        (OSError("disk full"), 1, "disk full"),
        (BrokenProcessPool("a worker died"), 1, "a worker died"),
        (StrangeError("strange"), 1, "strange"),
        (KeyboardInterrupt(), 130, "stopped"),
        (KeyboardInterrupt("saved"), 130, "saved"),
    ],
)
def test_errors_are_one_line_and_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, error: BaseException, status: int, message: str
) -> None:
    def act(_options: Options) -> None:
        raise error

    assert run(monkeypatch, act, errors=(StrangeError,)) == status
    assert capsys.readouterr() == ("", f"xdog try this: {message}\n")


def test_a_bad_option_is_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert run(monkeypatch, lambda _options: pytest.fail("it ran"), "--episodes", "0") == 2
    assert capsys.readouterr().err == "xdog try this: --episodes is 0; it must be 1 or more\n"


def test_unexpected_errors_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(_options: Options) -> None:
        raise KeyError("a mistake in XDog")

    with pytest.raises(KeyError):
        run(monkeypatch, act)


def test_the_status_is_that_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, lambda _options: None) == 0
    assert run(monkeypatch, lambda _options: 3) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_work_as_ctrl_c_does(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_DFL)  # a program that nohup or a shell started may ignore it
    before: Any = signal.getsignal(number)
    saved: List[str] = []

    def act(_options: Options) -> None:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            saved.append("all")
            raise

    assert run(monkeypatch, act) == 128 + number
    assert saved == ["all"]
    assert signal.getsignal(number) == before


def test_signals_ignored_by_nohup_stay_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run(monkeypatch, lambda _options: signal.raise_signal(signal.SIGHUP)) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
