"""Changes of several files of a folder at once: after a kill at any instant, either the whole change is there or none.

A change is prepared in the hidden folder ``.pending``. Renaming that to ``.commit`` commits it; then its
files move to their places. `recover` finishes or discards what a killed program left, but only in folders of this
journal: other programs may use hidden folders of the same names.
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
        """Path to write the file to that will be ``name`` in the folder."""
        path = self._folder / PENDING / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written.add(name)
        return path

    def delete(self, name: str) -> None:
        """Delete a file, unless this change writes one of that name."""
        self._deleted.add(name)

    @property
    def deletions(self) -> Set[str]:
        """Names of the files that will be deleted."""
        return self._deleted - self._written

    def commit(self) -> None:
        """Commit the change: from here on it survives a kill and a loss of power."""
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
    """The files of a folder by name: as they are, or as they will be after a change.

    Args:
        folder: of the files.
        change: of that folder, prepared but not committed; None for the files as they are.
    """

    def __init__(self, folder: Path, change: Optional[Change] = None) -> None:
        self.folder, self._change = folder, change

    def path(self, name: str) -> Path:
        """Path of the file of this name, whether it exists or not."""
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
    """Prepare a change in a ``with`` block; it is committed when the block ends, or discarded if the block raises.

    If moving the files of a committed change fails, `recover` finishes it.
    """
    (folder / PENDING).mkdir()
    try:
        (folder / PENDING / DELETIONS).touch()
        prepared = Change(folder)
        yield prepared
        prepared.commit()
    except BaseException:
        shutil.rmtree(folder / PENDING, ignore_errors=True)  # it exists only until the change is committed
        raise


def recover(folder: Path, sign: str) -> str:
    """Finish or discard what a killed program left in a folder that no other process holds; touch nothing else.

    Args:
        folder: to recover.
        sign: name of a file that every folder of this journal has, from its first change on.

    Returns:
        Text of what was done; empty if nothing was left.
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
    """Whether a change is committed but not all files are in place: `recover` finishes it. ``sign`` as there."""
    commit = folder / COMMIT
    return commit.is_dir() and ((folder / sign).exists() or (commit / sign).exists())


def _apply(folder: Path) -> None:
    """Move the files of a change to their places. May be interrupted and repeated."""
    commit = folder / COMMIT
    listing = commit / DELETIONS
    for path in sorted(path for path in commit.rglob("*") if path.is_file() and path != listing):
        target = folder / path.relative_to(commit)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    if listing.exists():  # else the deletions are done
        for name in listing.read_text(encoding="utf-8").splitlines():
            (folder / name).unlink(missing_ok=True)
    shutil.rmtree(commit)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
