"""A small dataset with images that the tests of this folder read, and copies of it that they may damage."""

import shutil
from pathlib import Path

import pytest
from demonstrations import make_episode, write_dataset

SIZE = (32, 48)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three episodes of 10, 11 and 12 frames. Not to be changed."""
    folder = tmp_path_factory.mktemp("dataset") / "whole"
    write_dataset(folder, [make_episode(seed, 10 + seed, SIZE) for seed in range(3)])
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))
