"""Tasks are the index of a pandas table, as LeRobot reads them."""

import json

import pyarrow as pa
import pytest

from xdog_learning.dataset.layout import DatasetError
from xdog_learning.dataset.tasks import read_tasks, tasks_table

WORDS = ("pick up the cube", "pick up the ball")


def test_tasks_are_the_index_for_pandas() -> None:
    table = tasks_table(WORDS)
    assert table["task_index"].to_pylist() == [0, 1]
    description = json.loads(table.schema.metadata[b"pandas"])
    (index,) = description["index_columns"]
    assert table[index].to_pylist() == list(WORDS)
    assert {column["field_name"] for column in description["columns"]} == {"task_index", index}
    assert read_tasks(table, "tasks") == WORDS


def test_the_columns_order_name_and_type_do_not_matter() -> None:
    table = pa.table({"task": pa.array(WORDS[::-1], pa.large_string()), "task_index": pa.array([1, 0], pa.int32())})
    assert read_tasks(table, "tasks") == WORDS


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"task_index": [0]}, r"tasks must have task_index and one column of words, not \['task_index'\]"),
        ({"task_index": [0], "task": ["a"], "more": ["b"]}, "one column of words"),
        ({"task_index": [0, 2], "task": ["a", "b"]}, r"must number its tasks 0, 1, 2, .*not \[0, 2\].*modify_tasks"),
    ],
)
def test_other_tables_are_refused(columns: dict, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_tasks(pa.table(columns), "tasks")
