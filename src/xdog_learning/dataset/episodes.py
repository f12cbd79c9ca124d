"""The tables meta/episodes: one row per episode, with the location of its frames and images and its statistics."""

from typing import Any, Dict, Mapping, Optional, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from xdog_learning.dataset.features import Features
from xdog_learning.dataset.journal import Change, Files
from xdog_learning.dataset.layout import CAMERA, COPY_AGAIN, EPISODES_PATH, ChunkFile, DatasetError
from xdog_learning.dataset.statistics import BASIC, QUANTILES, Statistics, to_json
from xdog_learning.dataset.tables import read_table

FOLDER = "meta/episodes"
NAMES = f"{FOLDER}/*/*.parquet"
VIDEO = f"videos/{CAMERA}"


def columns(images: bool) -> Dict[str, pa.DataType]:
    """The columns that every dataset has, with their types."""
    integers = ["episode_index", "length", "dataset_from_index", "dataset_to_index"]
    for what in ("data", FOLDER, *([VIDEO] if images else [])):
        integers += [f"{what}/chunk_index", f"{what}/file_index"]
    times = [f"{VIDEO}/from_timestamp", f"{VIDEO}/to_timestamp"] if images else []
    return {
        "tasks": pa.list_(pa.string()),
        **dict.fromkeys(integers, pa.int64()),
        **dict.fromkeys(times, pa.float64()),
    }


def statistics_columns(features: Features) -> Dict[str, pa.DataType]:
    """The columns of an episode's statistics as XDog writes them, with their types."""
    numbers, kinds = pa.list_(pa.float64()), {}
    for name in features.table():
        kind = pa.list_(pa.list_(numbers)) if name == CAMERA else numbers
        kinds.update({f"stats/{name}/{key}": kind for key in (*BASIC, *QUANTILES)})
        kinds[f"stats/{name}/count"] = pa.list_(pa.int64())
    return kinds


def schema(features: Features) -> pa.Schema:
    """The columns of a new dataset."""
    return pa.schema({**columns(features.image_size is not None), **statistics_columns(features)})


def read_episodes(files: Files, images: bool) -> pa.Table:
    """The `columns` of all episodes in order, as needed for reading.

    Raises:
        DatasetError: a file is missing or damaged, or a column is.
    """
    names = files.names(NAMES)
    if not names:
        raise DatasetError(f"{files.path(FOLDER)} holds no file: {COPY_AGAIN}")
    kinds = columns(images)
    tables = [_cast(read_table(files.path(name), list(kinds)), kinds, name, files) for name in names]
    return pa.concat_tables(tables)


def read_all_columns(files: Files, features: Features) -> pa.Table:
    """All columns of all episodes, in one set of types, as needed for adding episodes.

    LeRobot reads every file by the columns of the first, and its tools need each statistic of every episode. So a
    statistic that some episodes lack is left out, as LeRobot does where it joins statistics. Other columns are kept.

    Raises:
        DatasetError: a file or a column is missing or damaged.
    """
    ours, tables = statistics_columns(features), []
    kinds = {**columns(features.image_size is not None), **ours}
    for name in files.names(NAMES):
        table = read_table(files.path(name))
        tables.append(_cast(table.select([c for c in table.column_names if _is_kept(c, ours)]), kinds, name, files))
    try:
        joined = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise DatasetError(f"{files.path(FOLDER)}: the files' columns do not fit together ({error})") from error
    return joined.drop_columns([name for name in joined.column_names if name in ours and joined[name].null_count])


def episode_row(
    number: int, task: str, frames: range, file: ChunkFile, fps: Optional[int], statistics: Mapping[str, Statistics]
) -> Dict[str, Any]:
    """The row of an episode that has data and video files of its own.

    Args:
        number: of the episode.
        task: description of its task.
        frames: their numbers in the dataset.
        file: the data file, and the video file, that hold them.
        fps: frames per second; None without images.
        statistics: of its features.
    """
    row: Dict[str, Any] = {
        "episode_index": number,
        "tasks": [task],
        "length": len(frames),
        "dataset_from_index": frames.start,
        "dataset_to_index": frames.stop,
        **{f"data/{key}": value for key, value in file._asdict().items()},
    }
    if fps is not None:
        times = {"from_timestamp": 0.0, "to_timestamp": len(frames) / fps}
        row.update({f"{VIDEO}/{key}": value for key, value in {**file._asdict(), **times}.items()})
    for feature, entry in to_json(statistics).items():
        row.update({f"stats/{feature}/{key}": value for key, value in entry.items()})
    return row


def set_columns(table: pa.Table, values: Mapping[str, Sequence[Any]]) -> pa.Table:
    """The table with new values in these columns."""
    for name, column in values.items():
        number = table.column_names.index(name)
        table = table.set_column(number, name, pa.array(column, table.schema.field(number).type))
    return table


def write_table(change: Change, file: ChunkFile, table: pa.Table) -> None:
    """Write episodes as one file, and the file's number into their columns."""
    places = {f"{FOLDER}/{key}": [value] * len(table) for key, value in file._asdict().items()}
    pq.write_table(set_columns(table, places), change.path(file.name(EPISODES_PATH)))


def replace_tables(change: Change, files: Files, table: pa.Table) -> None:
    """Write all episodes of a dataset as one file in place of the existing ones."""
    for name in files.names(NAMES):
        change.delete(name)
    write_table(change, ChunkFile(0, 0), table)


def _is_kept(column: str, statistics: Mapping[str, pa.DataType]) -> bool:
    return column in statistics or not column.startswith("stats/")


def _cast(table: pa.Table, kinds: Mapping[str, pa.DataType], name: str, files: Files) -> pa.Table:
    arrays: Dict[str, pa.ChunkedArray] = {}
    for column in table.column_names:
        array = table[column]
        try:
            arrays[column] = array.cast(kinds[column]) if column in kinds else array
        except pa.ArrowException as error:
            raise DatasetError(f"{files.path(name)}: the column {column} is not {kinds[column]} ({error})") from error
        if column in kinds and array.null_count and not column.startswith("stats/"):
            raise DatasetError(f"{files.path(name)}: the column {column} has empty entries: {COPY_AGAIN}")
    return pa.table(arrays)
