"""The tables meta/episodes in one set of columns and types, from any writer."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from demonstrations import make_episode, write_dataset
from lerobot_layouts import LAYOUTS, rewrite

from xdog_learning.dataset import journal
from xdog_learning.dataset.episodes import (
    columns,
    episode_row,
    read_all_columns,
    read_episodes,
    replace_tables,
    schema,
    set_columns,
    write_table,
)
from xdog_learning.dataset.features import Features
from xdog_learning.dataset.journal import Files
from xdog_learning.dataset.layout import ChunkFile, DatasetError
from xdog_learning.dataset.statistics import vector_statistics

FEATURES = Features(25, (32, 48))
PATTERN = "meta/episodes/*/*.parquet"
FIRST = "meta/episodes/chunk-000/file-000.parquet"


def add_column(table: pa.Table, name: str, values: list) -> pa.Table:
    return table.append_column(name, pa.array(values))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_columns_are_found_by_name_in_any_layout(copy: Path, layout: str) -> None:
    expected = read_episodes(Files(copy), images=True)
    LAYOUTS[layout](copy)
    found = read_episodes(Files(copy), images=True)
    assert found.equals(expected)
    assert found["length"].to_pylist() == [10, 11, 12]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_columns_have_xdogs_types(copy: Path, layout: str) -> None:
    LAYOUTS[layout](copy)
    table = read_all_columns(Files(copy), FEATURES)
    expected = schema(FEATURES)
    assert {name: table.schema.field(name).type for name in table.column_names} == {
        name: expected.field(name).type for name in table.column_names
    }
    quantiles = [name for name in expected.names if name.startswith("stats/") and name.split("/")[2][0] == "q"]
    assert set(expected.names) - set(table.column_names) == (set(quantiles) if layout == "converted" else set())
    assert table.schema.metadata is None, "what pandas and datasets noted of the old columns is false by now"


def test_a_statistic_that_an_episode_lacks_is_left_out(copy: Path) -> None:
    second = copy / "meta/episodes/chunk-000/file-001.parquet"
    table = pq.ParquetFile(copy / FIRST).read()
    pq.write_table(table.slice(1).drop_columns(["stats/action/q10"]), second)
    pq.write_table(table.slice(0, 1), copy / FIRST)
    found = read_all_columns(Files(copy), FEATURES)
    assert "stats/action/q10" not in found.column_names
    assert found["stats/action/q90"].null_count == 0
    assert found["episode_index"].to_pylist() == [0, 1, 2]


def test_columns_of_others_are_kept_and_statistics_of_no_feature_are_not(copy: Path) -> None:
    rewrite(copy, PATTERN, lambda table: add_column(table, "weather", ["sun", "rain", "sun"]))
    rewrite(copy, PATTERN, lambda table: add_column(table, "stats/next.reward/mean", [[0.0]] * 3))
    found = read_all_columns(Files(copy), FEATURES)
    assert found["weather"].to_pylist() == ["sun", "rain", "sun"]
    assert "stats/next.reward/mean" not in found.column_names, "new episodes have no such numbers"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop_columns(["length"]), r"file-000\.parquet lacks the column length: copy"),
        (lambda table: set_columns(table, {"length": [10, None, 12]}), "the column length has empty entries"),
        (
            lambda table: add_column(table.drop_columns(["length"]), "length", ["many", "more", "most"]),
            "the column length is not int64",
        ),
    ],
)
def test_a_damaged_column_is_named(copy: Path, change: object, message: str) -> None:
    rewrite(copy, PATTERN, change)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match=message):
        read_episodes(Files(copy), images=True)


def test_files_whose_columns_contradict_each_other_are_refused(copy: Path) -> None:
    table = pq.ParquetFile(copy / FIRST).read()
    pq.write_table(add_column(table.slice(0, 1), "weather", ["sun"]), copy / FIRST)
    pq.write_table(add_column(table.slice(1), "weather", [1, 2]), copy / FIRST.replace("000.p", "001.p"))
    with pytest.raises(DatasetError, match=r"meta/episodes: the files' columns do not fit together"):
        read_all_columns(Files(copy), FEATURES)


def test_a_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="meta/episodes holds no file"):
        read_episodes(Files(tmp_path), images=False)


def test_a_row_locates_its_episode() -> None:
    statistics = {"action": vector_statistics(np.zeros((7, 6)))}
    row = episode_row(3, "pick up the cup", range(58, 65), ChunkFile(1, 4), 25, statistics)
    video = "videos/observation.images.wrist"
    assert {name: value for name, value in row.items() if not name.startswith("stats/")} == {
        "episode_index": 3,
        "tasks": ["pick up the cup"],
        "length": 7,
        "dataset_from_index": 58,
        "dataset_to_index": 65,
        "data/chunk_index": 1,
        "data/file_index": 4,
        f"{video}/chunk_index": 1,
        f"{video}/file_index": 4,
        f"{video}/from_timestamp": 0.0,
        f"{video}/to_timestamp": 0.28,
    }
    assert row["stats/action/count"] == [7]
    assert f"{video}/chunk_index" not in episode_row(3, "a", range(7), ChunkFile(1, 4), None, statistics)


def test_rows_name_their_own_file(copy: Path) -> None:
    files = Files(copy)
    table = read_all_columns(files, FEATURES)
    with journal.change(copy) as change:
        write_table(change, ChunkFile(2, 5), table)
    found = pq.ParquetFile(copy / "meta/episodes/chunk-002/file-005.parquet").read()
    assert found["meta/episodes/chunk_index"].to_pylist() == [2, 2, 2]
    assert found["meta/episodes/file_index"].to_pylist() == [5, 5, 5]
    with journal.change(copy) as change:
        replace_tables(change, files, table)
    assert files.names(PATTERN) == [FIRST]


def test_a_dataset_without_images_has_no_columns_for_them(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a", [make_episode(0, 5)])
    found = read_episodes(Files(tmp_path / "a"), images=False)
    assert set(found.column_names) == set(columns(images=False))
    assert not any("images" in name for name in schema(Features(25, None)).names)
