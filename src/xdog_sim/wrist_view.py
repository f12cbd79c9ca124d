"""Images of the wrist camera, rendered from the joint angles and object poses of a running graph."""

from typing import Mapping, NamedTuple, Sequence

import mujoco
import numpy as np

from xdog.core.description import RobotDescription
from xdog_sim.grasp.camera import WRIST, SceneRenderer, add_wrist_camera
from xdog_sim.grasp.config import load_grasp_scenarios
from xdog_sim.scene import Scene, add_scene
from xdog_sim.world import WorldOptions, build_spec, compile_spec

Array = np.ndarray


class BodyPlacement(NamedTuple):
    """Pose of a body in the world: position (3,) m, orientation (4,) quaternion x, y, z, w."""

    position: Array
    orientation: Array


class WristView:
    """A scene with the robot, without physics: only `show` moves them.

    Args:
        robot: description of the robot.
        scene: the objects around it.
    """

    def __init__(self, robot: RobotDescription, scene: Scene) -> None:
        config = load_grasp_scenarios()
        spec = build_spec(WorldOptions(sensors=False), robot)
        add_scene(spec, scene, robot)
        add_wrist_camera(spec, config.camera, robot.tool_frame)
        self._size = int(config.camera.width), int(config.camera.height)
        model = compile_spec(spec)
        self._data = mujoco.MjData(model)
        self._joint = {name: int(model.joint(name).qposadr[0]) for name in (*robot.legs.names, *robot.arm.names)}
        self._root = int(model.joint("root").qposadr[0])
        self._objects = [int(model.joint(item.name).qposadr[0]) for item in scene.objects]
        self._model, self._renderer = model, SceneRenderer(model)

    def show(self, joints: Mapping[str, float], base: BodyPlacement, objects: Sequence[BodyPlacement]) -> None:
        """Set joint angles (rad) by name, the pose of base_link and the poses of the objects, in the scene's order.

        Raises:
            ValueError: the number of objects differs from that of the scene.
        """
        if len(objects) != len(self._objects):
            raise ValueError(f"{len(objects)} objects for a scene of {len(self._objects)}")
        for name, address in self._joint.items():
            self._data.qpos[address] = joints.get(name, self._data.qpos[address])
        for address, pose in zip((self._root, *self._objects), (base, *objects)):
            self._data.qpos[address : address + 3] = pose.position
            self._data.qpos[address + 3 : address + 7] = pose.orientation[[3, 0, 1, 2]]
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)

    def render(self) -> Array:
        """Image of the wrist camera, (height, width, 3) uint8 RGB, in the size that policies are trained on."""
        return self._renderer.render(self._data, WRIST, *self._size)
