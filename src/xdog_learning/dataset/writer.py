"""Adding demonstrations to a dataset, each in one atomic step."""

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Type

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xdog_learning.dataset import episodes as episode_tables
from xdog_learning.dataset import journal
from xdog_learning.dataset.compaction import compact
from xdog_learning.dataset.episode import Episode
from xdog_learning.dataset.features import Features, totals
from xdog_learning.dataset.index import Index, read_index, read_json
from xdog_learning.dataset.journal import Change, Files
from xdog_learning.dataset.layout import (
    ACTION,
    CAMERA,
    DATA_PATH,
    DEFAULT_FEATURES,
    ENVIRONMENT,
    INFO,
    RECORDING,
    STATE,
    STATS,
    TASKS,
    VIDEO_PATH,
    ChunkFile,
    DatasetError,
)
from xdog_learning.dataset.reader import read_frames
from xdog_learning.dataset.statistics import Statistics, from_json, image_statistics, merge, to_json, vector_statistics
from xdog_learning.dataset.tables import vectors
from xdog_learning.dataset.tasks import tasks_table
from xdog_learning.dataset.units import check_angles, check_rate
from xdog_learning.dataset.video import write_video
from xdog_learning.folder_lock import FolderBusyError, locked

Array = np.ndarray
NOT_WRITTEN = (OSError, pa.ArrowException, av.FFmpegError)


