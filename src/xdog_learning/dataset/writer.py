"""Adding demonstrations to a dataset, each in one step that survives a kill."""

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, Mapping, Optional, Type

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xdog_learning.dataset import journal
from xdog_learning.dataset.compaction import compact
from xdog_learning.dataset.episode import Episode
from xdog_learning.dataset.index import Index, read_index
from xdog_learning.dataset.layout import (
    ACTION,
    CAMERA,
    DATA_PATH,
    DEFAULT_FEATURES,
    ENVIRONMENT,
    EPISODES_PATH,
    INFO,
    RECORDING,
    STATE,
    STATS,
    TASKS,
    VIDEO_PATH,
    DatasetError,
    Features,
    FileNumber,
    tasks_table,
)
from xdog_learning.dataset.statistics import (
    Statistics,
    image_statistics,
    merge,
    to_json,
    vector_statistics,
)
from xdog_learning.dataset.video import write_video
from xdog_learning.folder_lock import FolderBusyError, locked

Array = np.ndarray


class DatasetWriter:
    """Begins a dataset in a new or empty folder, or adds to the one that is there.

    Every added episode is on disk, and the folder is a whole LeRobotDataset, before `add` returns: a program that is
    killed loses the episode it was about to add and nothing else. Meanwhile each episode has files of its own; `close`
    joins them into few large ones.

    Attributes:
        recovered: what an earlier, interrupted program left and was put right on opening; empty if nothing.
        recording: how the dataset was made, as `add` was told last.

    Args:
        folder: of the dataset.

    Raises:
        DatasetError: the folder holds something else, a dataset cut short, or another program writes to it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = ExitStack()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._held.enter_context(locked(folder, exclusive=True))
            self.recovered = journal.recover(folder, INFO)
            entries = [entry.name for entry in folder.iterdir()]
            self._begin(read_index(folder) if (folder / INFO).exists() else None)
        except FolderBusyError as error:
            raise DatasetError(f"{error}: wait for the other recording to end, or stop it") from error
        except OSError as error:
            self._held.close()
            raise DatasetError(f"{folder} cannot be written to ({error})") from error
        except DatasetError:
            self._held.close()
            raise
        if self._features is None and entries:
            self._held.close()
            raise DatasetError(f"{folder} holds {entries[0]} but no dataset: name a new folder")

    def _begin(self, index: Optional[Index]) -> None:
        self._added = False
        self._features = index.features if index else None
        self._tasks = list(index.tasks) if index else []
        self._statistics: Dict[str, Statistics] = dict(index.statistics) if index else {}
        self.recording: Mapping[str, Any] = dict(index.recording) if index else {}
        self.episodes, self.frames = (len(index.data), int(index.starts[-1])) if index else (0, 0)
        # One number for the next data and video file: each is above all that are there.
        numbers = [-1] if index is None else [*index.data[-1:], *index.video[-1:]]
        self._next_file = 1 + max(int(number) for number in numbers)
        self._next_table = sum(1 for _ in self._folder.glob("meta/episodes/*/*.parquet"))

    def check_images(self, images: bool) -> None:
        """Ask before anything is recorded whether episodes with or without ``images`` fit what is there.

        Raises:
            DatasetError: they do not.
        """
        if self._features is not None and (self._features.image_size is not None) != images:
            has = "no images" if images else "images"
            raise DatasetError(f"{self._folder} has {has}: name another folder with --out, or give --images as before")

    def add(self, episode: Episode, recording: Optional[Mapping[str, Any]] = None) -> None:
        """Add one demonstration.

        Args:
            episode: with the features of those that are there.
            recording: how the dataset is made and how far that has come, anything that JSON holds; kept together with
                the episode and found again in the attribute of this name.

        Raises:
            DatasetError: the episode's features differ, or the disk does not take it; the dataset stays as it was.
        """
        features = Features.of_episode(episode)
        if self._features not in (None, features):
            raise DatasetError(f"{self._folder} has {self._features}; the new episode has {features}")
        tasks = self._tasks if episode.task in self._tasks else [*self._tasks, episode.task]
        recording = dict(self.recording if recording is None else recording)
        columns = self._columns(episode, tasks.index(episode.task))
        statistics = {name: vector_statistics(values.reshape(len(episode), -1)) for name, values in columns.items()}
        if episode.images is not None:
            statistics[CAMERA] = image_statistics(episode.images)
        merged = statistics
        if self._statistics:
            merged = {name: merge([self._statistics[name], entry]) for name, entry in statistics.items()}
        place, table_place = FileNumber(self._next_file), FileNumber(self._next_table)
        arrays = [_arrow(columns[field.name], field.type) for field in features.schema()]
        row = self._row(episode, place, table_place, statistics)
        info = features.info(self.episodes + 1, self.frames + len(episode), len(tasks))
        try:
            with journal.change(self._folder) as change:
                pq.write_table(
                    pa.Table.from_arrays(arrays, schema=features.schema()), change.path(place.path(DATA_PATH))
                )
                if episode.images is not None:
                    write_video(change.path(place.path(VIDEO_PATH)), episode.images, episode.fps)
                pq.write_table(pa.Table.from_pylist([row]), change.path(table_place.path(EPISODES_PATH)))
                if tasks != self._tasks:
                    pq.write_table(tasks_table(tasks), change.path(TASKS))
                for name, content in ((STATS, to_json(merged)), (RECORDING, recording), (INFO, info)):
                    change.path(name).write_text(json.dumps(content, indent=1), encoding="utf-8")
        except OSError as error:
            if journal.unfinished(self._folder, INFO):
                raise DatasetError(
                    f"{self._folder}: the episode is kept but did not get to its place ({error}): the next program "
                    "that opens the dataset finishes that"
                ) from error
            raise DatasetError(f"{self._folder}: the episode could not be written and is lost ({error})") from error
        self._features, self._tasks, self._statistics, self.recording = features, tasks, merged, recording
        self.episodes += 1
        self.frames += len(episode)
        self._next_file += 1
        self._next_table += 1
        self._added = True

    def close(self) -> None:
        """Join the episodes' files into few, make the statistics exact, and let go of the folder.

        Raises:
            DatasetError: that did not work; the dataset is whole all the same.
        """
        try:
            journal.recover(self._folder, INFO)
            if self._added:
                compact(read_index(self._folder))
            elif self._features is None:
                self._folder.rmdir()
        except OSError as error:
            raise DatasetError(
                f"{self._folder}: its files could not be joined ({error}); every episode that was kept is there"
            ) from error
        finally:
            self._held.close()

    def __enter__(self) -> "DatasetWriter":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        try:
            self.close()
        except DatasetError:
            if error is None:  # else that is what has to be told: the files are joined the next time
                raise

    def _columns(self, episode: Episode, task: int) -> Dict[str, Array]:
        count = len(episode)
        steps = np.arange(count)
        return {
            STATE: episode.state,
            ENVIRONMENT: episode.environment_state,
            ACTION: episode.action,
            **dict(
                zip(
                    DEFAULT_FEATURES,
                    (
                        (steps / episode.fps).astype(np.float32),
                        steps,
                        np.full(count, self.episodes),
                        self.frames + steps,
                        np.full(count, task),
                    ),
                )
            ),
        }

    def _row(
        self, episode: Episode, place: FileNumber, table: FileNumber, statistics: Mapping[str, Statistics]
    ) -> Dict[str, Any]:
        """One row of meta/episodes."""
        where = {"chunk_index": place.chunk_index, "file_index": place.file_index}
        row: Dict[str, Any] = {
            "episode_index": self.episodes,
            "tasks": [episode.task],
            "length": len(episode),
            **{f"data/{key}": value for key, value in where.items()},
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + len(episode),
        }
        if episode.images is not None:
            times = {"from_timestamp": 0.0, "to_timestamp": len(episode) / episode.fps}
            row.update({f"videos/{CAMERA}/{key}": value for key, value in {**where, **times}.items()})
        row["meta/episodes/chunk_index"], row["meta/episodes/file_index"] = table.chunk_index, table.file_index
        for name, entry in to_json(statistics).items():
            row.update({f"stats/{name}/{key}": value for key, value in entry.items()})
        return row


def _arrow(values: Array, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_fixed_size_list(kind):
        return pa.array(values, kind)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), type=kind)
