"""What the wrist camera of a robot sees in a scene, worked out from what the running graph says of both."""

from typing import Mapping, NamedTuple, Sequence

import mujoco
import numpy as np

from xdog.core.description import RobotDescription
from xdog_sim.grasp.camera import WRIST, SceneRenderer, add_wrist_camera
from xdog_sim.grasp.config import load_grasp_scenarios
from xdog_sim.scene import Scene, furnish
from xdog_sim.world import WorldOptions, build_spec

Array = np.ndarray


class BodyPlacement(NamedTuple):
    """Of a body in the world: position (3,) m, orientation (4,) quaternion x, y, z, w."""

    position: Array
    orientation: Array


class WristView:
    """The scene with the robot in it; nothing moves but by `show`.

    Args:
        robot: its description.
        scene: around it.
    """

    def __init__(self, robot: RobotDescription, scene: Scene) -> None:
        config = load_grasp_scenarios()
        spec = build_spec(WorldOptions(sensors=False), robot)
        furnish(spec, scene, robot)
        add_wrist_camera(spec, config.camera, robot.tool_frame)
        self._size = int(config.camera.width), int(config.camera.height)
        model = spec.compile()
        self._data = mujoco.MjData(model)
        self._joint = {name: int(model.joint(name).qposadr[0]) for name in (*robot.legs.names, *robot.arm.names)}
        self._root = int(model.joint("root").qposadr[0])
        self._things = [int(model.joint(thing.name).qposadr[0]) for thing in scene.things]
        self._model, self._pictures = model, SceneRenderer(model)

    def show(self, joints: Mapping[str, float], base: BodyPlacement, things: Sequence[BodyPlacement]) -> None:
        """Take in joint angles (rad) by name, where base_link is, and where the scene's objects are, in its order.

        Raises:
            ValueError: another number of objects than the scene has.
        """
        if len(things) != len(self._things):
            raise ValueError(f"{len(things)} objects for a scene of {len(self._things)}")
        for name, address in self._joint.items():
            self._data.qpos[address] = joints.get(name, self._data.qpos[address])
        for address, place in zip((self._root, *self._things), (base, *things)):
            self._data.qpos[address : address + 3] = place.position
            self._data.qpos[address + 3 : address + 7] = place.orientation[[3, 0, 1, 2]]
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)

    def picture(self) -> Array:
        """What the camera sees, (height, width, 3) uint8 RGB, in the size that policies learn from."""
        return self._pictures.take(self._data, WRIST, *self._size)
