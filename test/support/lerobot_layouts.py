"""Gives a dataset's files the columns, types and entries that LeRobot 0.4.4 writes, without LeRobot.

Observed in datasets that it recorded, edited and converted: see `lerobot_tools.py`, which makes the real ones.
"""

import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pyarrow as pa
import pyarrow.parquet as pq

FEATURES = ["action", "observation.environment_state", "observation.state"]
"""LeRobot keeps the order that a program lists them in; this one is not XDog's."""


def rewrite(folder: Path, pattern: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change every parquet file that matches."""
    for path in sorted(folder.glob(pattern)):
        pq.write_table(change(pq.ParquetFile(path).read()), path)


def edit_json(path: Path, change: Callable[[Dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=4))


def created(folder: Path) -> None:
    """As recorded by LeRobot: other orders of features and columns, tasks as large strings."""
    rewrite(folder, "data/*/*.parquet", lambda table: table.select([*FEATURES, *rest(table.column_names, FEATURES)]))
    rewrite(folder, "meta/episodes/*/*.parquet", statistics_before_places)
    rewrite(folder, "meta/tasks.parquet", large_strings)

    def reorder(info: Dict[str, Any]) -> None:
        features = info["features"]
        info["features"] = {name: features[name] for name in [*FEATURES, *rest(features, FEATURES)]}

    edit_json(folder / "meta/info.json", reorder)


def edited(folder: Path) -> None:
    """As LeRobot's modify_tasks and merge leave it: written by pandas, vectors of any length."""
    rewrite(folder, "data/*/*.parquet", by_pandas)
    rewrite(folder, "meta/episodes/*/*.parquet", by_pandas)
    rewrite(folder, "meta/tasks.parquet", large_strings)


def converted(folder: Path) -> None:
    """As LeRobot's converter from v2.1 leaves it: like `edited`, no quantiles, an fps in each feature."""
    edited(folder)
    rewrite(folder, "meta/episodes/*/*.parquet", without_quantiles)

    def change_info(info: Dict[str, Any]) -> None:
        for feature in info["features"].values():
            if feature["dtype"] != "video":
                feature["fps"] = info["fps"]

    edit_json(folder / "meta/info.json", change_info)
    edit_json(folder / "meta/stats.json", drop_quantiles)


LAYOUTS = {"created": created, "edited": edited, "converted": converted}


def rest(names: Any, first: List[str]) -> List[str]:
    return [name for name in names if name not in first]


def statistics_before_places(table: pa.Table) -> pa.Table:
    places = ["meta/episodes/chunk_index", "meta/episodes/file_index"]
    first = ["episode_index", "tasks", "length", *(name for name in table.column_names if name.startswith("data"))]
    return table.select([*first, *rest(table.column_names, [*first, *places]), *places])


def large_strings(table: pa.Table) -> pa.Table:
    number = next(i for i, name in enumerate(table.column_names) if name != "task_index")
    column = table.column(number).cast(pa.large_string())
    return table.set_column(number, table.column_names[number], column)


def by_pandas(table: pa.Table) -> pa.Table:
    for number, field in enumerate(table.schema):
        if pa.types.is_fixed_size_list(field.type):
            table = table.set_column(number, field.name, table.column(number).cast(pa.list_(field.type.value_type)))
    return table.replace_schema_metadata({"pandas": json.dumps({"index_columns": [], "columns": []})})


def without_quantiles(table: pa.Table) -> pa.Table:
    kept = [name for name in table.column_names if not (name.startswith("stats/") and name.split("/")[2][0] == "q")]
    table = table.select([*rest(kept, ["tasks", "length"]), "tasks", "length"])
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": {}}})})


def drop_quantiles(statistics: Dict[str, Any]) -> None:
    for name, entry in statistics.items():
        statistics[name] = {key: value for key, value in entry.items() if key[0] != "q"}