class DatasetWriter:
    """Creates a dataset in a new or empty folder, or adds to an existing one, written by XDog or LeRobot.

    Every added episode is on disk, and the folder is a complete LeRobotDataset, before `add` returns: a killed program
    loses only the episode that it was adding. Each episode has files of its own until `close` joins them into a few
    large ones.

    Attributes:
        recovered: what was repaired on opening after an interrupted program; empty if nothing.
        recording: how the dataset was made, as of the last `add`.
        episodes: number of episodes.
        frames: number of frames of all episodes.

    Args:
        folder: of the dataset.

    Raises:
        DatasetError: the folder holds something else or a dataset that cannot be extended, or another program writes
            to it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = ExitStack()
        self._added = False
        self.episodes = self.frames = 0
        self.recording: Mapping[str, Any] = {}
        self._features: Optional[Features] = None
        self._info: Mapping[str, Any] = {}
        self._tasks: List[str] = []
        self._statistics: Dict[str, Statistics] = {}
        self._row_schema: Optional[pa.Schema] = None
        self._rows_before: Optional[pa.Table] = None
        self._next_file = self._next_table = ChunkFile(0, 0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._held.enter_context(locked(folder, exclusive=True))
            self.recovered = journal.recover(folder, INFO)
            entries = [entry.name for entry in folder.iterdir()]
            if (folder / INFO).exists():
                self._continue(read_index(Files(folder)))
            elif entries:
                raise DatasetError(f"{folder} holds {entries[0]} but no dataset: name a new folder")
        except FolderBusyError as error:
            raise DatasetError(f"{error}: wait for the other recording to end, or stop it") from error
        except OSError as error:
            self._held.close()
            raise DatasetError(f"{folder} cannot be written to ({error})") from error
        except DatasetError:
            self._held.close()
            raise

    def _continue(self, index: Index) -> None:
        """Check that episodes can be added to the dataset, before anything is recorded."""
        features, files = index.features, index.files
        if features.others:
            raise DatasetError(
                f"{self._folder} has features that XDog does not record: {', '.join(features.others)}. Name a new "
                "folder, or remove them with lerobot-edit-dataset --operation.type remove_feature"
            )
        frames = read_frames(index)
        self.episodes, self.frames = len(index.data), int(index.starts[-1])
        self.recording, self._features, self._info = dict(index.recording), features, index.info
        self._tasks = list(index.tasks)
        self._rows_before = episode_tables.read_all_columns(files, features)
        self._row_schema = self._rows_before.schema
        self._statistics = {name: vector_statistics(values) for name, values in frames.items()}
        if features.image_size is not None:
            self._statistics[CAMERA] = from_json(read_json(files.path(STATS)).get(CAMERA), (3, 1, 1))
        used = [*files.names("data/*/*.parquet"), *files.names(f"videos/{CAMERA}/*/*.mp4")]
        self._next_file = max(ChunkFile.parse(name) for name in used).successor()

    def check_images(self, images: bool) -> None:
        """Check before anything is recorded that episodes with or without ``images`` fit the dataset.

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
            UnitsError: the episode is not in radians of this arm at the policies' rate; the dataset stays as it was.
            DatasetError: its features differ, or it cannot be written; the dataset stays as it was.
        """
        features = self._check(episode)
        self._row_schema = self._row_schema or episode_tables.schema(features)
        tasks = self._tasks if episode.task in self._tasks else [*self._tasks, episode.task]
        recording = dict(self.recording if recording is None else recording)
        columns = self._columns(episode, tasks.index(episode.task))
        statistics = {name: vector_statistics(values.reshape(len(episode), -1)) for name, values in columns.items()}
        if episode.images is not None:
            statistics[CAMERA] = image_statistics(episode.images)
        merged = {name: self._merged(name, entry) for name, entry in statistics.items()}
        row = episode_tables.episode_row(
            self.episodes,
            episode.task,
            range(self.frames, self.frames + len(episode)),
            self._next_file,
            None if episode.images is None else episode.fps,
            statistics,
        )
        new_totals = totals(self.episodes + 1, self.frames + len(episode), len(tasks))
        info = {**(self._info or features.new_info()), **new_totals}
        try:
            with journal.change(self._folder) as change:
                table = pa.Table.from_arrays(
                    [vectors(columns[field.name], field.type) for field in features.schema()], schema=features.schema()
                )
                pq.write_table(table, change.path(self._next_file.name(DATA_PATH)))
                if episode.images is not None:
                    write_video(change.path(self._next_file.name(VIDEO_PATH)), episode.images, episode.fps)
                if tasks != self._tasks:
                    pq.write_table(tasks_table(tasks), change.path(TASKS))
                known = {name: entry for name, entry in merged.items() if entry}
                for name, content in ((STATS, to_json(known)), (RECORDING, recording), (INFO, info)):
                    change.path(name).write_text(json.dumps(content, indent=1), encoding="utf-8")
                self._write_row(change, row)
                if not self._added:  # later episodes are written in the same way
                    self._verify(change)
        except NOT_WRITTEN as error:
            if journal.unfinished(self._folder, INFO):
                raise DatasetError(
                    f"{self._folder}: the episode is kept but did not get to its place ({error}): the next program "
                    "that opens the dataset finishes that"
                ) from error
            raise DatasetError(f"{self._folder}: the episode could not be written and is lost ({error})") from error
        self._features, self._info, self._tasks, self._statistics = features, info, tasks, merged
        self.recording = recording
        self.episodes += 1
        self.frames += len(episode)
        self._next_file, self._next_table = self._next_file.successor(), self._next_table.successor()
        self._rows_before, self._added = None, True

    def close(self) -> None:
        """Join the episodes' files into few, make the statistics exact and release the folder.

        Raises:
            DatasetError: joining failed; the dataset is complete all the same.
        """
        try:
            journal.recover(self._folder, INFO)
            if self._added:
                compact(self._folder)
            elif self._features is None:
                self._folder.rmdir()
        except NOT_WRITTEN as error:
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
            if error is None:  # else the user must see that error; the files are joined next time
                raise

    def _check(self, episode: Episode) -> Features:
        features = Features.of_episode(episode)
        if self._features not in (None, features):
            raise DatasetError(f"{self._folder} has {self._features}; the new episode has {features}")
        check_rate(episode.fps, "the new episode")
        for feature, angles in ((STATE, episode.state), (ACTION, episode.action)):
            check_angles(angles, feature, "the new episode")
        return features

    def _merged(self, name: str, statistics: Statistics) -> Statistics:
        """A feature's statistics with a new episode's; empty if those of the earlier episodes are not known."""
        if not self.episodes:
            return statistics
        before = self._statistics[name]
        return merge([before, statistics]) if before else {}

    def _write_row(self, change: Change, row: Mapping[str, Any]) -> None:
        """Add a row to meta/episodes.

        The first added row rewrites the earlier ones, so that all files have the same columns and types.
        """
        new = pa.Table.from_pylist([row], schema=self._row_schema)
        if self._rows_before is None:
            episode_tables.write_table(change, self._next_table, new)
        else:
            whole = pa.concat_tables([self._rows_before, new])
            episode_tables.replace_tables(change, Files(self._folder), whole)

    def _verify(self, change: Change) -> None:
        """Check that the whole dataset opens after this change.

        Raises:
            DatasetError: it would not.
        """
        try:
            read_frames(read_index(Files(self._folder, change)))
        except DatasetError as error:
            raise DatasetError(f"{self._folder}: the new episode does not fit and was not added: {error}") from error

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
