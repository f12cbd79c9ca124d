"""What LeRobotDataset v3.0 prescribes: file names, features, columns and info.json.

The rules were read in lerobot 0.4.4 (datasets/utils.py, datasets/lerobot_dataset.py); scripts/check_lerobot tries them
on LeRobot itself.
"""

import json
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

import pyarrow as pa

from xdog.core.description import load_description
from xdog.grasp.observation import TOKEN_NAMES
from xdog_learning.dataset.episode import Episode

VERSION = "v3.0"
ROBOT_TYPE = "xdog_so101"
STATE = "observation.state"
ENVIRONMENT = "observation.environment_state"
ACTION = "action"
CAMERA = "observation.images.wrist"

INFO = "meta/info.json"
STATS = "meta/stats.json"
TASKS = "meta/tasks.parquet"
RECORDING = "meta/recording.json"
"""XDog's own: how the demonstrations were made and how far the recording has come. LeRobot ignores it."""

FILES_PER_CHUNK = 1000
DATA_FILE_MB = 100
VIDEO_FILE_MB = 200
PATTERN = "chunk-{chunk_index:03d}/file-{file_index:03d}"
DATA_PATH = f"data/{PATTERN}.parquet"
VIDEO_PATH = f"videos/{{video_key}}/{PATTERN}.mp4"
EPISODES_PATH = f"meta/episodes/{PATTERN}.parquet"

DEFAULT_FEATURES = ("timestamp", "frame_index", "episode_index", "index", "task_index")


class DatasetError(ValueError):
    """A dataset is missing, cut short, of another make, or does not take what is added. Names file and remedy."""


@dataclass(frozen=True)
class FileNumber:
    """Which of the numbered files something lies in: 0, 1, 2, ... over all chunks."""

    number: int

    @property
    def chunk_index(self) -> int:
        """Number of the chunk folder."""
        return self.number // FILES_PER_CHUNK

    @property
    def file_index(self) -> int:
        """Number of the file in its chunk folder."""
        return self.number % FILES_PER_CHUNK

    def path(self, pattern: str) -> str:
        """Path in the dataset by one of the patterns above."""
        return pattern.format(chunk_index=self.chunk_index, file_index=self.file_index, video_key=CAMERA)


