"""Recording the expert: only successes are kept, a repeated command goes on, and a replay does the same again."""

import io
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List

import numpy as np
import pytest
from demonstrations import make_episode
from rich.console import Console

from xdog_learning.commands import record
from xdog_learning.commands.replay import difference
from xdog_learning.dataset import DatasetWriter, load_dataset
from xdog_learning.grasp.expert import GraspAttempt, attempt
from xdog_learning.grasp.replay_scene import find_placement, run, seen_placement
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.grasp.scene import GraspScene

QUIET = Console(quiet=True)
VERSION = {"commit": "abc", "grasp_yaml": "123"}


@pytest.fixture(autouse=True)
def version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "present_version", lambda: VERSION)


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

    monkeypatch.setattr(record, "attempts_from", attempts_from)
    return numbers


def record_until(folder: Path, episodes: int, seed: int = 1) -> None:
    arguments = record.RecordOptions(episodes=episodes, out=folder, seed=seed)
    with DatasetWriter(folder) as writer:
        record.record_expert(arguments, writer, QUIET)


def test_only_successes_are_kept_and_their_attempts_are_noted(tmp_path: Path, asked: List[int]) -> None:
    record_until(tmp_path / "a", 3)
    data = load_dataset(tmp_path / "a")
    assert asked == list(range(8))
    kept = [[0, 1], [1, 4], [2, 7]]
    assert data.recording["sources"] == [
        {"by": "expert", "seed": 1, "tried": 8, "kept": kept, "versions": [{"from": 0, **VERSION}]}
    ]
    np.testing.assert_array_equal(data.episode(2).action, make_episode(7).action)


def test_a_repeated_command_goes_on_after_the_last_attempt_that_was_kept(tmp_path: Path, asked: List[int]) -> None:
    record_until(tmp_path / "a", 1)
    record_until(tmp_path / "a", 2)
    assert asked == [0, 1, 2, 3, 4]
    record_until(tmp_path / "a", 3, seed=2)
    sources = load_dataset(tmp_path / "a").recording["sources"]
    versions = [{"from": 0, **VERSION}]
    assert sources[0] == {"by": "expert", "seed": 1, "tried": 5, "kept": [[0, 1], [1, 4]], "versions": versions}
    assert sources[1] == {"by": "expert", "seed": 2, "tried": 2, "kept": [[2, 1]], "versions": versions}


def test_another_expert_is_named(tmp_path: Path, asked: List[int], monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    console = Console(file=said, soft_wrap=True)

    def go_on(episodes: int) -> str:
        said.truncate(0)
        with DatasetWriter(tmp_path / "a") as writer:
            record.record_expert(record.RecordOptions(episodes=episodes, out=tmp_path / "a"), writer, console)
        return said.getvalue()

    with DatasetWriter(tmp_path / "a") as writer:  # of before versions were noted
        old = {"by": "expert", "seed": 1, "tried": 2, "kept": [[0, 1]]}
        writer.add(make_episode(1), {"sources": [old]})
    first = go_on(2)
    assert "Warning: those were made by commit unknown with sim/grasp_scenarios.yaml unknown, the next" in first
    assert "by commit abc with sim/grasp_scenarios.yaml 123" in first
    assert "Warning" not in go_on(3)
    monkeypatch.setattr(record, "present_version", lambda: {"commit": "abc", "grasp_yaml": "456"})
    warning = next(line for line in go_on(4).splitlines() if line.startswith("Warning"))
    assert (
        "made by commit abc with sim/grasp_scenarios.yaml 123, the next ones are by commit abc "
        "with sim/grasp_scenarios.yaml 456" in warning
    )
    source = load_dataset(tmp_path / "a").recording["sources"][0]
    assert [record.version_of(source, attempt)["grasp_yaml"] for attempt in (1, 2, 7, 8)] == [
        "unknown",
        "123",
        "123",
        "456",
    ]


def test_the_present_version_names_commit_and_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    before = record.present_version()
    assert re.fullmatch(r"[0-9a-f]{12}", before["grasp_yaml"])
    assert before["commit"]
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim/grasp_scenarios.yaml").write_text("another")
    monkeypatch.setattr(record, "share_path", tmp_path.joinpath)
    assert record.present_version()["grasp_yaml"] != before["grasp_yaml"]


def test_interrupted_it_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def attempts_from(first: int, *_: object) -> Iterator[GraspAttempt]:
        yield GraspAttempt(None, make_episode(first), True, "")  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "attempts_from", attempts_from)
    for count in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            record_until(tmp_path / "a", 9)
        assert len(load_dataset(tmp_path / "a")) == count


