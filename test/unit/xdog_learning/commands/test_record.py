"""./xdog record as called: bad input is refused before any work, in the user's own words."""

from pathlib import Path
from typing import Any, List

import pytest
from demonstrations import make_episode, write_dataset

from xdog_learning.commands import record
from xdog_learning.commands.record import RecordOptions, main
from xdog_learning.dataset import DatasetWriter


@pytest.fixture(autouse=True)
def in_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["record", *words])
    return main()


def adds_one(writer: DatasetWriter, *_: Any) -> None:
    writer.add(make_episode(writer.episodes, 5))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--episodes", "0"], "--episodes is 0; it must be 1 or more"),
        (["--episodes=-3"], "--episodes is -3; it must be 1 or more"),
        (["--workers", "0"], "--workers is 0; it must be 1 or more"),
        (["--seed=-1"], "--seed is -1; it must be 0 or more"),
        (["--out", __file__], "that is a file, not a folder"),
        (["--by", "keyboard", "--task", " "], "--task is empty; describe the task"),
        (["--by", "leader"], "--by leader needs --calibration FILE of the leader arm"),
        (["--by", "leader", "--calibration", "gone[/1].json"], "--calibration is gone[/1].json; there is no such file"),
    ],
)
def test_bad_options_are_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, words: List[str], message: str
) -> None:
    monkeypatch.setattr(record, "record_expert", lambda *_: pytest.fail("it records"))
    assert call(monkeypatch, *words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["run[/1]", "run[old]", ":dog: run"])
def test_a_folders_name_is_printed_as_it_was_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, folder: str
) -> None:
    monkeypatch.setattr(record, "record_expert", adds_one)
    assert call(monkeypatch, "--episodes", "1", "--out", folder) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{folder} holds 0 of 1 episodes.\n")
    assert printed.endswith(f"./xdog replay '{folder}' --episode 0\n")


def test_a_dataset_that_cannot_be_added_to_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(record, "record_expert", lambda *_: pytest.fail("it records"))
    write_dataset(Path("mine[/1]"), [make_episode(0, 5)])
    assert call(monkeypatch, "--out", "mine[/1]", "--images") == 1
    assert "xdog record: mine[/1] has no images: name another folder with --out" in capsys.readouterr().err
    Path("mine[/1]/meta/tasks.parquet").unlink()
    assert call(monkeypatch, "--out", "mine[/1]") == 1
    assert "mine[/1]/meta/tasks.parquet is missing: copy this file again" in capsys.readouterr().err


def test_a_dataset_that_holds_enough_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(record, "record_expert", lambda *_: pytest.fail("it records"))
    write_dataset(Path("mine"), [make_episode(0, 5)])
    assert call(monkeypatch, "--out", "mine", "--episodes", "1") == 0
    assert "mine holds 1 episodes, 5 frames" in capsys.readouterr().out


def test_an_interruption_prints_how_to_continue(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def interrupted(writer: DatasetWriter, *_: Any) -> None:
        adds_one(writer)
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "record_expert", interrupted)
    assert call(monkeypatch, "--out", "mine [/1]", "--episodes", "3", "--seed", "4") == 130
    error = capsys.readouterr().err
    assert "what was recorded is whole. Continue with: ./xdog record --episodes 3 --out 'mine [/1]' --seed 4" in error
    monkeypatch.setattr(record, "record_expert", adds_one)
    assert call(monkeypatch, "--out", "mine [/1]", "--episodes", "3", "--seed", "4") == 0
    assert "mine [/1] holds 1 of 3 episodes." in capsys.readouterr().out


def test_a_human_needs_a_graph(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setenv("ROS_MASTER_URI", "http://127.0.0.1:1")
    assert call(monkeypatch, "--by", "keyboard", "--task", "pick up the [/red] cube") == 1
    assert "xdog record: no ROS master (no answer from http://127.0.0.1:1" in capsys.readouterr().err


def test_a_humans_episodes_have_their_own_folder() -> None:
    folders = {by: RecordOptions(by=by).folder for by in ("expert", "keyboard", "leader")}  # type: ignore[arg-type]
    assert folders["expert"] == Path("out/datasets/grasp_state")
    assert RecordOptions(images=True).folder == Path("out/datasets/grasp_image")
    assert folders["keyboard"] == folders["leader"] == Path("out/datasets/human")
    assert RecordOptions(by="keyboard", images=True).folder == Path("out/datasets/human")
    assert RecordOptions(by="leader", out=Path("mine")).folder == Path("mine")
