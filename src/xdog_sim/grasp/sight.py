"""Whether the dog's camera sees an object. Camera and arm sit on one trunk: the object's place to the arm tells it."""

import math

import mujoco
import numpy as np

from xdog.description import RobotDescription
from xdog_sim.grasp.config import CameraConfig
from xdog_sim.world import WorldOptions, build_model

Array = np.ndarray

MARGIN = 0.9
"""Share of the half picture, from its middle, in which the object's middle counts as seen."""


class Sight:
    """The camera's field of view, as the arm's base sees it."""

    def __init__(self, robot: RobotDescription, camera: CameraConfig) -> None:
        model = build_model(WorldOptions(sensors=False, visuals=False), robot)
        data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, data)
        base, eye = model.body("arm_base_link").id, model.body("camera_color_optical_frame").id
        turn = data.xmat[base].reshape(3, 3)
        self._rotation = data.xmat[eye].reshape(3, 3).T @ turn
        self._offset = data.xmat[eye].reshape(3, 3).T @ (data.xpos[base] - data.xpos[eye])
        self._edges = np.array([math.tan(camera.horizontal_view / 2.0), math.tan(camera.vertical_view / 2.0)])

    def sees(self, centre: Array) -> bool:
        """Whether an object's middle, (3,) m in arm_base_link, lies well in the picture. Occlusion is not looked at."""
        right, down, ahead = self._rotation @ np.asarray(centre, dtype=float) + self._offset
        return bool(ahead > 0.0 and np.all(np.abs([right, down]) < MARGIN * ahead * self._edges))
