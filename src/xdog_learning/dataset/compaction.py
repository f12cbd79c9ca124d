"""Joining the small files of single episodes into few large ones, as the format wants them."""

import json
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xdog_learning.dataset import journal
from xdog_learning.dataset.index import Index, read_table, spans
from xdog_learning.dataset.layout import (
    CAMERA,
    DATA_FILE_MB,
    DATA_PATH,
    EPISODES_PATH,
    STATS,
    VIDEO_FILE_MB,
    VIDEO_PATH,
    FileNumber,
)
from xdog_learning.dataset.statistics import Statistics, to_json, vector_statistics
from xdog_learning.dataset.video import join_videos, joinable

Array = np.ndarray


def plan(index: Index, numbers: Array, pattern: str, limit: float, fits: Callable[[Path, Path], bool]) -> Array:
    """New file numbers, one an episode: neighbouring files share one while they fit and stay under ``limit`` bytes."""
    new = np.zeros(len(numbers), int)
    number, size, head = -1, 0.0, Path()
    for place, first, last in spans(numbers):
        path = index.folder / place.path(pattern)
        own = path.stat().st_size
        if number >= 0 and size + own <= limit and fits(head, path):
            size += own
        else:
            number, size, head = number + 1, own, path
        new[first:last] = number
    return new


def sources(old: Array, new: Array) -> List[Tuple[FileNumber, List[FileNumber]]]:
    """For every new file that differs from what is there: the old files it is made of, in order."""
    jobs = []
    for place, first, last in spans(new):
        parts = [part for part, _, _ in spans(old[first:last])]
        if parts != [place]:
            jobs.append((place, parts))
    return jobs


def exact_statistics(index: Index) -> Dict[str, Statistics]:
    """Statistics of all features but images over all frames."""
    names = [name for name in index.statistics if name != CAMERA]
    parts: Dict[str, List[Array]] = {name: [] for name in names}
    for place, _, _ in index.data_files():
        table = read_table(index.folder / place.path(DATA_PATH))
        for name in names:
            parts[name].append(column(table, name))
    return {name: vector_statistics(np.concatenate(arrays)) for name, arrays in parts.items()}


def column(table: pa.Table, name: str) -> Array:
    """A column as (N, n) numbers; n is 1 for plain numbers."""
    joined = table[name].combine_chunks()
    if pa.types.is_nested(joined.type):
        joined = joined.flatten()
    return joined.to_numpy(zero_copy_only=False).reshape(len(table), -1)


def compact(index: Index) -> None:
    """Join small files and make stats.json exact, in one step that survives a kill."""
    folder, episodes, fps = index.folder, index.episodes, index.features.fps
    data = plan(index, index.data, DATA_PATH, DATA_FILE_MB * 1e6, lambda *_: True)
    video = plan(index, index.video, VIDEO_PATH, VIDEO_FILE_MB * 1e6, joinable)
    statistics = {**index.statistics, **exact_statistics(index)}
    with journal.change(folder) as change:
        for old, pattern in ((index.data, DATA_PATH), (index.video, VIDEO_PATH)):
            for place, _, _ in spans(old):
                change.delete(place.path(pattern))
        for place, parts in sources(index.data, data):
            tables = [read_table(folder / part.path(DATA_PATH)) for part in parts]
            pq.write_table(pa.concat_tables(tables), change.path(place.path(DATA_PATH)))
        for place, parts in sources(index.video, video):
            paths = [folder / part.path(VIDEO_PATH) for part in parts]
            join_videos(change.path(place.path(VIDEO_PATH)), paths, fps)
        change.keep(place.path(DATA_PATH) for place, _, _ in spans(data))
        change.keep(place.path(VIDEO_PATH) for place, _, _ in spans(video))
        columns = {**_places("data", data), **_places("meta/episodes", np.zeros(len(data), int))}
        if len(video):
            first = np.concatenate([np.full(end - start, start) for _, start, end in spans(video)])
            begin = (index.starts[:-1] - index.starts[first]) / fps
            end = begin + np.diff(index.starts) / fps
            key = f"videos/{CAMERA}"
            columns.update({**_places(key, video), f"{key}/from_timestamp": begin, f"{key}/to_timestamp": end})
        for name, values in columns.items():
            episodes = episodes.set_column(episodes.column_names.index(name), name, pa.array(values))
        for path in folder.glob("meta/episodes/*/*.parquet"):
            change.delete(path.relative_to(folder).as_posix())
        pq.write_table(episodes, change.path(FileNumber(0).path(EPISODES_PATH)))
        change.path(STATS).write_text(json.dumps(to_json(statistics), indent=1), encoding="utf-8")


def _places(what: str, numbers: Array) -> Dict[str, Array]:
    places = [FileNumber(number) for number in numbers.tolist()]
    return {
        f"{what}/chunk_index": np.array([place.chunk_index for place in places]),
        f"{what}/file_index": np.array([place.file_index for place in places]),
    }
