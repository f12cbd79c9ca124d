"""Numbered files: their names, their order, which one comes next."""

import pytest

from xdog_learning.dataset import layout
from xdog_learning.dataset.layout import DATA_PATH, EPISODES_PATH, VIDEO_PATH, ChunkFile, DatasetError


def test_names_of_numbered_files() -> None:
    file = ChunkFile(1, 23)
    assert file.name(DATA_PATH) == "data/chunk-001/file-023.parquet"
    assert file.name(EPISODES_PATH) == "meta/episodes/chunk-001/file-023.parquet"
    assert file.name(VIDEO_PATH) == "videos/observation.images.wrist/chunk-001/file-023.mp4"


@pytest.mark.parametrize("pattern", [DATA_PATH, EPISODES_PATH, VIDEO_PATH])
def test_a_number_is_parsed_from_its_name(pattern: str) -> None:
    assert ChunkFile.parse(ChunkFile(2, 7).name(pattern)) == ChunkFile(2, 7)


@pytest.mark.parametrize("name", ["data/chunk-000/mine.parquet", "data/old/file-000.parquet", "data/file-000.parquet"])
def test_a_file_of_another_name_is_named(name: str) -> None:
    with pytest.raises(DatasetError, match=rf"{name} is not named chunk-000/file-000: move it out"):
        ChunkFile.parse(name)


def test_the_next_file_is_in_the_next_chunk_when_one_is_full() -> None:
    assert ChunkFile(0, 998).successor() == ChunkFile(0, 999)
    assert ChunkFile(0, 999).successor() == ChunkFile(1, 0)
    assert ChunkFile(0, 1500).successor() == ChunkFile(1, 0), "another program's chunks may be larger"
    assert layout.FILES_PER_CHUNK == 1000


def test_files_sort_as_lerobot_reads_them() -> None:
    files = [ChunkFile(1, 0), ChunkFile(0, 2), ChunkFile(0, 10)]
    assert sorted(files) == sorted(files, key=lambda file: file.name(DATA_PATH))
