"""Features of a dataset's frames, checked against those that XDog needs."""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

import pyarrow as pa

from xdog.core.description import load_description
from xdog.grasp.observation import OBJECT_FEATURES
from xdog_learning.dataset.episode import Episode
from xdog_learning.dataset.layout import (
    ACTION,
    CAMERA,
    DATA_FILE_MB,
    DATA_PATH,
    DEFAULT_FEATURES,
    ENVIRONMENT,
    FILES_PER_CHUNK,
    ROBOT_TYPE,
    STATE,
    VERSION,
    VIDEO_FILE_MB,
    VIDEO_PATH,
    DatasetError,
)


@dataclass(frozen=True)
class Features:
    """Features of every frame of a dataset; only episodes with the same features can be added.

    Attributes:
        fps: frames per second.
        image_size: (height, width) of the camera's images in pixels, None without.
        others: features that XDog neither records nor reads.
    """

    fps: int
    image_size: Optional[Tuple[int, int]]
    others: Tuple[str, ...] = ()

    @classmethod
    def of_episode(cls, episode: Episode) -> "Features":
        """The features of one episode.

        Raises:
            DatasetError: its object features differ from those of `xdog.grasp.observation`.
        """
        width = episode.environment_state.shape[1]
        if width != len(OBJECT_FEATURES):
            raise DatasetError(
                f"the episode's environment_state has {width} numbers a frame; the object features are "
                f"{len(OBJECT_FEATURES)}: {', '.join(OBJECT_FEATURES)}"
            )
        images = episode.images
        return cls(episode.fps, None if images is None else (images.shape[1], images.shape[2]))

    @classmethod
    def of_info(cls, info: Mapping[str, Any]) -> "Features":
        """The features that an info.json lists. Their order and their other entries do not matter.

        Raises:
            DatasetError: they are not those of XDog's demonstrations.
        """
        try:
            listed = {name: dict(feature) for name, feature in info["features"].items()}
            camera = listed.get(CAMERA)
            size = None if camera is None else (int(camera["shape"][0]), int(camera["shape"][1]))
            fps = float(info["fps"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise DatasetError(f"fps and features cannot be read from it ({error!r})") from error
        if not (fps > 0.0 and fps.is_integer()):
            raise DatasetError(f"its fps is {info['fps']}; it must be a whole number above zero")
        if camera is not None and camera.get("dtype") != "video":
            raise DatasetError(
                f"its {CAMERA} is stored as {camera.get('dtype')}, not as video: convert it with "
                "lerobot-edit-dataset --operation.type convert_image_to_video"
            )
        features = cls(int(fps), size)
        expected = features.table()
        if any(str(name).endswith(".pos") for name in listed.get(ACTION, {}).get("names") or ()):
            raise DatasetError(
                "this is a dataset as LeRobot records an SO101: joints are named like shoulder_pan.pos and are in "
                f"degrees or percent, and {ENVIRONMENT} is missing. XDog needs radians and the object features"
            )
        for name, feature in expected.items():
            found = listed.get(name, {}).get("shape")
            if found is None or list(found) != feature["shape"]:
                raise DatasetError(f"its feature {name} has the shape {found}, XDog's has {feature['shape']}")
        for name in (STATE, ENVIRONMENT, ACTION):
            if listed[name].get("names") != expected[name]["names"]:
                raise DatasetError(
                    f"its {name} holds {listed[name].get('names')}, XDog's holds {expected[name]['names']}"
                )
        return cls(int(fps), size, tuple(sorted(set(listed) - set(expected))))

    def __str__(self) -> str:
        size = "without images" if self.image_size is None else f"images of {self.image_size[1]} x {self.image_size[0]}"
        return f"{self.fps} fps, {size}"

    def table(self) -> Dict[str, Dict[str, Any]]:
        """The ``features`` of info.json."""
        joints = list(load_description().arm.names)
        table: Dict[str, Dict[str, Any]] = {
            STATE: {"dtype": "float32", "shape": [len(joints)], "names": joints},
            ENVIRONMENT: {"dtype": "float32", "shape": [len(OBJECT_FEATURES)], "names": list(OBJECT_FEATURES)},
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

    def widths(self) -> Dict[str, int]:
        """Numbers in a row of each column of the data files."""
        return {name: entry["shape"][0] for name, entry in self.table().items() if entry["dtype"] != "video"}

    def schema(self) -> pa.Schema:
        """Columns of the data files that XDog writes: one row per frame."""
        fields = []
        for name, feature in self.table().items():
            if feature["dtype"] == "video":
                continue
            kind = pa.float32() if feature["dtype"] == "float32" else pa.int64()
            vector = name not in DEFAULT_FEATURES
            fields.append(pa.field(name, pa.list_(kind, feature["shape"][0]) if vector else kind))
        return pa.schema(fields)

    def new_info(self) -> Dict[str, Any]:
        """The content of info.json of a dataset that has no episodes yet."""
        return {
            "codebase_version": VERSION,
            "robot_type": ROBOT_TYPE,
            **totals(0, 0, 0),
            "chunks_size": FILES_PER_CHUNK,
            "data_files_size_in_mb": DATA_FILE_MB,
            "video_files_size_in_mb": VIDEO_FILE_MB,
            "fps": self.fps,
            "data_path": DATA_PATH,
            "video_path": None if self.image_size is None else VIDEO_PATH,
            "features": self.table(),
        }


def totals(episodes: int, frames: int, tasks: int) -> Dict[str, Any]:
    """The entries of info.json that change with every episode; as in LeRobot, all episodes are for training."""
    return {
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "splits": {"train": f"0:{episodes}"},
    }
