"""The wrist camera: where it looks, and pictures as policies that see learn from them."""

from typing import Optional

import mujoco
import numpy as np

from xdog.core.rotations import rotation_matrix
from xdog_sim.grasp.config import CameraConfig
from xdog_sim.world import COLLISION_GROUP

Array = np.ndarray

NOWHERE = np.zeros(3)
WRIST = "wrist"
"""Name of the wrist camera in a model."""


def view_axes(camera: CameraConfig) -> Array:
    """(3, 3): the camera's right, up and backward directions, as MuJoCo counts them, as columns in gripper_frame."""
    up = np.array([0.0, np.cos(camera.tilt), np.sin(camera.tilt)])
    backward = np.array([0.0, np.sin(camera.tilt), -np.cos(camera.tilt)])
    return np.column_stack([np.cross(up, backward), up, backward])


def add_wrist_camera(
    spec: mujoco.MjSpec,
    config: CameraConfig,
    link: str,
    shift: Array = NOWHERE,
    turn: Array = NOWHERE,
    brightness: float = 1.0,
) -> None:
    """Add the wrist camera and the light in which it sees to a world.

    Args:
        spec: the world; it needs its visuals.
        config: of the camera.
        link: that it is mounted on.
        shift: (3,) m, error of its mounting.
        turn: (3,) rad, the same as roll, pitch, yaw.
        brightness: of the light, as a factor.
    """
    orientation = np.zeros(4)
    mujoco.mju_mat2Quat(orientation, (view_axes(config) @ rotation_matrix(*turn)).flatten())
    focal = [0.5 / np.tan(config.horizontal_view / 2.0), 0.5 / np.tan(config.vertical_view / 2.0)]
    camera = spec.body(link).add_camera(
        name=WRIST,
        pos=np.array(config.position) + shift,
        quat=orientation,
        resolution=[int(config.width), int(config.height)],
    )
    camera.sensor_size, camera.focal_length = [1.0, 1.0], focal
    spec.visual.map.znear = 0.005
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 0, 0
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 960
    spec.stat.extent = 1.0
    spec.material("tiles").reflectance = 0.0
    spec.geom("floor").group = 2
    head = spec.visual.headlight
    head.ambient, head.diffuse = [0.35 * brightness] * 3, [0.25 * brightness] * 3
    for light in spec.lights:
        light.diffuse, light.castshadow = [0.6 * brightness] * 3, False


class SceneRenderer:
    """Renders a world without collision shapes, shadows and reflections. Belongs to one thread, as OpenGL wants it.

    Args:
        model: MuJoCo's.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._renderer: Optional[mujoco.Renderer] = None

    def take(self, data: mujoco.MjData, camera: object, width: int, height: int) -> Array:
        """The world as a named camera or an mjvCamera sees it, (height, width, 3) uint8."""
        if self._renderer is None or (self._renderer.width, self._renderer.height) != (width, height):
            self.close()
            self._renderer = mujoco.Renderer(self._model, height, width)
        options = mujoco.MjvOption()
        options.geomgroup[COLLISION_GROUP] = 0
        self._renderer.update_scene(data, camera, options)
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        return self._renderer.render()

    def close(self) -> None:
        """Give the OpenGL context back."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
