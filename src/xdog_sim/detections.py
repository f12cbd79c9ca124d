"""A stand-in for eyes: true places of objects become detections with an error, a delay and gaps."""

import collections
import math
from dataclasses import dataclass
from typing import Deque, Dict, List, Sequence, Tuple

import numpy as np

from xdog.core.description import RobotDescription
from xdog.core.rotations import rotation_matrix

Array = np.ndarray

CAMERA_FRAME = "camera_color_optical_frame"
HALF_FIELD_OF_VIEW = (math.tan(math.radians(86.0 / 2.0)), math.tan(math.radians(55.0 / 2.0)))
"""Tangents of half the horizontal and vertical angle of the Orbbec Gemini 2's colour camera at 16:9.

Nominal, not yet compared with a real camera's camera_info. Its depth camera sees more, 91 by 66 degrees (data sheet).
"""


@dataclass(frozen=True)
class ObjectPose:
    """One object: of what kind and where.

    Attributes:
        kind: class id.
        position: (3,) m, middle of its bounding box.
        rotation: (3, 3) from the box's axes to the frame's.
        size: (3,) m along the box's axes: two horizontal extents and the height.
    """

    kind: int
    position: Array
    rotation: Array
    size: Array


@dataclass(frozen=True)
class DetectorNoise:
    """How the detections differ from the truth.

    Attributes:
        bias: m, standard deviation of an error in each direction, drawn once for every object.
        noise: m, standard deviation of an error in each direction, drawn anew in every picture.
        delay: s from the picture to the message.
        dropout: share of the pictures in which an object is missed, 0 to 1.
        field_of_view: see only what the camera on the dog's head has in its picture.
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
            raise ValueError(f"~dropout is {self.dropout!r}; it is a share, 1 at most")


def mount(robot: RobotDescription, frame: str) -> Tuple[Array, Array]:
    """Where a frame that fixed joints hold sits on the base: position (3,) m and rotation (3, 3) to the base.

    Raises:
        ValueError: the frame does not exist or moves against the base.
    """
    parents = {joint.child: joint for joint in robot.joints.values()}
    position, rotation, link = np.zeros(3), np.eye(3), frame
    while link != robot.frames["base"]:
        joint = parents.get(link)
        if joint is None or joint.kind != "fixed":
            raise ValueError(f"{frame} is not fixed to {robot.frames['base']}")
        turn = rotation_matrix(*joint.rpy)
        position, rotation, link = np.array(joint.xyz) + turn @ position, turn @ rotation, joint.parent
    return position, rotation


class SimulatedDetector:
    """Turns true places into what an imperfect detector would say, the same for the same seed.

    Args:
        robot: whose camera it is.
        flaws: how wrong it is.
        period: s between two pictures.
        seed: of every random number.
    """

    def __init__(self, robot: RobotDescription, flaws: DetectorNoise, period: float, seed: int) -> None:
        self._flaws, self._period = flaws, period
        self._random = np.random.default_rng(seed)
        self._biases: Dict[int, Array] = {}
        self._camera = mount(robot, CAMERA_FRAME)
        self._pictures: Deque[Tuple[float, List[ObjectPose]]] = collections.deque()
        self._tick = -1

    def look(self, now: float, objects: Sequence[ObjectPose]) -> List[Tuple[float, List[ObjectPose]]]:
        """Take a picture if one is due, and hand out those whose delay is over.

        Args:
            now: s.
            objects: the truth in the base frame, always in the same order.

        Returns:
            Time of the picture (s) and what it shows, oldest first.
        """
        tick = math.floor(now / self._period + 1e-6)
        if tick != self._tick:
            self._tick = tick
            self._pictures.append((now, self._picture(objects)))
        due = []
        while self._pictures and self._pictures[0][0] + self._flaws.delay <= now + 1e-6:
            due.append(self._pictures.popleft())
        return due

    def _picture(self, objects: Sequence[ObjectPose]) -> List[ObjectPose]:
        shown = []
        for index, thing in enumerate(objects):
            if index not in self._biases:
                self._biases[index] = self._flaws.bias * self._random.standard_normal(3)
            error = self._biases[index] + self._flaws.noise * self._random.standard_normal(3)
            missed = self._random.random() < self._flaws.dropout
            if not missed and (not self._flaws.field_of_view or self._in_view(thing.position)):
                shown.append(ObjectPose(thing.kind, thing.position + error, thing.rotation, thing.size))
        return shown

    def _in_view(self, position: Array) -> bool:
        origin, rotation = self._camera
        x, y, z = rotation.T @ (position - origin)
        return bool(z > 0.0 and abs(x) <= HALF_FIELD_OF_VIEW[0] * z and abs(y) <= HALF_FIELD_OF_VIEW[1] * z)
