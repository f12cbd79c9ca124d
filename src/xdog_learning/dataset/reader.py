"""Demonstrations as arrays, for training and replay."""

import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional, Tuple

import numpy as np

from xdog_learning.dataset import journal
from xdog_learning.dataset.compaction import column
from xdog_learning.dataset.episode import Episode
from xdog_learning.dataset.index import REMEDY, Index, read_index, read_table
from xdog_learning.dataset.layout import (
    ACTION,
    DATA_PATH,
    DEFAULT_FEATURES,
    ENVIRONMENT,
    INFO,
    STATE,
    VIDEO_PATH,
    DatasetError,
)
from xdog_learning.dataset.video import VideoFileError, read_video
from xdog_learning.folder_lock import FolderBusyError, locked

Array = np.ndarray

IN_MEMORY = 1_000_000_000
"""Bytes of decoded images above which they lie in a temporary file that the system pages in and out."""


@dataclass(frozen=True, eq=False)
class Demonstrations:
    """E episodes of N frames in all, one after the other.

    Attributes:
        folder: where they were read from.
        fps: frames a second.
        state: (N, 6) float32, measured joint angles, rad.
        environment_state: (N, k) float32, object token.
        action: (N, 6) float32, commanded joint targets, rad.
        images: (N, H, W, 3) uint8 RGB, None if there are none or they were not asked for.
        starts: (E + 1,) int, first frame of each episode, then N.
        tasks: what is done in each episode, in words.
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
        """One episode.

        Raises:
            DatasetError: there is none of that number.
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
    """Read a dataset whole.

    Args:
        folder: of the dataset.
        images: decode the camera's video too, if there is one.

    Raises:
        DatasetError: missing, cut short, inconsistent, of another version or with other features, or being written.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} does not exist. `./xdog record --help` says how to make a dataset")
    with ExitStack() as held:
        try:
            held.enter_context(locked(folder, exclusive=journal.unfinished(folder, INFO)))
        except FolderBusyError as error:
            raise DatasetError(f"{error}: it is being recorded; wait for that to end, or stop it") from error
        if journal.unfinished(folder, INFO):
            journal.recover(folder, INFO)
        index = read_index(folder)
        return _load(index, images and index.features.image_size is not None)


def _load(index: Index, with_images: bool) -> Demonstrations:
    tables = [read_table(index.folder / place.path(DATA_PATH)) for place, _, _ in index.data_files()]
    names = (STATE, ENVIRONMENT, ACTION, *DEFAULT_FEATURES)
    try:
        columns = {name: np.concatenate([column(table, name) for table in tables]) for name in names}
    except KeyError as error:
        raise DatasetError(f"{index.folder}/data lacks the column {error}. {REMEDY}") from error
    lengths = np.diff(index.starts)
    steps = np.arange(index.starts[-1]) - np.repeat(index.starts[:-1], lengths)
    expected = {
        "index": np.arange(index.starts[-1]),
        "episode_index": np.repeat(np.arange(len(lengths)), lengths),
        "frame_index": steps,
        "timestamp": (steps / index.features.fps).astype(np.float32),
    }
    for name, numbers in expected.items():
        if not np.array_equal(columns[name][:, 0], numbers):
            raise DatasetError(f"{index.folder}/data: the column {name} does not fit the episodes. {REMEDY}")
    for name in (STATE, ENVIRONMENT, ACTION):
        if not np.isfinite(columns[name]).all():
            raise DatasetError(f"{index.folder}/data: {name} holds numbers that are not finite. {REMEDY}")
    tasks = columns["task_index"][index.starts[:-1], 0]
    if not np.all((tasks >= 0) & (tasks < len(index.tasks))):
        raise DatasetError(f"{index.folder}/data names tasks that meta/tasks.parquet lacks. {REMEDY}")
    return Demonstrations(
        folder=index.folder,
        fps=index.features.fps,
        state=columns[STATE],
        environment_state=columns[ENVIRONMENT],
        action=columns[ACTION],
        images=_images(index) if with_images else None,
        starts=index.starts,
        tasks=tuple(index.tasks[number] for number in tasks),
        recording=index.recording,
    )


def _images(index: Index) -> Array:
    assert index.features.image_size is not None
    shape = (int(index.starts[-1]), *index.features.image_size, 3)
    if np.prod(shape) <= IN_MEMORY:
        images = np.empty(shape, np.uint8)
    else:
        beside = index.folder if os.access(index.folder, os.W_OK) else None  # not where temporary files lie in memory
        with tempfile.TemporaryFile(dir=beside) as file:  # unlinked: it goes with the last array that refers to it
            images = np.memmap(file, np.uint8, "w+", shape=shape)
    for place, first, last in index.video_files():
        path = index.folder / place.path(VIDEO_PATH)
        number, end = int(index.starts[first]), int(index.starts[last])
        try:
            for image in read_video(path):
                if number == end or image.shape != shape[1:]:
                    raise VideoFileError(
                        f"{path} holds more frames than its episodes, or of another size {image.shape}"
                    )
                images[number] = image
                number += 1
        except VideoFileError as error:
            raise DatasetError(f"{error}. {REMEDY}") from error
        if number != end:
            raise DatasetError(f"{path} ends {end - number} frames early. {REMEDY}")
    return images
