"""Joining the small files of single episodes into a few large ones, as the format requires."""

import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xdog_learning.dataset import episodes as episode_tables
from xdog_learning.dataset import journal
from xdog_learning.dataset.features import Features
from xdog_learning.dataset.index import Index, read_index, read_json, runs
from xdog_learning.dataset.journal import Change, Files
from xdog_learning.dataset.layout import (
    DATA_FILE_MB,
    DATA_PATH,
    STATS,
    VIDEO_FILE_MB,
    VIDEO_PATH,
    ChunkFile,
)
from xdog_learning.dataset.reader import read_frames
from xdog_learning.dataset.statistics import to_json, vector_statistics
from xdog_learning.dataset.tables import read_table
from xdog_learning.dataset.video import frame_count, join_videos, joinable

Groups = List[List[ChunkFile]]


def plan(
    files: Sequence[ChunkFile],
    size: Callable[[ChunkFile], int],
    limit: float,
    fits: Callable[[ChunkFile, ChunkFile], bool],
) -> Groups:
    """Groups of neighbouring files to join; each group keeps the name of its first file.

    Args:
        files: of the episodes, in order.
        size: of a file, bytes.
        limit: of a joined file, bytes.
        fits: whether the second file may be joined to the first.
    """
    groups: Groups = []
    total = 0
    for file, _, _ in runs(files):
        total += size(file)
        if groups and total <= limit and fits(groups[-1][0], file):
            groups[-1].append(file)
        else:
            groups.append([file])
            total = size(file)
    return groups


def compact(folder: Path) -> None:
    """Join small files and make stats.json exact, in one step that survives a kill.

    Files of other programs with other types or encodings stay as they are.

    Raises:
        DatasetError: the joined dataset would not open; nothing is changed.
    """
    files = Files(folder)
    index = read_index(files)
    rows = episode_tables.read_all_columns(files, index.features)
    exact = {name: vector_statistics(values) for name, values in read_frames(index).items()}
    with journal.change(folder) as change:
        places = {**_join_data(index, change), **_join_videos(index, change)}
        episode_tables.replace_tables(change, files, episode_tables.set_columns(rows, places))
        statistics = {**read_json(files.path(STATS)), **to_json(exact)}
        change.path(STATS).write_text(json.dumps(statistics, indent=1), encoding="utf-8")
        read_frames(read_index(Files(folder, change)))


def _join_data(index: Index, change: Change) -> Dict[str, Any]:
    """Join data files; returns the new values of columns of meta/episodes."""
    files = index.files

    def path(file: ChunkFile) -> Path:
        return files.path(file.name(DATA_PATH))

    def fits(first: ChunkFile, file: ChunkFile) -> bool:
        return _is_ours(path(first), index.features) and _is_ours(path(file), index.features)

    groups = plan(index.data, lambda file: path(file).stat().st_size, DATA_FILE_MB * 1e6, fits)
    schema = index.features.schema()
    for first, *others in groups:
        if others:
            tables = [read_table(path(file)).select(schema.names).cast(schema) for file in (first, *others)]
            pq.write_table(pa.concat_tables(tables), change.path(first.name(DATA_PATH)))
        for file in others:
            change.delete(file.name(DATA_PATH))
    return _places("data", index.data, groups)


def _join_videos(index: Index, change: Change) -> Dict[str, Any]:
    """Join videos; returns the new values of columns of meta/episodes."""
    if not index.video:
        return {}
    files, fps, episodes = index.files, index.features.fps, index.video_episodes()

    def path(file: ChunkFile) -> Path:
        return files.path(file.name(VIDEO_PATH))

    def fits(first: ChunkFile, file: ChunkFile) -> bool:
        filled = all(_is_filled(index, episodes[part], path(part)) for part in (first, file))
        return filled and joinable(path(first), path(file))

    groups = plan(index.video, lambda file: path(file).stat().st_size, VIDEO_FILE_MB * 1e6, fits)
    begin = index.video_starts / fps
    for first, *others in groups:
        if others:
            join_videos(change.path(first.name(VIDEO_PATH)), [path(file) for file in (first, *others)], fps)
            joined = [number for file in (first, *others) for number in episodes[file]]
            begin[joined] = (index.starts[joined] - index.starts[joined[0]]) / fps
        for file in others:
            change.delete(file.name(VIDEO_PATH))
    key = episode_tables.VIDEO
    times = {f"{key}/from_timestamp": begin, f"{key}/to_timestamp": begin + index.lengths / fps}
    return {**_places(key, index.video, groups), **times}


def _is_ours(path: Path, features: Features) -> bool:
    """Whether a data file has exactly the columns and types that XDog writes, in any order."""
    found, ours = pq.ParquetFile(path).schema_arrow, features.schema()
    return sorted(found.names) == sorted(ours.names) and all(found.field(f.name).type == f.type for f in ours)


def _is_filled(index: Index, numbers: Sequence[int], path: Path) -> bool:
    """Whether a video holds the images of its episodes, which are neighbours, in their order and nothing else."""
    first, last = numbers[0], numbers[-1] + 1
    starts = index.starts[first : last + 1] - index.starts[first]
    return (
        len(numbers) == last - first
        and np.array_equal(index.video_starts[first:last], starts[:-1])
        and frame_count(path) == starts[-1]
    )


def _places(what: str, files: Sequence[ChunkFile], groups: Groups) -> Dict[str, List[int]]:
    new = {file: group[0] for group in groups for file in group}
    return {
        f"{what}/chunk_index": [new[file].chunk_index for file in files],
        f"{what}/file_index": [new[file].file_index for file in files],
    }
