"""A dataset's metadata, checked for consistency and against the files."""

import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np
import pyarrow as pa

from xdog_learning.dataset.episodes import VIDEO, read_episodes
from xdog_learning.dataset.features import Features
from xdog_learning.dataset.journal import Files
from xdog_learning.dataset.layout import (
    COPY_AGAIN,
    DATA_PATH,
    INFO,
    RECORDING,
    TASKS,
    VERSION,
    VIDEO_PATH,
    ChunkFile,
    DatasetError,
)
from xdog_learning.dataset.provenance import check_recording
from xdog_learning.dataset.tables import read_table, row_count
from xdog_learning.dataset.tasks import read_tasks
from xdog_learning.dataset.video import frame_count

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Index:
    """The metadata of a dataset of E episodes and N frames.

    Attributes:
        files: of the dataset.
        info: content of info.json.
        features: of every frame.
        tasks: description of each task.
        starts: (E + 1,) first frame of each episode, then N.
        data: file of each episode's frames.
        video: file of each episode's images; empty without images.
        video_starts: (E,) number of an episode's first image in its file.
        recording: how it was made; empty if unknown.
    """

    files: Files
    info: Mapping[str, Any]
    features: Features
    tasks: Tuple[str, ...]
    starts: Array
    data: Sequence[ChunkFile]
    video: Sequence[ChunkFile]
    video_starts: Array
    recording: Mapping[str, Any]

    @property
    def lengths(self) -> Array:
        """(E,) frames of each episode."""
        return np.diff(self.starts)

    def video_episodes(self) -> Dict[ChunkFile, List[int]]:
        """The numbers of the episodes whose images are in each video."""
        found: Dict[ChunkFile, List[int]] = {}
        for number, file in enumerate(self.video):
            found.setdefault(file, []).append(number)
        return found


def runs(files: Sequence[ChunkFile]) -> List[Tuple[ChunkFile, int, int]]:
    """Runs of episodes in the same file: (file, first episode, one past the last)."""
    found, first = [], 0
    for file, run in groupby(files):
        last = first + len(list(run))
        found.append((file, first, last))
        first = last
    return found


