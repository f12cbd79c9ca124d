"""Names of the files and features of a LeRobotDataset v3.0, as lerobot 0.4.4 defines them."""

from typing import NamedTuple

VERSION = "v3.0"
ROBOT_TYPE = "xdog_so101"
STATE = "observation.state"
ENVIRONMENT = "observation.environment_state"
ACTION = "action"
CAMERA = "observation.images.wrist"
DEFAULT_FEATURES = ("timestamp", "frame_index", "episode_index", "index", "task_index")

INFO = "meta/info.json"
STATS = "meta/stats.json"
TASKS = "meta/tasks.parquet"
RECORDING = "meta/recording.json"
"""XDog's own: how the demonstrations were made, and how many attempts. LeRobot ignores it."""

FILES_PER_CHUNK = 1000
DATA_FILE_MB = 100
VIDEO_FILE_MB = 200
PATTERN = "chunk-{chunk_index:03d}/file-{file_index:03d}"
DATA_PATH = f"data/{PATTERN}.parquet"
VIDEO_PATH = f"videos/{{video_key}}/{PATTERN}.mp4"
EPISODES_PATH = f"meta/episodes/{PATTERN}.parquet"

COPY_AGAIN = "copy this file again from where it is whole; the other files can stay"
"""Remedy for a missing or damaged file."""


class DatasetError(ValueError):
    """A dataset is missing, damaged or of another kind, or an episode does not fit it. Names file and remedy."""


class ChunkFile(NamedTuple):
    """One of the numbered files of a dataset; they sort in the order in which LeRobot reads them."""

    chunk_index: int
    file_index: int

    @classmethod
    def parse(cls, name: str) -> "ChunkFile":
        """From a file's name, such as data/chunk-000/file-012.parquet.

        Raises:
            DatasetError: the name has another form.
        """
        try:
            chunk, file = name.rsplit(".", 1)[0].split("/")[-2:]
            return cls(int(chunk.split("-")[1]), int(file.split("-")[1]))
        except (IndexError, ValueError) as error:
            raise DatasetError(f"{name} is not named chunk-000/file-000: move it out of the dataset") from error

    def name(self, pattern: str) -> str:
        """Its name in the dataset by one of the patterns above."""
        return pattern.format(**self._asdict(), video_key=CAMERA)

    def successor(self) -> "ChunkFile":
        """The file after this one."""
        if self.file_index + 1 >= FILES_PER_CHUNK:
            return ChunkFile(self.chunk_index + 1, 0)
        return ChunkFile(self.chunk_index, self.file_index + 1)
