"""How the trunk is held above the ground, and what that makes of places that are given in its frame."""

from collections import deque
from dataclasses import dataclass
from typing import Deque, Optional, Tuple

import numpy as np

from xdog.core.rotations import euler_angles, quaternion_matrix, rotation_matrix
from xdog.locomotion.kinematics import LegKinematics

Array = np.ndarray


@dataclass(frozen=True)
class TrunkPose:
    """Height and tilt of base_link. The level frame stands on the ground under it, its x along the dog's heading.

    Attributes:
        height: of base_link above the ground, m.
        roll, pitch: rad, nose down positive.
    """

    height: float
    roll: float = 0.0
    pitch: float = 0.0

    @property
    def rotation(self) -> Array:
        """From base_link to the level frame, (3, 3)."""
        return rotation_matrix(self.roll, self.pitch, 0.0)

    @property
    def gravity(self) -> Array:
        """Direction of gravity in base_link, unit vector (3,)."""
        down: Array = -self.rotation[2]
        return down

    def to_level(self, point: Array) -> Array:
        """A point (3,) of base_link in the level frame, m."""
        place: Array = self.rotation @ np.asarray(point, dtype=float) + np.array([0.0, 0.0, self.height])
        return place

    def to_base(self, point: Array) -> Array:
        """A point (3,) of the level frame in base_link, m."""
        place: Array = self.rotation.T @ (np.asarray(point, dtype=float) - np.array([0.0, 0.0, self.height]))
        return place


class TrunkPoseHistory:
    """The last trunk poses, so that what was seen a moment ago can be placed by the pose of that moment.

    Args:
        length: how many are kept.
    """

    def __init__(self, length: int) -> None:
        self._poses: Deque[Tuple[float, TrunkPose]] = deque(maxlen=length)

    def add(self, stamp: float, pose: TrunkPose) -> None:
        """Keep the pose of ``stamp`` (s). After a clock has jumped back, those before the jump are forgotten."""
        if self._poses and stamp < self._poses[-1][0]:
            self._poses.clear()
        self._poses.append((stamp, pose))

    def at(self, stamp: float) -> Optional[TrunkPose]:
        """The pose nearest to ``stamp`` (s); None without any. Another thread may add poses meanwhile."""
        poses = list(self._poses)  # at once: a deque that changes must not be iterated
        return min(poses, key=lambda entry: abs(entry[0] - stamp))[1] if poses else None


def measure_trunk_pose(legs: LegKinematics, mount: Array, joints: Array, orientation: Array) -> TrunkPose:
    """How the trunk of a dog is held that stands on its feet.

    Args:
        legs: its kinematics.
        mount: rotation (3, 3) from the IMU's frame to base_link.
        joints: (12,) rad.
        orientation: (4,) quaternion x, y, z, w of the IMU.

    Raises:
        ValueError: the quaternion has no length.
    """
    roll, pitch, _ = euler_angles(quaternion_matrix(orientation) @ mount.T)
    tilted = TrunkPose(0.0, roll, pitch)
    feet = legs.feet(joints) @ tilted.rotation.T
    radii = np.array([leg.foot_radius for leg in legs.legs])
    return TrunkPose(float(np.median(radii - feet[:, 2])), roll, pitch)


def standing_trunk_pose(legs: LegKinematics, stand: Array) -> TrunkPose:
    """How the trunk is held in plain standing, joints ``stand`` (12,) rad, on level ground."""
    return TrunkPose(float(np.median([leg.foot_radius for leg in legs.legs] - legs.feet(stand)[:, 2])))
