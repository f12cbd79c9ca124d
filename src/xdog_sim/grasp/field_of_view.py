"""The field of view of the wrist camera: whether it sees an object from a given arm pose."""

import math

import numpy as np

from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import RobotDescription
from xdog_sim.grasp.camera import view_axes
from xdog_sim.grasp.config import CameraConfig

Array = np.ndarray

MARGIN = 0.9
"""Fraction of the half image, from its centre, within which an object's centre counts as visible."""


class FieldOfView:
    """The field of view of the wrist camera, in the frame of the arm's base."""

    def __init__(self, robot: RobotDescription, camera: CameraConfig) -> None:
        self._arm, self._place, self._axes = ArmKinematics(robot), np.array(camera.position), view_axes(camera)
        self._edges = np.array([math.tan(camera.horizontal_view / 2.0), math.tan(camera.vertical_view / 2.0)])

    def sees(self, centre: Array, pose: Array) -> bool:
        """Whether an object's centre lies well within the image. Ignores occlusion.

        Args:
            centre: of the object, (3,) m in arm_base_link.
            pose: of the arm, (5,) or (6,) rad.
        """
        position, rotation = self._arm.forward(np.asarray(pose, dtype=float)[:5])
        right, up, back = (rotation @ self._axes).T @ (
            np.asarray(centre, dtype=float) - position - rotation @ self._place
        )
        return bool(back < 0.0 and np.all(np.abs([right, up]) < MARGIN * -back * self._edges))
