"""Parquet files read by column name: LeRobot and pandas use other orders and number types than XDog."""

from pathlib import Path
from typing import Optional, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xdog_learning.dataset.layout import COPY_AGAIN, DatasetError

Array = np.ndarray


def read_table(path: Path, columns: Optional[Sequence[str]] = None) -> pa.Table:
    """A whole parquet file, or some of its columns.

    Raises:
        DatasetError: the file is missing or damaged, or lacks a column.
    """
    try:
        file = pq.ParquetFile(path)
        missing = sorted(set(columns or ()) - set(file.schema_arrow.names))
        if missing:
            raise DatasetError(f"{path} lacks the column {missing[0]}: {COPY_AGAIN}")
        return file.read(columns=columns)
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing: {COPY_AGAIN}") from None
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} cannot be read ({error}): {COPY_AGAIN}") from error


def row_count(path: Path) -> int:
    """The number of rows of a parquet file, from its footer.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    return int(read_table(path, columns=[]).num_rows)


def numbers(table: pa.Table, name: str, width: int, where: str) -> Array:
    """A column of numbers, or of lists of numbers, as (rows, width); ``where`` names the file in messages.

    Raises:
        DatasetError: a row does not hold ``width`` numbers.
    """
    column = table[name].combine_chunks()
    if pa.types.is_nested(column.type):
        if column.null_count or not pc.all(pc.equal(pc.list_value_length(column), width)).as_py():
            raise DatasetError(f"{where}: a row of the column {name} does not hold {width} numbers")
        column = column.flatten()
    if column.null_count or not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise DatasetError(f"{where}: the column {name} holds {column.type} or nothing, not numbers")
    values: Array = column.to_numpy(zero_copy_only=False)
    return values.reshape(len(table), width)


def vectors(values: Array, kind: pa.DataType) -> pa.Array:
    """Numbers (rows,) or (rows, width) as a column of this type."""
    if not pa.types.is_fixed_size_list(kind):
        return pa.array(values, kind)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel(), kind.value_type), type=kind)
