"""What the wrist camera sees of an object before the arm moves."""

import math

import numpy as np

from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import RobotDescription
from xdog_sim.grasp.camera import view_axes
from xdog_sim.grasp.config import CameraConfig

Array = np.ndarray

MARGIN = 0.9
"""Share of the half picture, from its middle, in which the object's middle counts as seen."""


class FieldOfView:
    """The camera's field of view from an arm pose, as the arm's base sees it."""

    def __init__(self, robot: RobotDescription, camera: CameraConfig) -> None:
        self._arm, self._place, self._axes = ArmKinematics(robot), np.array(camera.position), view_axes(camera)
        self._edges = np.array([math.tan(camera.horizontal_view / 2.0), math.tan(camera.vertical_view / 2.0)])

    def sees(self, centre: Array, pose: Array) -> bool:
        """Whether an object's middle, (3,) m in arm_base_link, lies well in the picture. Occlusion is not looked at.

        Args:
            centre: of the object.
            pose: of the arm, (5,) or (6,) rad.
        """
        position, rotation = self._arm.forward(np.asarray(pose, dtype=float)[:5])
        right, up, back = (rotation @ self._axes).T @ (
            np.asarray(centre, dtype=float) - position - rotation @ self._place
        )
        return bool(back < 0.0 and np.all(np.abs([right, up]) < MARGIN * -back * self._edges))
