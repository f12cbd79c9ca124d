"""Things around the simulated dog, from a file of sim/scenes: furniture that stays, objects that can be picked up."""

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
"""The scene without anything."""


@dataclass(frozen=True)
class SceneSupport:
    """What objects stand on: its kind, height of its surface, x of its near edge and y of its middle, m."""

    kind: Literal["table", "shelf"]
    height: float = field(metadata=POSITIVE)
    edge: float
    y: float


@dataclass(frozen=True)
class SceneObject:
    """One object and where it starts: its middle (3,) m in the world and yaw in rad."""

    name: str
    item: GraspObject
    position: Tuple[float, float, float]
    yaw: float


@dataclass(frozen=True)
class Scene:
    """All furniture, by name, and objects."""

    furniture: Mapping[str, SceneSupport] = field(default_factory=dict)
    things: Tuple[SceneObject, ...] = ()


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
    """All of a file of sim/scenes."""

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
        locate: what finds the file of a path; of nodes ``user_path``.

    Raises:
        ConfigError: there is no such scene, or it is malformed.
        OSError: the file cannot be read.
    """
    if name == EMPTY:
        return Scene()
    path = locate(name) if name.endswith(".yaml") else share_path("sim", "scenes", f"{name}.yaml")
    if not path.is_file():
        known = sorted(file.stem for file in share_path("sim", "scenes").glob("*.yaml"))
        looked = f" ({path} is no file)" if name.endswith(".yaml") else ""
        raise ConfigError(
            f"no scene {name!r}{looked}; known: {', '.join([EMPTY, *known])}, or the path of a .yaml file"
        )
    content = load(SceneFile, path)
    things = []
    for label, entry in content.objects.items():
        item = GraspObject(entry.kind, entry.width, entry.height, entry.mass, entry.friction, entry.colour)
        surface = content.supports[entry.support].height if entry.support else 0.0
        things.append(SceneObject(label, item, (*entry.place, surface + 0.5 * item.height), entry.yaw))
    return Scene(content.supports, tuple(things))


def furnish(spec: mujoco.MjSpec, scene: Scene, robot: RobotDescription) -> None:
    """Put a scene into the world of a robot. An empty one changes nothing.

    Raises:
        ConfigError: something in the scene has the name of a part of the robot.
    """
    if not scene.things:
        return
    taken = {body.name for body in spec.bodies} & {*scene.furniture, *(thing.name for thing in scene.things)}
    if taken:
        raise ConfigError(f"the scene's '{min(taken)}' has the name of a part of the robot: rename it")
    config: GraspScenarioConfig = load_grasp_scenarios()
    prepare_for_grasping(spec, robot)
    for name, piece in scene.furniture.items():
        add_support(spec, piece.kind, piece.height, piece.edge, piece.y, name)
    for thing in scene.things:
        add_object(spec, thing.item, np.array(thing.position), thing.yaw, config, thing.name)


def class_names() -> Tuple[str, ...]:
    """Labels of the objects that scenes are made of; a class id is a place in this list."""
    return tuple(load_grasp_scenarios().objects)


class Objects:
    """The objects of a scene while it is simulated.

    Args:
        scene: that `furnish` built into the model.
        model, data: MuJoCo's.
    """

    def __init__(self, scene: Scene, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self._data = data
        self._things = {thing.name: thing.item for thing in scene.things}
        self._body = {name: model.body(name).id for name in self._things}
        self._joint = {name: model.joint(name) for name in self._things}
        labels = class_names()
        self._kind = {name: labels.index(item.kind) for name, item in self._things.items()}
        self._pulled: Dict[str, float] = {}  # until when, s

    def truth(self) -> List[ObjectPose]:
        """Where the objects are, in the world, each in an upright box."""
        seen = []
        for name, item in self._things.items():
            body = self._body[name]
            rotation, size = upright_box(item, self._data.xmat[body].reshape(3, 3))
            seen.append(ObjectPose(self._kind[name], self._data.xpos[body].copy(), rotation, size))
        return seen

    def orientations(self) -> List[Array]:
        """How the objects themselves are turned in the world: quaternions (4,) x, y, z, w, in the order of `truth`."""
        return [self._data.xquat[self._body[name]][[1, 2, 3, 0]] for name in self._things]

    def place(self, name: str, lowest: Array, yaw: float) -> None:
        """Put an object somewhere, upright and at rest.

        Args:
            name: of the scene file.
            lowest: (3,) m, its lowest point in the world.
            yaw: rad.

        Raises:
            ValueError: no such object, or a place that is not finite.
        """
        self._check(name)
        if not np.isfinite([*lowest, yaw]).all():
            raise ValueError(f"place {list(lowest)} and yaw {yaw} must be finite")
        joint, height = self._joint[name], self._things[name].height
        q, v = int(joint.qposadr[0]), int(joint.dofadr[0])
        self._data.qpos[q : q + 3] = [lowest[0], lowest[1], lowest[2] + 0.5 * height]
        self._data.qpos[q + 3 : q + 7] = [math.cos(yaw / 2.0), 0.0, 0.0, math.sin(yaw / 2.0)]
        self._data.qvel[v : v + 6] = 0.0

    def pull(self, name: str, force: Array, until: float) -> None:
        """Pull at an object's middle, as somebody does who takes it, until `let_go` is called that late.

        Args:
            name: of the scene file.
            force: (3,) N, in the world.
            until: s.

        Raises:
            ValueError: no such object, or a number that is not finite.
        """
        self._check(name)
        if not np.isfinite([*force, until]).all():
            raise ValueError(f"force {list(force)} and its duration must be finite")
        self._data.xfrc_applied[self._body[name], :3] = force
        self._pulled[name] = until

    def let_go(self, now: float) -> None:
        """End every pull whose time is over; now in s."""
        for name in [name for name, until in self._pulled.items() if now >= until]:
            del self._pulled[name]
            self._data.xfrc_applied[self._body[name], :3] = 0.0

    def _check(self, name: str) -> None:
        if name not in self._things:
            raise ValueError(f"no object '{name}' in this scene; known: {', '.join(self._things) or 'none'}")


def upright_box(item: GraspObject, rotation: Array) -> Tuple[Array, Array]:
    """The box with a vertical axis around an object, however it lies.

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
