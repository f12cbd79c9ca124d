"""The scene around the simulated dog, from a file of sim/scenes: fixed supports and objects that can be picked up."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Literal, Mapping, Tuple

import mujoco
import numpy as np

from xdog.core.config_file import ANY, POSITIVE, SHARE, ConfigError, load, numbers
from xdog.core.description import RobotDescription
from xdog.core.paths import share_path
from xdog_sim.detections import ObjectPose
from xdog_sim.grasp.config import GraspScenarioConfig, ObjectKind, load_grasp_scenarios
from xdog_sim.grasp.objects import GraspObject, add_object, add_support, prepare_for_grasping

Array = np.ndarray

EMPTY = "empty"
"""Name of the scene without objects."""


@dataclass(frozen=True)
class SceneSupport:
    """What objects stand on: kind, height of the surface, x of the near edge and y of the middle, m."""

    kind: Literal["table", "shelf"]
    height: float = field(metadata=POSITIVE)
    edge: float
    y: float


@dataclass(frozen=True)
class SceneObject:
    """One object and its start pose: centre (3,) m in the world, yaw in rad."""

    name: str
    item: GraspObject
    position: Tuple[float, float, float]
    yaw: float


@dataclass(frozen=True)
class Scene:
    """Supports by name, and objects."""

    supports: Mapping[str, SceneSupport] = field(default_factory=dict)
    objects: Tuple[SceneObject, ...] = ()


@numbers(POSITIVE)
@dataclass(frozen=True)
class _ObjectEntry:
    kind: ObjectKind
    width: float
    height: float
    mass: float
    friction: float
    colour: Tuple[float, float, float] = field(metadata=SHARE)
    place: Tuple[float, float] = field(metadata=ANY)
    support: str = ""
    yaw: float = field(default=0.0, metadata=ANY)


@dataclass(frozen=True)
class SceneFile:
    """Content of a file of sim/scenes."""

    objects: Mapping[str, _ObjectEntry]
    supports: Mapping[str, SceneSupport] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, entry in self.objects.items():
            if entry.support and entry.support not in self.supports:
                known = ", ".join(self.supports) or "none"
                raise ValueError(f"objects.{name}.support is '{entry.support}'; it must be one of supports: {known}")
            if name in self.supports:
                raise ValueError(f"'{name}' is an object and a support: rename one of them")


def load_scene(name: str, locate: Callable[[str], Path] = Path) -> Scene:
    """A scene of sim/scenes by its name, "empty", or any file by its path.

    Args:
        name: of the scene, or the path of a file that ends in .yaml.
        locate: resolves a path; nodes pass ``user_path``.

    Raises:
        ConfigError: the scene does not exist or is malformed.
        OSError: the file cannot be read.
    """
    if name == EMPTY:
        return Scene()
    path = locate(name) if name.endswith(".yaml") else share_path("sim", "scenes", f"{name}.yaml")
    if not path.is_file():
        known = sorted(file.stem for file in share_path("sim", "scenes").glob("*.yaml"))
        missing = f" ({path} is no file)" if name.endswith(".yaml") else ""
        raise ConfigError(
            f"no scene {name!r}{missing}; known: {', '.join([EMPTY, *known])}, or the path of a .yaml file"
        )
    content = load(SceneFile, path)
    objects = []
    for label, entry in content.objects.items():
        item = GraspObject(entry.kind, entry.width, entry.height, entry.mass, entry.friction, entry.colour)
        surface = content.supports[entry.support].height if entry.support else 0.0
        objects.append(SceneObject(label, item, (*entry.place, surface + 0.5 * item.height), entry.yaw))
    return Scene(content.supports, tuple(objects))


def add_scene(spec: mujoco.MjSpec, scene: Scene, robot: RobotDescription) -> None:
    """Add a scene to the world of a robot. An empty scene changes nothing.

    Raises:
        ConfigError: an object or support has the name of a part of the robot.
    """
    if not scene.objects:
        return
    taken = {body.name for body in spec.bodies} & {*scene.supports, *(item.name for item in scene.objects)}
    if taken:
        raise ConfigError(f"the scene's '{min(taken)}' has the name of a part of the robot: rename it")
    config: GraspScenarioConfig = load_grasp_scenarios()
    prepare_for_grasping(spec, robot)
    for name, support in scene.supports.items():
        add_support(spec, support.kind, support.height, support.edge, support.y, name)
    for scene_object in scene.objects:
        start = np.array(scene_object.position)
        add_object(spec, scene_object.item, start, scene_object.yaw, config, scene_object.name)


def class_names() -> Tuple[str, ...]:
    """Labels of the objects in scenes; a class id is an index into this list."""
    return tuple(load_grasp_scenarios().objects)


class Objects:
    """The objects of a scene while it is simulated.

    Args:
        scene: that `add_scene` built into the model.
        model, data: MuJoCo's.
    """

    def __init__(self, scene: Scene, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self._data = data
        self._items = {scene_object.name: scene_object.item for scene_object in scene.objects}
        self._body = {name: model.body(name).id for name in self._items}
        self._joint = {name: model.joint(name) for name in self._items}
        labels = class_names()
        self._kind = {name: labels.index(item.kind) for name, item in self._items.items()}
        self._pulled: Dict[str, float] = {}  # end of each pull, s

    def truth(self) -> List[ObjectPose]:
        """Poses of the objects in the world, each in an upright box."""
        seen = []
        for name, item in self._items.items():
            body = self._body[name]
            rotation, size = upright_box(item, self._data.xmat[body].reshape(3, 3))
            seen.append(ObjectPose(self._kind[name], self._data.xpos[body].copy(), rotation, size))
        return seen

    def orientations(self) -> List[Array]:
        """Orientations of the objects themselves in the world: quaternions (4,) x, y, z, w, in the order of `truth`."""
        return [self._data.xquat[self._body[name]][[1, 2, 3, 0]] for name in self._items]

    def place(self, name: str, lowest: Array, yaw: float) -> None:
        """Move an object, upright and at rest.

        Args:
            name: of the scene file.
            lowest: (3,) m, its lowest point in the world.
            yaw: rad.

        Raises:
            ValueError: the object does not exist, or a number is not finite.
        """
        self._check(name)
        if not np.isfinite([*lowest, yaw]).all():
            raise ValueError(f"place {list(lowest)} and yaw {yaw} must be finite")
        joint, height = self._joint[name], self._items[name].height
        q, v = int(joint.qposadr[0]), int(joint.dofadr[0])
        self._data.qpos[q : q + 3] = [lowest[0], lowest[1], lowest[2] + 0.5 * height]
        self._data.qpos[q + 3 : q + 7] = [math.cos(yaw / 2.0), 0.0, 0.0, math.sin(yaw / 2.0)]
        self._data.qvel[v : v + 6] = 0.0

    def pull(self, name: str, force: Array, until: float) -> None:
        """Pull at an object's centre, as a person who takes it, until `end_pulls` is called with a later time.

        Args:
            name: of the scene file.
            force: (3,) N, in the world.
            until: s.

        Raises:
            ValueError: the object does not exist, or a number is not finite.
        """
        self._check(name)
        if not np.isfinite([*force, until]).all():
            raise ValueError(f"force {list(force)} and its duration must be finite")
        self._data.xfrc_applied[self._body[name], :3] = force
        self._pulled[name] = until

    def end_pulls(self, now: float) -> None:
        """End every pull whose time is over; now in s."""
        for name in [name for name, until in self._pulled.items() if now >= until]:
            del self._pulled[name]
            self._data.xfrc_applied[self._body[name], :3] = 0.0

    def _check(self, name: str) -> None:
        if name not in self._items:
            raise ValueError(f"no object '{name}' in this scene; known: {', '.join(self._items) or 'none'}")


def upright_box(item: GraspObject, rotation: Array) -> Tuple[Array, Array]:
    """The bounding box with a vertical axis around an object in any orientation.

    Args:
        rotation: (3, 3) from the object's axes to the world's.

    Returns:
        Rotation (3, 3) of the box and its size (3,) m, the height last.
    """
    if item.kind == "ball":
        return np.eye(3), item.size
    axis = rotation[:, 2]
    if item.kind == "cube":
        heading = max(rotation[:, 0], rotation[:, 1], rotation[:, 2], key=lambda side: math.hypot(side[0], side[1]))
    else:  # round about its axis: the box follows the axis where that lies, any heading does where it stands
        heading = axis if math.hypot(axis[0], axis[1]) > 0.1 else rotation[:, 0]
    yaw = math.atan2(heading[1], heading[0])
    turn = np.array([[math.cos(yaw), -math.sin(yaw), 0.0], [math.sin(yaw), math.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
    inside = turn.T @ rotation
    if item.kind == "cube":
        return turn, np.abs(inside) @ item.size
    along = np.abs(inside[:, 2])
    return turn, along * item.height + np.sqrt(np.clip(1.0 - along**2, 0.0, None)) * item.width
