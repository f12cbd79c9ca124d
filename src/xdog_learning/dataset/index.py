"""What a dataset's metadata tell, checked against each other and against the files that are there."""

import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xdog_learning.dataset.layout import (
    CAMERA,
    DATA_PATH,
    EPISODES_PATH,
    INFO,
    RECORDING,
    STATS,
    TASKS,
    VERSION,
    VIDEO_PATH,
    DatasetError,
    Features,
    FileNumber,
    read_tasks,
)
from xdog_learning.dataset.layout import FILES_PER_CHUNK as PER_CHUNK
from xdog_learning.dataset.statistics import Statistics, from_json, lacking
from xdog_learning.dataset.video import VideoFileError, frame_count

Array = np.ndarray
REMEDY = "It was cut short or changed by hand: copy it again from where it is whole, or record it anew"


@dataclass(frozen=True, eq=False)
class Index:
    """The metadata of a dataset of E episodes and N frames.

    Attributes:
        folder: of the dataset.
        features: what every frame holds.
        tasks: words of each task.
        episodes: one row an episode, with all columns of meta/episodes.
        starts: (E + 1,) first frame of each episode, then N.
        data, video: (E,) number of the file that an episode lies in; video is empty without images.
        statistics: by feature.
        recording: how it was made; empty if unknown.
    """

    folder: Path
    features: Features
    tasks: Tuple[str, ...]
    episodes: pa.Table
    starts: Array
    data: Array
    video: Array
    statistics: Mapping[str, Statistics]
    recording: Mapping[str, Any]

    def data_files(self) -> List[Tuple[FileNumber, int, int]]:
        """Files of the frames in order, each with the first and the last-but-one episode in it."""
        return spans(self.data)

    def video_files(self) -> List[Tuple[FileNumber, int, int]]:
        """The same for the camera's videos."""
        return spans(self.video)


def spans(numbers: Array) -> List[Tuple[FileNumber, int, int]]:
    """Runs of equal file numbers: (place, first episode, one past the last)."""
    found, first = [], 0
    for number, run in groupby(numbers.tolist()):
        last = first + len(list(run))
        found.append((FileNumber(number), first, last))
        first = last
    return found


