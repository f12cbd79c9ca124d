"""meta/tasks.parquet: descriptions of the tasks, as the index of a pandas table."""

import json
from typing import Sequence, Tuple

import pyarrow as pa

from xdog_learning.dataset.layout import DatasetError


def tasks_table(tasks: Sequence[str]) -> pa.Table:
    """The table: the column task_index, and the descriptions as pandas' row index."""
    index = "__index_level_0__"
    columns = [("task_index", "task_index", "int64"), (None, index, "object")]
    description = {
        "index_columns": [index],
        "column_indexes": [
            {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object", "metadata": None}
        ],
        "columns": [
            {
                "name": name,
                "field_name": field,
                "pandas_type": "int64" if kind == "int64" else "unicode",
                "numpy_type": kind,
                "metadata": None,
            }
            for name, field, kind in columns
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), index: pa.array(tasks, pa.string())})
    return table.replace_schema_metadata({"pandas": json.dumps(description)})


def read_tasks(table: pa.Table, where: str) -> Tuple[str, ...]:
    """The tasks in the order of their task_index; ``where`` names the file in messages.

    Raises:
        DatasetError: the table has another form.
    """
    words = [name for name in table.column_names if name != "task_index"]
    if len(words) != 1 or "task_index" not in table.column_names:
        raise DatasetError(f"{where} must have task_index and one column of words, not {table.column_names}")
    pairs = sorted(zip(table["task_index"].to_pylist(), table[words[0]].to_pylist()))
    if [index for index, _ in pairs] != list(range(len(pairs))):
        raise DatasetError(
            f"{where} must number its tasks 0, 1, 2, ..., not {[index for index, _ in pairs]}: set them again with "
            "lerobot-edit-dataset --operation.type modify_tasks"
        )
    return tuple(task for _, task in pairs)
