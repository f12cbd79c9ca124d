"""A recording that is killed, at whichever change of the disk, loses at most the episode under way."""

import errno
import multiprocessing
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from demonstrations import assert_same_episode, make_episode

from xdog_learning.dataset import DatasetError, DatasetWriter, journal, load_dataset
from xdog_learning.dataset.journal import Files

SIZE = (32, 32)
FRAMES = 4
CHANGING = {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}
"""Python's audit events of what changes the disk, with opening to write; each fires just before it happens."""

processes = multiprocessing.get_context("fork")  # an audit hook stays for the rest of a process


def episode(number: int) -> Any:
    return make_episode(number, FRAMES, SIZE)


def record(folder: Path, number: int, at_change: Callable[[int], None], added: Any) -> None:
    """In a process of its own: add an episode and close; ``added`` counts what was added.

    ``at_change`` is called with their number, from 1 on, just before each change of the disk.
    """
    count, busy = 0, False

    def watch(event: str, arguments: Any) -> None:
        nonlocal count, busy
        writes = event == "open" and "w" in (arguments[1] or "")
        if busy or not (writes or event in CHANGING) or not any(str(folder) in str(entry) for entry in arguments):
            return
        count, busy = count + 1, True
        at_change(count)
        busy = False

    sys.addaudithook(watch)
    with DatasetWriter(folder) as writer:
        writer.add(episode(number))
        added.value += 1


def run(folder: Path, number: int, at_change: Callable[[int, int], None]) -> int:
    """Record in a child; ``at_change`` gets the number of the change and of the episodes added so far.

    Returns:
        The child's exit status.
    """
    added = processes.Value("i", 0)
    arguments = (folder, number, lambda count: at_change(count, added.value), added)
    child = processes.Process(target=record, args=arguments)
    child.start()
    child.join(120)
    assert child.exitcode is not None
    return int(child.exitcode)


def assert_episodes(folder: Path, count: int) -> None:
    loaded = load_dataset(folder, images=True)
    assert len(loaded) == count
    for number in range(count):
        assert_same_episode(loaded.episode(number), episode(number))


@pytest.fixture(params=[0, 2], ids=["new", "appended"])
def begun(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An empty folder, or one with two episodes."""
    folder = tmp_path / "begun"
    folder.mkdir()
    if request.param:
        with DatasetWriter(folder) as writer:
            for number in range(request.param):
                writer.add(episode(number))
    return folder


def test_a_kill_at_any_change_of_the_disk_loses_at_most_the_episode_under_way(begun: Path, tmp_path: Path) -> None:
    # What a kill leaves is what is on the disk just before the change that it prevents: one recording shows all cases.
    before = len(load_dataset(begun)) if any(begun.iterdir()) else 0
    folder, states = tmp_path / "dataset", tmp_path / "states"
    shutil.copytree(begun, folder)

    def keep(change: int, added: int) -> None:
        shutil.copytree(folder, states / f"{change:03d}_{added}")

    assert run(folder, before, keep) == 0
    assert_episodes(folder, before + 1)
    killed = sorted(states.iterdir())
    assert len(killed) > 30
    for number, state in enumerate(killed):
        safe = before + int(state.name.split("_")[1])
        if number % 2 and safe:  # whichever program opens it first puts it right
            assert safe <= len(load_dataset(state)) <= before + 1, f"killed at change {state.name}"
        with DatasetWriter(state) as writer:
            there = writer.episodes
            assert safe <= there <= before + 1, f"killed at change {state.name}"
            if number % 8 == 0:  # adding takes time
                writer.add(episode(there))
                there += 1
        if there:
            assert_episodes(state, there)
            assert not [path.name for path in state.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("deadline", [12, 24])
def test_a_killed_process_releases_the_folder(begun: Path, deadline: int) -> None:
    before = len(load_dataset(begun)) if any(begun.iterdir()) else 0

    def die(change: int, _: int) -> None:
        if change == deadline:
            os.kill(os.getpid(), signal.SIGKILL)

    assert run(begun, before, die) == -signal.SIGKILL
    with DatasetWriter(begun) as writer:
        assert before <= writer.episodes <= before + 1


def test_opening_reports_what_was_recovered(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    with DatasetWriter(folder) as writer:
        writer.add(episode(0))
    (folder / ".pending/data").mkdir(parents=True)
    with DatasetWriter(folder) as writer:
        assert writer.recovered == "threw away a change that was not finished"
    os.rename(folder / "meta", tmp_path / "meta")
    (folder / ".commit").mkdir()
    os.rename(tmp_path / "meta", folder / ".commit/meta")
    with DatasetWriter(folder) as writer:
        assert writer.recovered == "finished a change that was interrupted"
        assert writer.episodes == 1


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupt() -> None:
    raise KeyboardInterrupt


def add_two(folder: Path, first: int, between: Callable[[], None]) -> None:
    with DatasetWriter(folder) as writer:
        writer.add(episode(first))
        between()
        writer.add(episode(first + 1))


def test_a_full_disk_loses_the_episode_and_reports_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a"
    with DatasetWriter(folder) as writer:
        writer.add(episode(0))
    with pytest.raises(DatasetError, match=r"could not be written and is lost .*No space left"):
        add_two(folder, 1, lambda: monkeypatch.setattr(journal, "_to_disk", no_space))
    monkeypatch.undo()
    assert not (folder / ".pending").exists()
    with DatasetWriter(folder) as writer:  # and there is nothing to put right
        assert (writer.recovered, writer.episodes) == ("", 2)
        monkeypatch.setattr(journal, "_to_disk", no_space)
        with pytest.raises(DatasetError, match="No space left"):
            writer.add(episode(2))
        monkeypatch.undo()
        writer.add(episode(2))  # the disk has room again
    assert_episodes(folder, 3)


def test_a_disk_failure_after_the_commit_keeps_the_episode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a"
    with pytest.raises(DatasetError, match=r"kept but did not get to its place .*No space left"):
        add_two(folder, 0, lambda: monkeypatch.setattr(journal, "_apply", no_space))
    monkeypatch.undo()
    assert_episodes(folder, 2)


def test_a_first_error_is_not_hidden_by_an_error_on_closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xdog_learning.dataset.writer.compact", no_space)
    with pytest.raises(KeyboardInterrupt):
        add_two(tmp_path / "a", 0, interrupt)
    with pytest.raises(DatasetError, match="could not be joined"):
        add_two(tmp_path / "a", 1, lambda: None)


def test_files_are_listed_as_after_the_change(tmp_path: Path) -> None:
    for name in ("a/1", "a/2", "b/1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("old")
    files = Files(tmp_path)
    with journal.change(tmp_path) as change:
        after = Files(tmp_path, change)
        change.path("a/2").write_text("new")
        change.path("a/3").write_text("new")
        for name in ("a/1", "a/2"):
            change.delete(name)
        assert (files.names("a/*"), after.names("a/*")) == (["a/1", "a/2"], ["a/2", "a/3"])
        assert not after.path("a/1").exists()
        texts = [after.path(name).read_text() for name in ("a/2", "a/3", "b/1")]
        assert texts == ["new", "new", "old"]
    assert files.names("*/*") == ["a/2", "a/3", "b/1"]
    assert [files.path(name).read_text() for name in ("a/2", "a/3", "b/1")] == texts
