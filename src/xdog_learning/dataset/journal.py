"""Changing several files of a folder at once: after a kill at any instant, either all of a change is there or none.

A change is prepared in the hidden folder ``.pending``. Renaming that to ``.commit`` is the one instant at which it
counts; then its files move to their places. What a killed program left is finished or thrown away by `recover`, in a
folder that is this journal's own: other programs may use hidden folders of the same names.
"""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Optional, Set

PENDING = ".pending"
COMMIT = ".commit"
DELETIONS = ".deletions"
"""List of files in the hidden folder, written first: it marks a change as this journal's."""


class Change:
    """Files to be written and deleted together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: Set[str] = set()
        self._deleted: Set[str] = set()

    def path(self, name: str) -> Path:
        """Where to write the file that will be ``name`` in the folder."""
        path = self._folder / PENDING / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written.add(name)
        return path

    def delete(self, name: str) -> None:
        """Delete a file, unless this change writes one of that name."""
        self._deleted.add(name)

    @property
    def deletions(self) -> Set[str]:
        """Names of the files that will be gone."""
        return self._deleted - self._written

    def commit(self) -> None:
        """Make the change: it survives a kill, and a loss of power, from here on."""
        pending = self._folder / PENDING
        listing = pending / DELETIONS
        listing.write_text("\n".join(sorted(self.deletions)), encoding="utf-8")
        for path in pending.rglob("*"):
            if path.is_file():
                _to_disk(path)
        os.rename(pending, self._folder / COMMIT)
        _to_disk(self._folder)
        _apply(self._folder)


class Files:
    """The files of a folder by their names: as they are, or as they will be after a change.

    Args:
        folder: of the files.
        change: of that folder, prepared but not yet made; None for the files as they are.
    """

    def __init__(self, folder: Path, change: Optional[Change] = None) -> None:
        self.folder, self._change = folder, change

    def path(self, name: str) -> Path:
        """Where the file of this name is, or would be."""
        prepared = self.folder / PENDING / name
        if self._change is not None and (prepared.exists() or name in self._change.deletions):
            return prepared
        return self.folder / name

    def names(self, pattern: str) -> List[str]:
        """Names of the files that match a pattern, sorted."""
        found = {path.relative_to(self.folder).as_posix() for path in self.folder.glob(pattern)}
        if self._change is not None:
            pending = self.folder / PENDING
            found -= self._change.deletions
            found |= {path.relative_to(pending).as_posix() for path in pending.glob(pattern)}
        return sorted(found)


@contextmanager
def change(folder: Path) -> Iterator[Change]:
    """Prepare a change in a ``with`` block; it is made when the block ends, or not at all if that or the block raises.

    What raises once the change counts leaves it to `recover`.
    """
    (folder / PENDING).mkdir()
    try:
        (folder / PENDING / DELETIONS).touch()
        prepared = Change(folder)
        yield prepared
        prepared.commit()
    except BaseException:
        shutil.rmtree(folder / PENDING, ignore_errors=True)  # it is there only while the change does not count
        raise


def recover(folder: Path, sign: str) -> str:
    """Finish or throw away what a killed program left in a folder that nobody else holds; touch nothing else's.

    Args:
        folder: to put right.
        sign: name of a file that every folder of this journal has, from its first change on.

    Returns:
        What was done, in words; empty if nothing was left.
    """
    done = ""
    pending = folder / PENDING
    if pending.is_dir() and ((folder / sign).exists() or (pending / DELETIONS).exists() or not any(pending.iterdir())):
        shutil.rmtree(pending)
        done = "threw away a change that was not finished"
    if unfinished(folder, sign):
        _apply(folder)
        done = "finished a change that was interrupted"
    return done


def unfinished(folder: Path, sign: str) -> bool:
    """Whether a change counts already but has not arrived in its place: `recover` finishes it. ``sign`` as there."""
    commit = folder / COMMIT
    return commit.is_dir() and ((folder / sign).exists() or (commit / sign).exists())


def _apply(folder: Path) -> None:
    """Move the files of a change to their places. May be interrupted and done again."""
    commit = folder / COMMIT
    listing = commit / DELETIONS
    for path in sorted(path for path in commit.rglob("*") if path.is_file() and path != listing):
        target = folder / path.relative_to(commit)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    if listing.exists():  # else it was done before
        for name in listing.read_text(encoding="utf-8").splitlines():
            (folder / name).unlink(missing_ok=True)
    shutil.rmtree(commit)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
