"""./xdog replay: bad input is one message, before the arm or the simulation starts."""

from pathlib import Path
from typing import List

import numpy as np
import pytest
from demonstrations import make_episode, write_dataset
from lerobot_layouts import rewrite

from xdog_learning.commands import replay
from xdog_learning.commands.replay import main
from xdog_learning.dataset.episodes import set_columns

FOLDER = "mine[/1]"


@pytest.fixture(autouse=True)
def dataset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Two episodes; nothing may be replayed unless a test allows it."""
    monkeypatch.chdir(tmp_path)
    write_dataset(Path(FOLDER), [make_episode(seed, 5, task="pick up the [/red] cube") for seed in range(2)])
    monkeypatch.setattr(replay, "replay_simulated", lambda *_: pytest.fail("it replays"))
    return Path(FOLDER)


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["replay", *words])
    return main()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere[/1]"], "dataset is nowhere[/1]; there is no such folder"),
        ([__file__], "that is a file, not a folder"),
        ([FOLDER, "--episode", "99"], f"--episode is 99; {FOLDER} has the episodes 0 to 1"),
        ([FOLDER, "--episode=-1"], "--episode is -1; it must be 0 or more"),
        ([FOLDER, "--film", "."], "--film is .; that is a folder: name a file"),
    ],
)
def test_bad_options_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, words: List[str], message: str
) -> None:
    assert call(monkeypatch, *words) == 2
    assert message in capsys.readouterr().err


def test_an_episodes_task_is_printed_as_it_was_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(replay, "replay_simulated", lambda options, data, console: None)
    assert call(monkeypatch, FOLDER, "--episode", "1") == 0
    assert capsys.readouterr().out == "Episode 1 of 2: pick up the [/red] cube, 5 frames, 0.2 s\n"


def test_a_dataset_in_degrees_does_not_reach_the_arm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, dataset: Path
) -> None:
    def in_degrees(table: object) -> object:
        return set_columns(table, {"action": np.degrees(table["action"].to_pylist()).tolist()})  # type: ignore[index]

    rewrite(dataset, "data/*/*.parquet", in_degrees)  # type: ignore[arg-type]
    assert call(monkeypatch, FOLDER, "--robot", "--yes") == 1
    error = capsys.readouterr().err
    assert f"xdog replay: {FOLDER}/data/chunk-000/file-000.parquet: action of " in error
    assert "degrees or percent" in error


def test_the_arm_needs_a_graph(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setenv("ROS_MASTER_URI", "http://127.0.0.1:1")
    assert call(monkeypatch, FOLDER, "--robot", "--yes") == 1
    assert "xdog replay: no ROS master (no answer from http://127.0.0.1:1" in capsys.readouterr().err


def test_a_folder_without_a_dataset_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert call(monkeypatch, ".") == 1
    assert "xdog replay: . holds no dataset: meta/info.json is missing" in capsys.readouterr().err
