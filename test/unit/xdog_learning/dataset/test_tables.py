"""Columns of parquet files are found by name, in whatever type LeRobot or pandas wrote them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xdog_learning.dataset.layout import DatasetError
from xdog_learning.dataset.tables import numbers, read_table, row_count, vectors

ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float32(), 2),  # XDog and LeRobot
        pa.list_(pa.float32()),  # pandas, so LeRobot's merge and modify_tasks
        pa.list_(pa.float64()),
        pa.large_list(pa.int64()),
    ],
    ids=str,
)
def test_vectors_in_any_type(kind: pa.DataType) -> None:
    table = pa.table({"other": [0, 0, 0], "action": pa.array(ROWS, kind)})
    np.testing.assert_array_equal(numbers(table, "action", 2, "here"), ROWS)
    np.testing.assert_array_equal(numbers(table.slice(1), "action", 2, "here"), ROWS[1:])


@pytest.mark.parametrize("kind", [pa.int64(), pa.int32(), pa.float64(), pa.list_(pa.int64(), 1)], ids=str)
def test_plain_numbers_in_any_type(kind: pa.DataType) -> None:
    values = [[1], [2]] if pa.types.is_nested(kind) else [1, 2]
    table = pa.table({"index": pa.array(values, kind)})
    np.testing.assert_array_equal(numbers(table, "index", 1, "here"), [[1], [2]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0, 2.0], [3.0]], "here: a row of the column a does not hold 2 numbers"),
        ([[1.0], [2.0, 3.0, 4.0]], "does not hold 2 numbers"),
        ([[1.0, 2.0], None], "does not hold 2 numbers"),
        ([[1.0, None], [1.0, 2.0]], "holds double or nothing, not numbers"),
        ([["1", "2"]], "the column a holds string or nothing, not numbers"),
        (["1"], "holds string"),
    ],
)
def test_columns_that_are_no_vectors_are_refused(values: list, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        numbers(pa.table({"a": values}), "a", 2, "here")


def test_a_table_or_some_of_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1, 2, 3], "b": [4, 5, 6]}), path)
    assert read_table(path).to_pydict() == {"a": [1, 2, 3], "b": [4, 5, 6]}
    assert read_table(path, ["b"]).to_pydict() == {"b": [4, 5, 6]}
    assert row_count(path) == 3
    with pytest.raises(DatasetError, match=r"a\.parquet lacks the column c: copy this file again"):
        read_table(path, ["a", "c"])


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.parquet is missing: copy this file again"):
        read_table(tmp_path / "none.parquet")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match=r"cut\.parquet cannot be read .*: copy this file again"):
        read_table(tmp_path / "cut.parquet")


def test_vectors_are_written_as_they_are_read() -> None:
    kind = pa.list_(pa.float32(), 2)
    written = vectors(np.array(ROWS, np.float32), kind)
    assert written.type == kind
    np.testing.assert_array_equal(numbers(pa.table({"a": written}), "a", 2, "here"), ROWS)
    assert vectors(np.array([1, 2]), pa.int64()).to_pylist() == [1, 2]
