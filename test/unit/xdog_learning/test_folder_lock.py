"""A folder is locked exclusively for writing and shared for reading."""

from pathlib import Path

import pytest

from xdog_learning.folder_lock import FolderBusyError, locked


def test_readers_share_and_a_writer_is_alone(tmp_path: Path) -> None:
    with locked(tmp_path, exclusive=False):
        with locked(tmp_path, exclusive=False):
            pass
        busy = pytest.raises(FolderBusyError, match=f"{tmp_path} is in use by another process")
        with busy, locked(tmp_path, exclusive=True):
            pytest.fail("it is being read")
    with locked(tmp_path, exclusive=True), pytest.raises(FolderBusyError), locked(tmp_path, exclusive=False):
        pytest.fail("it is being written")


def test_an_error_releases_the_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked(tmp_path, exclusive=True):
        raise KeyError
    with locked(tmp_path, exclusive=True):
        pass


def test_a_missing_folder_is_not_busy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "gone", exclusive=True):
        pytest.fail("there is nothing to hold")
