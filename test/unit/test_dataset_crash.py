"""A recording that is killed, at whichever change of the disk, loses at most the episode under way."""

import multiprocessing
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
from demonstrations import make_episode

from xdog_learning.grasp.dataset import DatasetWriter, load_dataset

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
