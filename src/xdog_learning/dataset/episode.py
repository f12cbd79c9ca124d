"""One demonstration of a grasp: measurements and commands, one entry per policy period."""

from dataclasses import dataclass
from typing import Optional

import numpy as np

Array = np.ndarray

JOINTS = 6
"""Joints of the arm, in robot.yaml's order (LeRobot's motor order)."""


class EpisodeError(ValueError):
    """The arrays of an episode do not fit together or hold impossible numbers."""


@dataclass(frozen=True, eq=False)
class Episode:
    """T policy periods of one demonstration, at the instants 0, 1/fps, 2/fps, ...

    Attributes:
        state: (T, 6) float32, measured joint angles, rad.
        environment_state: (T, k) float32, object features (`xdog.grasp.observation`).
        action: (T, 6) float32, commanded joint targets, rad: as sent at that instant, not as reached.
        images: (T, H, W, 3) uint8 RGB of the wrist camera, or None.
        task: description of the task.
        fps: policy periods per second.

    Raises:
        EpisodeError: a shape, a type or a value is wrong; the message names the array.
    """

    state: Array
    environment_state: Array
    action: Array
    images: Optional[Array]
    task: str
    fps: int

    def __post_init__(self) -> None:
        frames = len(self.state)
        if frames == 0:
            raise EpisodeError("an episode needs at least one frame")
        for name, width in (("state", JOINTS), ("environment_state", None), ("action", JOINTS)):
            array = getattr(self, name)
            wanted = f"({frames}, {'k' if width is None else width}) float32"
            if array.ndim != 2 or len(array) != frames or (width or array.shape[1]) != array.shape[1]:
                raise EpisodeError(f"{name} is {array.shape}, wanted {wanted}")
            if array.shape[1] == 0 or array.dtype != np.float32:
                raise EpisodeError(f"{name} is {array.shape} {array.dtype}, wanted {wanted}")
            if not np.isfinite(array).all():
                row, column = np.argwhere(~np.isfinite(array))[0]
                raise EpisodeError(f"{name}[{row}, {column}] is {array[row, column]}, not a finite number")
        images = self.images
        if images is not None and (
            images.dtype != np.uint8 or images.ndim != 4 or images.shape[0] != frames or images.shape[3] != 3
        ):
            raise EpisodeError(f"images is {images.shape} {images.dtype}, wanted ({frames}, H, W, 3) uint8")
        if images is not None and (images.shape[1] % 2 or images.shape[2] % 2):
            raise EpisodeError(f"images of {images.shape[2]} x {images.shape[1]}: video needs even sides")
        if not self.task.strip():
            raise EpisodeError("the task is empty")
        if self.fps <= 0:
            raise EpisodeError(f"fps is {self.fps}, must be above zero")

    def __len__(self) -> int:
        return len(self.state)
