"""A simulated object detector: ground truth becomes detections with errors, a delay and dropouts."""

import collections
import math
from dataclasses import dataclass
from typing import Deque, Dict, List, Sequence, Tuple

import numpy as np

from xdog.core.description import RobotDescription
from xdog.core.timers import PeriodFilter

Array = np.ndarray

CAMERA_FRAME = "camera_color_optical_frame"
HALF_FIELD_OF_VIEW = (math.tan(math.radians(86.0 / 2.0)), math.tan(math.radians(55.0 / 2.0)))
"""Tangents of half the horizontal and vertical angle of the Orbbec Gemini 2's colour camera at 16:9.

Nominal, not yet compared with a real camera's camera_info. Its depth camera sees more, 91 by 66 degrees (data sheet).
"""


@dataclass(frozen=True)
class ObjectPose:
    """Class and pose of one object.

    Attributes:
        kind: class id.
        position: (3,) m, centre of its bounding box.
        rotation: (3, 3) from the box's axes to those of the frame.
        size: (3,) m along the box's axes: two horizontal extents and the height.
    """

    kind: int
    position: Array
    rotation: Array
    size: Array


@dataclass(frozen=True)
class DetectorNoise:
    """How detections differ from the ground truth.

    Attributes:
        bias: m, standard deviation per axis of an error that is drawn once per object.
        noise: m, standard deviation per axis of an error that is drawn for every image.
        delay: s from the image to the message.
        dropout: probability that an object is missed in an image, 0 to 1.
        field_of_view: detect only objects in the field of view of the head camera.
    """

    bias: float = 0.0
    noise: float = 0.0
    delay: float = 0.0
    dropout: float = 0.0
    field_of_view: bool = False

    def __post_init__(self) -> None:
        for name in ("bias", "noise", "delay", "dropout"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise ValueError(f"~{name} is {value!r}; it must be a number, zero or above")
        if self.dropout > 1.0:
            raise ValueError(f"~dropout is {self.dropout!r}; a probability is at most 1")


class SimulatedDetector:
    """Turns ground truth into the output of an imperfect detector. Deterministic for a given seed.

    Args:
        robot: the body that carries the camera.
        noise: errors of the detector.
        period: s between two images.
        seed: for all random numbers.
    """

    def __init__(self, robot: RobotDescription, noise: DetectorNoise, period: float, seed: int) -> None:
        self._noise, self._due = noise, PeriodFilter(period)
        self._random = np.random.default_rng(seed)
        self._biases: Dict[int, Array] = {}
        self._camera = robot.fixed_transform(CAMERA_FRAME)
        self._pending: Deque[Tuple[float, List[ObjectPose]]] = collections.deque()

    def detect(self, now: float, objects: Sequence[ObjectPose]) -> List[Tuple[float, List[ObjectPose]]]:
        """Take an image if one is due, and return the detections whose delay is over.

        Args:
            now: s.
            objects: ground truth in the base frame, always in the same order.

        Returns:
            Time of the image (s) and the detected objects, oldest first.
        """
        while self._pending and self._pending[-1][0] > now:  # the clock has jumped back: they would come too late
            self._pending.pop()
        if self._due.is_first(now):
            self._pending.append((now, self._detect(objects)))
        due = []
        while self._pending and self._pending[0][0] + self._noise.delay <= now + 1e-6:
            due.append(self._pending.popleft())
        return due

    def _detect(self, objects: Sequence[ObjectPose]) -> List[ObjectPose]:
        detected = []
        for index, item in enumerate(objects):
            if index not in self._biases:
                self._biases[index] = self._noise.bias * self._random.standard_normal(3)
            error = self._biases[index] + self._noise.noise * self._random.standard_normal(3)
            missed = self._random.random() < self._noise.dropout
            if not missed and (not self._noise.field_of_view or self._in_view(item.position)):
                detected.append(ObjectPose(item.kind, item.position + error, item.rotation, item.size))
        return detected

    def _in_view(self, position: Array) -> bool:
        origin, rotation = self._camera
        x, y, z = rotation.T @ (position - origin)
        return bool(z > 0.0 and abs(x) <= HALF_FIELD_OF_VIEW[0] * z and abs(y) <= HALF_FIELD_OF_VIEW[1] * z)
