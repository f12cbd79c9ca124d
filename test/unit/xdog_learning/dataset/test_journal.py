"""A recording that is killed, at whichever change of the disk, loses at most the episode under way."""

import errno
import multiprocessing
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, Callable, List

import numpy as np
import pytest
from demonstrations import make_episode

from xdog_learning.dataset import DatasetError, DatasetWriter, journal, load_dataset

SIZE = (32, 32)
CHANGING = {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}
"""Python's audit events of what changes the disk, with opening to write; each fires just before it happens."""

processes = multiprocessing.get_context("fork")  # hundreds of children, which must not all import anew


def record(folder: str, episodes: List[int], deadline: int, added: Any) -> None:
    """In a process of its own: add episodes and close; dies at the change of the disk number ``deadline``.

    After each episode its number stands in ``added``; at the end the number of changes that there were.
    """
    count = 0

    def watch(event: str, arguments: Any) -> None:
        nonlocal count
        writes = event == "open" and "w" in (arguments[1] or "")
        if (writes or event in CHANGING) and any(folder in str(argument) for argument in arguments):
            count += 1
            if count == deadline:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    with DatasetWriter(Path(folder)) as writer:
        for seed in episodes:
            writer.add(make_episode(seed, 6, SIZE))
            added[0] += 1
    added[1] = count


def killed_at(deadline: int, folder: Path, episodes: List[int]) -> List[int]:
    added = processes.Array("i", 2)
    child = processes.Process(target=record, args=(str(folder), episodes, deadline, added))
    child.start()
    child.join(120)
    assert child.exitcode == (0 if added[1] else -signal.SIGKILL)
    return list(added)


def assert_episodes(folder: Path, count: int) -> None:
    loaded = load_dataset(folder, images=True)
    assert len(loaded) == count
    for number in range(count):
        wanted, found = make_episode(number, 6, SIZE), loaded.episode(number)
        np.testing.assert_array_equal(found.action, wanted.action)
        assert found.images is not None
        assert wanted.images is not None
        assert np.abs(found.images.astype(int) - wanted.images).mean() < 8.0


@pytest.mark.parametrize("before", [0, 2], ids=["new", "appended"])
def test_a_kill_at_any_change_of_the_disk_loses_at_most_the_episode_under_way(tmp_path: Path, before: int) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    if before:
        with DatasetWriter(begun) as writer:
            for seed in range(before):
                writer.add(make_episode(seed, 6, SIZE))
    _, changes = killed_at(-1, Path(shutil.copytree(begun, tmp_path / "count")), [before])
    assert changes > 30
    for deadline in range(1, changes + 1):
        folder = Path(shutil.copytree(begun, tmp_path / f"killed_{deadline}"))
        added, finished = killed_at(deadline, folder, [before])
        assert not finished
        there = before + added
        if before or added:  # it opens, with every episode whose adding had ended
            there = len(load_dataset(folder))
            assert before + added <= there <= before + 1, f"killed at change {deadline}"
        with DatasetWriter(folder) as writer:
            assert writer.episodes == there or not there
            there = writer.episodes
            if deadline % 4 == 0:  # to add takes its time
                writer.add(make_episode(there, 6, SIZE))
                there += 1
        if there:
            assert_episodes(folder, there)
            assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_opening_says_what_it_put_right(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    with DatasetWriter(folder) as writer:
        writer.add(make_episode(0, 6, SIZE))
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
        writer.add(make_episode(first, 6, SIZE))
        between()
        writer.add(make_episode(first + 1, 6, SIZE))


def test_a_full_disk_loses_the_episode_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a"
    with DatasetWriter(folder) as writer:
        writer.add(make_episode(0, 6, SIZE))
    with pytest.raises(DatasetError, match=r"could not be written and is lost .*No space left"):
        add_two(folder, 1, lambda: monkeypatch.setattr(journal, "_to_disk", no_space))
    monkeypatch.undo()
    assert not (folder / ".pending").exists()
    with DatasetWriter(folder) as writer:  # and there is nothing to put right
        assert (writer.recovered, writer.episodes) == ("", 2)
        monkeypatch.setattr(journal, "_to_disk", no_space)
        with pytest.raises(DatasetError, match="No space left"):
            writer.add(make_episode(2, 6, SIZE))
        monkeypatch.undo()
        writer.add(make_episode(2, 6, SIZE))  # the disk has room again
    assert_episodes(folder, 3)


def test_a_disk_that_fails_once_an_episode_counts_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a"
    with pytest.raises(DatasetError, match=r"kept but did not get to its place .*No space left"):
        add_two(folder, 0, lambda: monkeypatch.setattr(journal, "_apply", no_space))
    monkeypatch.undo()
    assert_episodes(folder, 2)


def test_what_went_wrong_is_not_hidden_by_what_goes_wrong_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xdog_learning.dataset.writer.compact", no_space)
    with pytest.raises(KeyboardInterrupt):
        add_two(tmp_path / "a", 0, interrupt)
    with pytest.raises(DatasetError, match="could not be joined"):
        add_two(tmp_path / "a", 1, lambda: None)
