"""The wrist camera in the simulation, and the renderer for camera images."""

from typing import Optional

import mujoco
import numpy as np

from xdog.core.rotations import rotation_matrix
from xdog_sim.grasp.config import CameraConfig
from xdog_sim.world import COLLISION_GROUP

Array = np.ndarray

ZERO = np.zeros(3)
WRIST = "wrist"
"""Name of the wrist camera in a model."""


def view_axes(camera: CameraConfig) -> Array:
    """(3, 3): right, up and backward directions of the camera (MuJoCo's convention) as columns, in gripper_frame."""
    up = np.array([0.0, np.cos(camera.tilt), np.sin(camera.tilt)])
    backward = np.array([0.0, np.sin(camera.tilt), -np.cos(camera.tilt)])
    return np.column_stack([np.cross(up, backward), up, backward])


def add_wrist_camera(
    spec: mujoco.MjSpec,
    config: CameraConfig,
    link: str,
    shift: Array = ZERO,
    turn: Array = ZERO,
    brightness: float = 1.0,
) -> None:
    """Add the wrist camera to a world and adapt its light.

    Args:
        spec: the world; it must have visual shapes.
        config: settings of the camera.
        link: name of the link that carries it.
        shift: (3,) m, position error of its mount.
        turn: (3,) rad, orientation error of its mount as roll, pitch, yaw.
        brightness: factor for the light.
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
    """Renders a world without collision shapes, shadows and reflections. Use it from one thread only (OpenGL).

    Args:
        model: the MuJoCo model of the world.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._renderer: Optional[mujoco.Renderer] = None

    def render(self, data: mujoco.MjData, camera: object, width: int, height: int) -> Array:
        """Image from a named camera or an mjvCamera, (height, width, 3) uint8."""
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
        """Release the OpenGL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
