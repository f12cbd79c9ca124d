"""Demonstrations as arrays, for training and replay."""

import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np

from xdog_learning.dataset import journal
from xdog_learning.dataset.episode import Episode
from xdog_learning.dataset.index import Index, read_index, runs
from xdog_learning.dataset.journal import Files
from xdog_learning.dataset.layout import (
    ACTION,
    COPY_AGAIN,
    DATA_PATH,
    ENVIRONMENT,
    INFO,
    STATE,
    VIDEO_PATH,
    DatasetError,
)
from xdog_learning.dataset.tables import numbers, read_table
from xdog_learning.dataset.units import check_angles, check_rate
from xdog_learning.dataset.video import read_video
from xdog_learning.folder_lock import FolderBusyError, locked

Array = np.ndarray

IN_MEMORY = 1_000_000_000
"""Bytes of decoded images above which a temporary file holds them, which the system pages in and out."""
TIME_TOLERANCE = 1e-4
"""s, largest error of a frame's timestamp, as in LeRobot."""


@dataclass(frozen=True, eq=False)
class Demonstrations:
    """E episodes with N frames in total, one after another.

    Attributes:
        folder: where they were read from.
        fps: frames per second.
        state: (N, 6) float32, measured joint angles, rad.
        environment_state: (N, k) float32, object features.
        action: (N, 6) float32, commanded joint targets, rad.
        images: (N, H, W, 3) uint8 RGB, None if there are none or they were not requested.
        starts: (E + 1,) int, first frame of each episode, then N.
        tasks: description of each episode's task.
        recording: how the dataset was made.
    """

    folder: Path
    fps: int
    state: Array
    environment_state: Array
    action: Array
    images: Optional[Array]
    starts: Array
    tasks: Tuple[str, ...]
    recording: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.tasks)

    def episode(self, number: int) -> Episode:
        """Return one episode.

        Raises:
            DatasetError: there is no such episode.
        """
        if not 0 <= number < len(self):
            raise DatasetError(f"{self.folder} has the episodes 0 to {len(self) - 1}, not {number}")
        frames = slice(self.starts[number], self.starts[number + 1])
        images = None if self.images is None else self.images[frames]
        return Episode(
            self.state[frames],
            self.environment_state[frames],
            self.action[frames],
            images,
            self.tasks[number],
            self.fps,
        )


def load_dataset(folder: Path, images: bool = False) -> Demonstrations:
    """Read a whole dataset.

    Args:
        folder: of the dataset.
        images: decode the camera's video too, if there is one.

    Raises:
        DatasetError: it is missing, damaged, inconsistent, of another version, being written, has other features, or
            its numbers are not radians at the rate of the policies.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} does not exist. `./xdog record` makes a dataset")
    with ExitStack() as held:
        try:
            held.enter_context(locked(folder, exclusive=journal.unfinished(folder, INFO)))
        except FolderBusyError as error:
            raise DatasetError(f"{error}: it is being recorded; wait for that to end, or stop it") from error
        if journal.unfinished(folder, INFO):
            journal.recover(folder, INFO)
        index = read_index(Files(folder))
        frames = read_frames(index)
        return Demonstrations(
            folder=folder,
            fps=index.features.fps,
            state=frames[STATE],
            environment_state=frames[ENVIRONMENT],
            action=frames[ACTION],
            images=_images(index) if images and index.features.image_size is not None else None,
            starts=index.starts,
            tasks=tuple(index.tasks[number] for number in frames["task_index"][index.starts[:-1], 0]),
            recording=index.recording,
        )


def read_frames(index: Index) -> Dict[str, Array]:
    """All columns of the data files that XDog records, each (N, n), checked against the metadata and the robot.

    Raises:
        DatasetError: a column is missing, contradicts the metadata, or is not in XDog's units.
    """
    check_rate(index.features.fps, str(index.files.path(INFO)))
    parts: Dict[str, List[Array]] = {name: [] for name in index.features.widths()}
    for file, _, _ in runs(index.data):
        path = index.files.path(file.name(DATA_PATH))
        table = read_table(path, list(parts))
        for name, width in index.features.widths().items():
            kind = np.float32 if name in (STATE, ENVIRONMENT, ACTION, "timestamp") else np.int64
            values = numbers(table, name, width, str(path))
            if not np.isfinite(values).all():
                raise DatasetError(f"{path}: the column {name} holds numbers that are not finite: {COPY_AGAIN}")
            parts[name].append(values.astype(kind))
        for name in (STATE, ACTION):
            check_angles(parts[name][-1], name, str(path))
    frames = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    _check_numbering(index, frames)
    return frames


def _check_numbering(index: Index, frames: Mapping[str, Array]) -> None:
    where, count = index.files.path("data"), int(index.starts[-1])
    steps = np.arange(count) - np.repeat(index.starts[:-1], index.lengths)
    expected = {
        "index": np.arange(count),
        "episode_index": np.repeat(np.arange(len(index.lengths)), index.lengths),
        "frame_index": steps,
        "timestamp": steps / index.features.fps,
    }
    for name, values in expected.items():
        if np.abs(frames[name][:, 0] - values).max() > TIME_TOLERANCE:
            raise DatasetError(
                f"{where}: the column {name} does not fit the episodes in meta/: copy data/ and meta/ together from "
                "where they are whole"
            )
    if not np.all((frames["task_index"] >= 0) & (frames["task_index"] < len(index.tasks))):
        raise DatasetError(f"{where}: task_index names tasks that meta/tasks.parquet lacks: copy that file again")


def _images(index: Index) -> Array:
    assert index.features.image_size is not None
    shape = (int(index.starts[-1]), *index.features.image_size, 3)
    if np.prod(shape) <= IN_MEMORY:
        images = np.empty(shape, np.uint8)
    else:
        folder = index.files.folder
        beside = folder if os.access(folder, os.W_OK) else None  # /tmp may be in memory
        with tempfile.TemporaryFile(dir=beside) as file:  # unlinked: freed with the last array that refers to it
            images = np.memmap(file, np.uint8, "w+", shape=shape)
    for video, those in index.video_episodes().items():
        path = index.files.path(video.name(VIDEO_PATH))
        place = {  # destination of each frame of the file; other frames belong to no episode
            int(index.video_starts[number]) + step: int(index.starts[number]) + step
            for number in those
            for step in range(int(index.lengths[number]))
        }
        for frame, image in read_video(path, index.features.fps):
            if frame in place:
                if image.shape != shape[1:]:
                    raise DatasetError(f"{path} holds images of {image.shape}, meta/info.json says {shape[1:]}")
                images[place.pop(frame)] = image
        if place:
            raise DatasetError(f"{path} lacks {len(place)} frames of its episodes: {COPY_AGAIN}")
    return images