@dataclass(frozen=True)
class Features:
    """What every frame of a dataset holds; episodes can be added where these are the same.

    Attributes:
        fps: frames a second.
        image_size: (height, width) of the camera's images in pixels, None without.
    """

    fps: int
    image_size: Optional[Tuple[int, int]]

    @classmethod
    def of_episode(cls, episode: Episode) -> "Features":
        """The features of one episode.

        Raises:
            DatasetError: its object token is not the one that `xdog.grasp.observation` builds.
        """
        width = episode.environment_state.shape[1]
        if width != len(TOKEN_NAMES):
            raise DatasetError(
                f"an episode's environment_state has {width} numbers a frame; the object token has {len(TOKEN_NAMES)}: "
                f"{', '.join(TOKEN_NAMES)}"
            )
        images = episode.images
        return cls(episode.fps, None if images is None else (images.shape[1], images.shape[2]))

    @classmethod
    def of_info(cls, info: Mapping[str, Any]) -> "Features":
        """The features that an info.json tells.

        Raises:
            DatasetError: they are not those of XDog's demonstrations.
        """
        try:
            camera = info["features"].get(CAMERA)
            told = cls(int(info["fps"]), None if camera is None else (int(camera["shape"][0]), int(camera["shape"][1])))
            theirs = {name: list(feature["shape"]) for name, feature in info["features"].items()}
            names = {name: info["features"][name]["names"] for name in (STATE, ENVIRONMENT, ACTION)}
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise DatasetError(f"its features lack {error}") from error
        if told.fps <= 0:
            raise DatasetError(f"its fps is {info['fps']}; it must be above zero")
        ours = told.table()
        for name in sorted(set(ours) | set(theirs)):
            wanted = ours.get(name, {}).get("shape")
            if theirs.get(name) != wanted:
                raise DatasetError(f"its feature {name} has shape {theirs.get(name)}, XDog's has {wanted}")
        for name, listed in names.items():
            if listed != ours[name]["names"]:
                raise DatasetError(f"its {name} holds {listed}, XDog's holds {ours[name]['names']}")
        return told

    def __str__(self) -> str:
        size = "without images" if self.image_size is None else f"images of {self.image_size[1]} x {self.image_size[0]}"
        return f"{self.fps} fps, {size}"

    def table(self) -> Dict[str, Dict[str, Any]]:
        """The ``features`` of info.json."""
        joints = list(load_description().arm.names)
        table: Dict[str, Dict[str, Any]] = {
            STATE: {"dtype": "float32", "shape": [len(joints)], "names": joints},
            ENVIRONMENT: {"dtype": "float32", "shape": [len(TOKEN_NAMES)], "names": list(TOKEN_NAMES)},
            ACTION: {"dtype": "float32", "shape": [len(joints)], "names": joints},
        }
        if self.image_size is not None:
            height, width = self.image_size
            table[CAMERA] = {
                "dtype": "video",
                "shape": [height, width, 3],
                "names": ["height", "width", "channels"],
                "info": {
                    "video.height": height,
                    "video.width": width,
                    "video.codec": "h264",
                    "video.pix_fmt": "yuv420p",
                    "video.is_depth_map": False,
                    "video.fps": self.fps,
                    "video.channels": 3,
                    "has_audio": False,
                },
            }
        for name in DEFAULT_FEATURES:
            dtype = "float32" if name == "timestamp" else "int64"
            table[name] = {"dtype": dtype, "shape": [1], "names": None}
        return table

    def schema(self) -> pa.Schema:
        """Columns of the data files: one row a frame."""
        fields = []
        for name, feature in self.table().items():
            if feature["dtype"] == "video":
                continue
            kind = pa.float32() if feature["dtype"] == "float32" else pa.int64()
            vector = name not in DEFAULT_FEATURES
            fields.append(pa.field(name, pa.list_(kind, feature["shape"][0]) if vector else kind))
        return pa.schema(fields)

    def info(self, episodes: int, frames: int, tasks: int) -> Dict[str, Any]:
        """The content of info.json."""
        return {
            "codebase_version": VERSION,
            "robot_type": ROBOT_TYPE,
            "total_episodes": episodes,
            "total_frames": frames,
            "total_tasks": tasks,
            "chunks_size": FILES_PER_CHUNK,
            "data_files_size_in_mb": DATA_FILE_MB,
            "video_files_size_in_mb": VIDEO_FILE_MB,
            "fps": self.fps,
            "splits": {"train": f"0:{episodes}"},
            "data_path": DATA_PATH,
            "video_path": None if self.image_size is None else VIDEO_PATH,
            "features": self.table(),
        }


def tasks_table(tasks: Sequence[str]) -> pa.Table:
    """meta/tasks.parquet: the column task_index, and the task's words as what pandas takes for the row's index."""
    index = "__index_level_0__"
    columns = [("task_index", "task_index", "int64"), (None, index, "object")]
    description = {
        "index_columns": [index],
        "column_indexes": [
            {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object", "metadata": None}
        ],
        "columns": [
            {
                "name": name,
                "field_name": field,
                "pandas_type": "int64" if kind == "int64" else "unicode",
                "numpy_type": kind,
                "metadata": None,
            }
            for name, field, kind in columns
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), index: pa.array(tasks, pa.string())})
    return table.replace_schema_metadata({"pandas": json.dumps(description)})


def read_tasks(table: pa.Table) -> Tuple[str, ...]:
    """The tasks of meta/tasks.parquet in the order of their task_index.

    Raises:
        DatasetError: it holds no task index as described above.
    """
    words = [name for name in table.column_names if name != "task_index"]
    if len(words) != 1 or "task_index" not in table.column_names:
        raise DatasetError(f"{TASKS} has the columns {table.column_names}, not task_index and the task's words")
    pairs = sorted(zip(table["task_index"].to_pylist(), table[words[0]].to_pylist()))
    if [index for index, _ in pairs] != list(range(len(pairs))):
        raise DatasetError(f"{TASKS} numbers its tasks {[index for index, _ in pairs]}")
    return tuple(task for _, task in pairs)