def read_json(path: Path) -> Dict[str, Any]:
    """A JSON object from a file.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing: {COPY_AGAIN}") from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read ({error}): {COPY_AGAIN}") from error
    if not isinstance(content, dict):
        raise DatasetError(f"{path} holds no JSON object: {COPY_AGAIN}")
    return content


def read_index(files: Files) -> Index:
    """Read and check the metadata of a dataset; of frames and videos only their number.

    Raises:
        DatasetError: a file is missing or damaged, or files contradict each other; the message names them.
    """
    info = _read_info(files)
    try:
        features = Features.of_info(info)
    except DatasetError as error:
        raise DatasetError(f"{files.path(INFO)}: {error}") from None
    with_images = features.image_size is not None
    tasks = read_tasks(read_table(files.path(TASKS)), str(files.path(TASKS)))
    episodes = read_episodes(files, with_images)
    recording = files.path(RECORDING)
    index = Index(
        files=files,
        info=info,
        features=features,
        tasks=tasks,
        starts=_starts(episodes, files),
        data=_places(episodes, "data"),
        video=_places(episodes, VIDEO) if with_images else [],
        video_starts=_video_starts(episodes, features.fps, files) if with_images else np.zeros(0, int),
        recording=read_json(recording) if recording.exists() else {},
    )
    check_recording(index.recording, recording)
    _check_totals(index)
    _check_data(index)
    _check_videos(index)
    return index


def _read_info(files: Files) -> Dict[str, Any]:
    path = files.path(INFO)
    if not path.is_file():
        raise DatasetError(f"{files.folder} holds no dataset: {INFO} is missing. `./xdog record` makes one")
    info = read_json(path)
    version = info.get("codebase_version")
    if version != VERSION:
        folder = files.folder.absolute()
        remedy = "XDog reads no other version yet"
        if version == "v2.1":
            remedy = (
                "convert it in LeRobot's environment with: python -m lerobot.datasets.v30.convert_dataset_v21_to_v30 "
                f"--repo-id {folder.name} --root {folder.parent} --push-to-hub false"
            )
        raise DatasetError(f"{files.folder} is a LeRobotDataset {version}, not {VERSION}: {remedy}")
    if info.get("total_episodes") == 0:
        raise DatasetError(f"{files.folder} has no episodes yet: name a new folder")
    return info


def _starts(episodes: pa.Table, files: Files) -> Array:
    lengths = episodes["length"].to_numpy()
    starts = np.concatenate([[0], np.cumsum(lengths)])
    expected = {
        "episode_index": np.arange(len(lengths)),
        "dataset_from_index": starts[:-1],
        "dataset_to_index": starts[1:],
    }
    for name, values in expected.items():
        if not np.array_equal(episodes[name].to_numpy(), values):
            raise DatasetError(
                f"{files.path('meta/episodes')}: the column {name} does not number the episodes without gaps. "
                "Delete episodes with lerobot-edit-dataset only, and copy meta/ and data/ together"
            )
    return starts


def _places(episodes: pa.Table, what: str) -> List[ChunkFile]:
    indices = (episodes[f"{what}/{key}"].to_pylist() for key in ("chunk_index", "file_index"))
    return [ChunkFile(chunk, file) for chunk, file in zip(*indices)]


def _video_starts(episodes: pa.Table, fps: int, files: Files) -> Array:
    begin, end = (episodes[f"{VIDEO}/{key}_timestamp"].to_numpy() * fps for key in ("from", "to"))
    lengths = episodes["length"].to_numpy()
    mismatched = np.flatnonzero(np.abs(end - begin - lengths) >= 0.5)
    if len(mismatched):
        number = int(mismatched[0])
        raise DatasetError(
            f"{files.path('meta/episodes')}: the images of episode {number} last {end[number] - begin[number]:.1f} "
            f"frames, the episode {lengths[number]}: it was recorded at another rate than {fps} fps"
        )
    return np.rint(begin).astype(int)


def _check_totals(index: Index) -> None:
    found = {"episodes": len(index.data), "frames": int(index.starts[-1]), "tasks": len(index.tasks)}
    for what, count in found.items():
        name = f"total_{what}"
        if index.info.get(name) != count:
            raise DatasetError(
                f"{index.files.path(INFO)}: {name} is {index.info.get(name)}, but meta/ lists {count}: correct that "
                "number if data/ and meta/ are whole, else copy what is missing"
            )


def _check_data(index: Index) -> None:
    for file, first, last in runs(index.data):
        path = index.files.path(file.name(DATA_PATH))
        rows, frames = row_count(path), int(index.starts[last] - index.starts[first])
        if rows != frames:
            raise DatasetError(f"{path} holds {rows} frames, its episodes have {frames}: {COPY_AGAIN}")
    unused = set(index.files.names("data/*/*.parquet")) - {file.name(DATA_PATH) for file in index.data}
    if unused:
        raise DatasetError(f"{index.files.path(min(unused))} belongs to no episode: move it out of the dataset")


def _check_videos(index: Index) -> None:
    for file, numbers in index.video_episodes().items():
        path = index.files.path(file.name(VIDEO_PATH))
        starts = index.video_starts[numbers]
        order = np.argsort(starts)
        starts, ends = starts[order], (starts + index.lengths[numbers])[order]
        if np.any(starts[1:] < ends[:-1]):
            raise DatasetError(f"{index.files.path('meta/episodes')}: two episodes have the same images of {path}")
        frames = frame_count(path)
        if frames < ends[-1]:
            raise DatasetError(f"{path} holds {frames} frames, its episodes need {ends[-1]}: {COPY_AGAIN}")
