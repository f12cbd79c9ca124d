"""Recording the expert: only successes are kept, and a repeated command continues after the last attempt."""

import io
from pathlib import Path
from typing import Iterator, List

import numpy as np
import pytest
from demonstrations import make_episode
from rich.console import Console

from xdog_learning.dataset import DatasetWriter, load_dataset
from xdog_learning.dataset.provenance import version_of
from xdog_learning.grasp import expert_recording
from xdog_learning.grasp.expert import GraspAttempt
from xdog_learning.grasp.expert_recording import record_expert

VERSION = {"commit": "abc", "grasp_yaml": "123"}


@pytest.fixture(autouse=True)
def version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expert_recording, "present_version", lambda: VERSION)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> List[int]:
    """Attempts that were asked for; each third one, beginning with number 1, succeeds."""
    numbers: List[int] = []

    def attempts_from(first: int, seed: int, images: bool, workers: int) -> Iterator[GraspAttempt]:
        number = first
        while True:
            numbers.append(number)
            episode = make_episode(number) if number % 3 == 1 else None
            yield GraspAttempt(None, episode, episode is not None, "" if episode else "missed, lifted 0.000 m")  # type: ignore[arg-type]
            number += 1

    monkeypatch.setattr(expert_recording, "attempts_from", attempts_from)
    return numbers


def record_until(folder: Path, episodes: int, seed: int = 1) -> str:
    screen = io.StringIO()
    with DatasetWriter(folder) as writer:
        record_expert(writer, episodes, seed, images=False, workers=1, console=Console(file=screen, soft_wrap=True))
    return screen.getvalue()


def test_only_successes_are_kept_and_their_attempts_are_listed(tmp_path: Path, asked: List[int]) -> None:
    record_until(tmp_path / "a", 3)
    data = load_dataset(tmp_path / "a")
    assert asked == list(range(8))
    kept = [[0, 1], [1, 4], [2, 7]]
    assert data.recording["sources"] == [
        {"by": "expert", "seed": 1, "tried": 8, "kept": kept, "versions": [{"from": 0, **VERSION}]}
    ]
    np.testing.assert_array_equal(data.episode(2).action, make_episode(7).action)


def test_a_repeated_command_continues_after_the_last_kept_attempt(tmp_path: Path, asked: List[int]) -> None:
    record_until(tmp_path / "a", 1)
    record_until(tmp_path / "a", 2)
    assert asked == [0, 1, 2, 3, 4]
    record_until(tmp_path / "a", 3, seed=2)
    sources = load_dataset(tmp_path / "a").recording["sources"]
    versions = [{"from": 0, **VERSION}]
    assert sources[0] == {"by": "expert", "seed": 1, "tried": 5, "kept": [[0, 1], [1, 4]], "versions": versions}
    assert sources[1] == {"by": "expert", "seed": 2, "tried": 2, "kept": [[2, 1]], "versions": versions}


def test_another_version_is_named(tmp_path: Path, asked: List[int], monkeypatch: pytest.MonkeyPatch) -> None:
    with DatasetWriter(tmp_path / "a") as writer:  # of before versions were noted
        old = {"by": "expert", "seed": 1, "tried": 2, "kept": [[0, 1]]}
        writer.add(make_episode(1), {"sources": [old]})
    first = record_until(tmp_path / "a", 2)
    assert "Warning: the attempts so far were made with commit unknown with sim/grasp_scenarios.yaml unknown" in first
    assert "the next ones with commit abc with sim/grasp_scenarios.yaml 123" in first
    assert "Warning" not in record_until(tmp_path / "a", 3)
    monkeypatch.setattr(expert_recording, "present_version", lambda: {"commit": "abc", "grasp_yaml": "456"})
    shown = record_until(tmp_path / "a", 4)
    warning = next(line for line in shown.splitlines() if line.startswith("Warning"))
    assert (
        "made with commit abc with sim/grasp_scenarios.yaml 123, the next ones with commit abc with "
        "sim/grasp_scenarios.yaml 456" in warning
    )
    source = load_dataset(tmp_path / "a").recording["sources"][0]
    versions = [version_of(source, attempt)["grasp_yaml"] for attempt in (1, 2, 7, 8)]
    assert versions == ["unknown", "123", "123", "456"]


def test_episodes_of_unknown_origin_are_warned_of(tmp_path: Path, asked: List[int]) -> None:
    record_until(tmp_path / "a", 2)
    (tmp_path / "a/meta/recording.json").unlink()  # as LeRobot's tools leave a dataset
    shown = record_until(tmp_path / "a", 3)
    assert "does not list where 2 of the 2 episodes come from" in shown
    assert "with seed 1, the same ones are recorded again: choose another --seed" in shown
    assert "come from" not in record_until(tmp_path / "b", 1)


def test_the_last_lines_say_how_many_and_why_not(tmp_path: Path, asked: List[int]) -> None:
    assert record_until(tmp_path / "a", 2).endswith("Kept 2 of 5 attempts.\n  3 failed: missed\n")


def test_an_interruption_keeps_the_recorded_episodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def attempts_from(first: int, *_: object) -> Iterator[GraspAttempt]:
        yield GraspAttempt(None, make_episode(first), True, "")  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(expert_recording, "attempts_from", attempts_from)
    for count in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            record_until(tmp_path / "a", 9)
        assert len(load_dataset(tmp_path / "a")) == count
