"""Recording the expert: only successes are kept, a repeated command goes on, and a replay does the same again."""

from pathlib import Path
from typing import Iterator, List

import numpy as np
import pytest
from demonstrations import make_episode
from rich.console import Console

from xdog_learning.grasp import record
from xdog_learning.grasp.dataset import DatasetWriter, load_dataset
from xdog_learning.grasp.expert import Attempt, attempt
from xdog_learning.grasp.replay import difference
from xdog_learning.grasp.replay_scene import find_placement, run, seen_placement
from xdog_sim.grasp.placement import Placer
from xdog_sim.grasp.scene import GraspScene

QUIET = Console(quiet=True)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> List[int]:
    """Attempts that were asked for; each third one, beginning with number 1, succeeds."""
    numbers: List[int] = []

    def attempts_from(first: int, seed: int, images: bool, workers: int) -> Iterator[Attempt]:
        number = first
        while True:
            numbers.append(number)
            episode = make_episode(number) if number % 3 == 1 else None
            yield Attempt(None, episode, episode is not None, "" if episode else "missed, lifted 0.000 m")  # type: ignore[arg-type]
            number += 1

    monkeypatch.setattr(record, "attempts_from", attempts_from)
    return numbers


def record_until(folder: Path, episodes: int, seed: int = 1) -> None:
    arguments = record.Arguments(episodes=episodes, out=folder, seed=seed)
    with DatasetWriter(folder) as writer:
        record.record_expert(arguments, writer, QUIET)


def test_only_successes_are_kept_and_their_attempts_are_noted(tmp_path: Path, asked: List[int]) -> None:
    record_until(tmp_path / "a", 3)
    data = load_dataset(tmp_path / "a")
    assert asked == list(range(8))
    assert data.recording["sources"] == [{"by": "expert", "seed": 1, "tried": 8, "kept": [[0, 1], [1, 4], [2, 7]]}]
    np.testing.assert_array_equal(data.episode(2).action, make_episode(7).action)


def test_a_repeated_command_goes_on_after_the_last_attempt_that_was_kept(tmp_path: Path, asked: List[int]) -> None:
    record_until(tmp_path / "a", 1)
    record_until(tmp_path / "a", 2)
    assert asked == [0, 1, 2, 3, 4]
    record_until(tmp_path / "a", 3, seed=2)
    sources = load_dataset(tmp_path / "a").recording["sources"]
    assert sources[0] == {"by": "expert", "seed": 1, "tried": 5, "kept": [[0, 1], [1, 4]]}
    assert sources[1] == {"by": "expert", "seed": 2, "tried": 2, "kept": [[2, 1]]}


def test_interrupted_it_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def attempts_from(first: int, *_: object) -> Iterator[Attempt]:
        yield Attempt(None, make_episode(first), True, "")  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "attempts_from", attempts_from)
    for count in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            record_until(tmp_path / "a", 9)
        assert len(load_dataset(tmp_path / "a")) == count


def test_takes_of_a_human_do_not_go_among_the_experts() -> None:
    folders = {by: record.Arguments(by=by).folder for by in ("expert", "keyboard", "leader")}  # type: ignore[arg-type]
    assert folders["expert"] == Path("out/datasets/grasp_state")
    assert record.Arguments(images=True).folder == Path("out/datasets/grasp_image")
    assert folders["keyboard"] == folders["leader"] == Path("out/datasets/human")
    assert record.Arguments(by="keyboard", images=True).folder == Path("out/datasets/human")
    assert record.Arguments(by="leader", out=Path("mine")).folder == Path("mine")


def test_a_replay_does_the_same_again() -> None:
    placer = Placer()
    number, episode = next(
        (number, result.episode)
        for number in range(30)
        if (result := attempt(placer.draw(number, 1), number, images=False, disturbed=False)).episode is not None
    )
    recording = {"sources": [{"by": "expert", "seed": 1, "tried": number + 1, "kept": [[0, number]]}]}
    placement, seed, exact = find_placement(recording, 0, episode, placer)
    assert exact
    scene = GraspScene(placement, placer, seed)
    measured = run(episode, scene, lambda: None)
    assert scene.judge.success
    np.testing.assert_allclose(measured, episode.state, atol=1e-3)


def test_an_unknown_placement_is_taken_from_the_token() -> None:
    placer = Placer()
    for number in range(6):
        placement = placer.draw(number, 1)
        episode = make_episode(0, 4, task=f"pick up the {placement.item.kind}")
        token = placer.token(placement)
        episode.environment_state[:] = token
        found = seen_placement(episode, placer)
        np.testing.assert_allclose(placer.token(found), token, atol=1e-6)
        assert found.item.kind == placement.item.kind
        assert found.surface >= 0.0
        assert not find_placement({}, 0, episode, placer)[2]


def test_the_difference_names_the_worst_joint_and_frame() -> None:
    recorded = np.zeros((4, 2))
    measured = recorded.copy()
    measured[2, 1] = -0.2
    assert difference(measured, recorded, ("pan", "lift")) == (
        "measured joints differ from the recorded by 0.0707 rad rms, at most 0.2000 rad (lift, frame 2)"
    )
