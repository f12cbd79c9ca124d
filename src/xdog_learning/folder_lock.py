"""Lock on a folder, so that one process writes to it at a time: a dataset, the checkpoints of a training."""

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator


class FolderBusyError(RuntimeError):
    """Another process holds the folder."""


@contextmanager
def locked(folder: Path, exclusive: bool) -> Iterator[None]:
    """Hold a folder: alone to write, or with others to read. The lock ends with the process.

    Raises:
        FolderBusyError: another process holds it in a way that excludes this one.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderBusyError(f"{folder} is in use by another process") from error
        yield
    finally:
        os.close(handle)