def test_takes_of_a_human_do_not_go_among_the_experts() -> None:
    folders = {by: record.RecordOptions(by=by).folder for by in ("expert", "keyboard", "leader")}  # type: ignore[arg-type]
    assert folders["expert"] == Path("out/datasets/grasp_state")
    assert record.RecordOptions(images=True).folder == Path("out/datasets/grasp_image")
    assert folders["keyboard"] == folders["leader"] == Path("out/datasets/human")
    assert record.RecordOptions(by="keyboard", images=True).folder == Path("out/datasets/human")
    assert record.RecordOptions(by="leader", out=Path("mine")).folder == Path("mine")


def test_a_replay_does_the_same_again() -> None:
    placer = ScenarioSampler()
    number, episode = next(
        (number, result.episode)
        for number in range(30)
        if (result := attempt(placer.draw(number, 1), number, images=False, disturbed=False)).episode is not None
    )
    recording = {"sources": [{"by": "expert", "seed": 1, "tried": number + 1, "kept": [[0, number]]}]}
    placement, seed, why = find_placement(recording, 0, episode, placer)
    assert not why
    scene = GraspScene(placement, placer, seed)
    measured = run(episode, scene, lambda: None)
    assert scene.judge.success
    np.testing.assert_allclose(measured, episode.state, atol=1e-3)


@pytest.mark.parametrize("images", [False, True])
def test_a_placement_that_is_drawn_again_must_be_the_recorded_one(images: bool) -> None:
    placer, number = ScenarioSampler(), 3
    placement = placer.draw(number, 1)
    start = (placer.at_view_pose(placement, number) if images else placement).start
    perception = placer.config.perception
    noise = np.random.default_rng(0)
    episode = make_episode(0, 4)
    for _ in range(20):
        episode.environment_state[:] = placer.object_features(placement)
        episode.environment_state[:, :3] += noise.normal(0.0, perception.position_error, 3)
        episode.environment_state[:, 3:5] += noise.normal(0.0, perception.size_error, 2)
        episode.state[:] = start
        found, seed, why = find_placement(recording_of(number), 0, episode, placer)
        assert (seed, why) == (number, "")
        np.testing.assert_array_equal(found.position, placement.position)
        np.testing.assert_array_equal(found.start, start)
    another = number + 12  # the same kind of object on the same kind of support
    found, _, why = find_placement(recording_of(another), 0, episode, placer)
    assert why == (
        "Its placement, drawn again, is not the recorded one, "
        "which was made by commit abc with sim/grasp_scenarios.yaml 123"
    )
    np.testing.assert_allclose(placer.object_features(found)[:3], episode.environment_state[0, :3], atol=1e-6)
    episode.state[0, 0] += 0.2  # the object is there, but the arm starts elsewhere
    assert find_placement(recording_of(number), 0, episode, placer)[2]


def recording_of(attempt: int) -> Dict[str, Any]:
    """Of a dataset whose only episode is this attempt."""
    versions = [{"from": 0, **VERSION}]
    return {"sources": [{"by": "expert", "seed": 1, "tried": 99, "kept": [[0, attempt]], "versions": versions}]}


def test_an_unknown_placement_is_taken_from_the_token() -> None:
    placer = ScenarioSampler()
    for number in range(6):
        placement = placer.draw(number, 1)
        episode = make_episode(0, 4, task=f"pick up the {placement.item.kind}")
        token = placer.object_features(placement)
        episode.environment_state[:] = token
        found = seen_placement(episode, placer)
        np.testing.assert_allclose(placer.object_features(found), token, atol=1e-6)
        assert found.item.kind == placement.item.kind
        assert found.surface >= 0.0
        assert find_placement({}, 0, episode, placer)[2] == "Its placement was not recorded"


def test_the_difference_names_the_worst_joint_and_frame() -> None:
    recorded = np.zeros((4, 2))
    measured = recorded.copy()
    measured[2, 1] = -0.2
    assert difference(measured, recorded, ("pan", "lift")) == (
        "measured joints differ from the recorded by 0.0707 rad rms, at most 0.2000 rad (lift, frame 2)"
    )