def read_json(path: Path) -> Dict[str, Any]:
    """A JSON object from a file.

    Raises:
        DatasetError: there is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing. {REMEDY}") from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read ({error}). {REMEDY}") from error
    if not isinstance(content, dict):
        raise DatasetError(f"{path} holds no JSON object. {REMEDY}")
    return content


def read_table(path: Path) -> pa.Table:
    """A whole parquet file.

    Raises:
        DatasetError: there is none.
    """
    try:
        return pq.ParquetFile(path).read()
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing. {REMEDY}") from None
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} cannot be read ({error}). {REMEDY}") from error


def read_index(folder: Path) -> Index:
    """Read and check the metadata of a dataset; of frames and videos only that they are there in the right number.

    Raises:
        DatasetError: a file is missing, cut short, or they contradict each other; the message names it.
    """
    if not (folder / INFO).is_file():
        raise DatasetError(f"{folder} holds no dataset: {INFO} is missing. `./xdog record --help` says how to make one")
    info = read_json(folder / INFO)
    version = info.get("codebase_version")
    if version != VERSION:
        raise DatasetError(f"{folder} is a LeRobotDataset {version}, wanted {VERSION}: convert it with LeRobot's tools")
    try:
        features = Features.of_info(info)
    except DatasetError as error:
        raise DatasetError(f"{folder / INFO}: {error}. Record a dataset of your own with ./xdog record") from None
    tasks = read_tasks(read_table(folder / TASKS))
    paths = sorted(folder.glob("meta/episodes/*/*.parquet"))
    if not paths:
        raise DatasetError(f"{folder / EPISODES_PATH.split('/chunk')[0]} holds no file. {REMEDY}")
    try:
        episodes = pa.concat_tables([read_table(path) for path in paths])
        index = Index(
            folder=folder,
            features=features,
            tasks=tasks,
            episodes=episodes,
            starts=_starts(episodes),
            data=_numbers(episodes, "data"),
            video=np.zeros(0, int) if features.image_size is None else _numbers(episodes, f"videos/{CAMERA}"),
            statistics=from_json(read_json(folder / STATS)),
            recording=read_json(folder / RECORDING) if (folder / RECORDING).exists() else {},
        )
        totals = [int(info[f"total_{what}"]) for what in ("episodes", "frames", "tasks")]
    except (KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{folder}/meta lacks or garbles {error}. {REMEDY}") from error
    found = [len(index.data), int(index.starts[-1]), len(tasks)]
    if totals != found:
        raise DatasetError(
            f"{folder / INFO} tells of {totals[0]} episodes, {totals[1]} frames, {totals[2]} tasks, but meta/ lists "
            f"{found[0]}, {found[1]}, {found[2]}. {REMEDY}"
        )
    missing = lacking(index.statistics, features.table())
    if missing:
        raise DatasetError(f"{folder / STATS} lacks {', '.join(missing)}. {REMEDY}")
    _check_recording(index)
    _check_files(index)
    return index


def _check_recording(index: Index) -> None:
    """Whether every demonstrator that recording.json names has what recording, replay and training read of it."""
    sources = index.recording.get("sources", [])
    if not isinstance(sources, list):
        raise DatasetError(f"{index.folder / RECORDING}: sources is no list. {REMEDY}")
    for number, source in enumerate(sources):
        where = f"{index.folder / RECORDING}: sources[{number}]"
        if not isinstance(source, dict):
            raise DatasetError(f"{where} is no mapping. {REMEDY}")
        missing = [name for name in ("by", "seed", "tried", "kept") if name not in source]
        if missing:
            raise DatasetError(f"{where} lacks {', '.join(missing)}. {REMEDY}")
        if not isinstance(source["tried"], int) or not _are_pairs(source["kept"]):
            raise DatasetError(f"{where}: tried must be a number, kept a list of pairs of numbers. {REMEDY}")
        versions = source.get("versions", [])
        if not isinstance(versions, list) or not all(
            isinstance(version, dict) and {"from", "commit", "grasp_yaml"} <= set(version) for version in versions
        ):
            raise DatasetError(f"{where}: its versions lack from, commit or grasp_yaml. {REMEDY}")


def _are_pairs(kept: Any) -> bool:
    return isinstance(kept, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(number, int) for number in pair) for pair in kept
    )


def _starts(episodes: pa.Table) -> Array:
    lengths = episodes["length"].to_numpy()
    starts = np.concatenate([[0], np.cumsum(lengths)])
    expected = {
        "episode_index": np.arange(len(lengths)),
        "dataset_from_index": starts[:-1],
        "dataset_to_index": starts[1:],
    }
    for name, numbers in expected.items():
        if not np.array_equal(episodes[name].to_numpy(), numbers):
            raise DatasetError(f"meta/episodes: the column {name} is not contiguous. {REMEDY}")
    return starts


def _numbers(episodes: pa.Table, what: str) -> Array:
    return episodes[f"{what}/chunk_index"].to_numpy() * PER_CHUNK + episodes[f"{what}/file_index"].to_numpy()


def _check_files(index: Index) -> None:
    listed = set()
    for place, first, last in index.data_files():
        path = index.folder / place.path(DATA_PATH)
        listed.add(path)
        try:
            rows = pq.ParquetFile(path).metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(f"{path} cannot be read ({error}). {REMEDY}") from error
        _compare(path, rows, int(index.starts[last] - index.starts[first]))
    stray = sorted(set(index.folder.glob("data/*/*.parquet")) - listed)
    if stray:
        raise DatasetError(f"{stray[0]} belongs to no episode: move it away. {REMEDY}")
    for place, first, last in index.video_files():
        path = index.folder / place.path(VIDEO_PATH)
        try:
            frames = frame_count(path)
        except VideoFileError as error:
            raise DatasetError(f"{error}. {REMEDY}") from error
        _compare(path, frames, int(index.starts[last] - index.starts[first]))


def _compare(path: Path, found: int, wanted: int) -> None:
    if found != wanted:
        raise DatasetError(f"{path} holds {found} frames, its episodes have {wanted}. {REMEDY}")
