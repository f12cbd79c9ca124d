"""The robot's names, poses and limits: read from urdf/xdog.urdf and launch/config/robot.yaml."""

import hashlib
import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from xdog.core.config_file import ConfigError, parse, read
from xdog.core.paths import share_path
from xdog.core.robot_config import ArmSection, Gains, LegsSection, RobotConfig

Array = np.ndarray


class DescriptionError(ConfigError):
    """The URDF is malformed, or does not fit together with robot.yaml or with joints from elsewhere."""


@dataclass(frozen=True)
class Joint:
    """One joint of the URDF. Lengths in m, angles in rad, effort in Nm, velocity in rad/s."""

    name: str
    kind: str
    parent: str
    child: str
    xyz: Tuple[float, float, float]
    rpy: Tuple[float, float, float]
    axis: Tuple[float, float, float]
    lower: float
    upper: float
    effort: float
    velocity: float


@dataclass(frozen=True, eq=False)
class JointGroup:
    """Joints that are commanded together, in the order in which arrays list them.

    All arrays have shape (n,): position limits in rad, effort in Nm, velocity in rad/s; poses in rad.
    """

    names: Tuple[str, ...]
    lower: Array
    upper: Array
    effort: Array
    velocity: Array
    poses: Mapping[str, Array]

    def indices(self, names: Sequence[str]) -> Array:
        """Positions of this group's joints in another list of names: ``values[group.indices(names)]``.

        Raises:
            DescriptionError: a joint of the group is not in ``names``.
        """
        where = {name: i for i, name in enumerate(names)}
        missing = [name for name in self.names if name not in where]
        if missing:
            raise DescriptionError(f"joints missing: {', '.join(missing)}; got {', '.join(names) or 'no names'}")
        return np.array([where[name] for name in self.names])


@dataclass(frozen=True, eq=False)
class RobotDescription:
    """Everything about the body that code needs, with nothing written twice."""

    joints: Mapping[str, Joint]
    link_mass: Mapping[str, float]
    legs: JointGroup
    arm: JointGroup
    feet: Tuple[str, ...]
    leg_gains: Mapping[str, Gains]
    max_kp: float
    max_kd: float
    tool_frame: str
    frames: Mapping[str, str]
    battery: Mapping[str, float]
    rates: Mapping[str, float]
    urdf: str
    urdf_hash: str

    @property
    def mass(self) -> float:
        """Mass of the whole robot, kg."""
        return sum(self.link_mass.values())


def hash_urdf(urdf: str) -> str:
    """First 16 hex digits of a SHA-256 over what a policy depends on: the URDF without visuals and comments."""
    root = ET.fromstring(urdf)
    for tag in ("material", "gazebo"):
        for element in root.findall(tag):
            root.remove(element)
    for link in root.findall("link"):
        for visual in link.findall("visual"):
            link.remove(visual)
    canonical = ET.canonicalize(ET.tostring(root, encoding="unicode"), strip_text=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _triple(text: Optional[str], default: Tuple[float, float, float]) -> Tuple[float, float, float]:
    if text is None:
        return default
    x, y, z = (float(part) for part in text.split())
    return (x, y, z)


def parse_joints(root: ET.Element) -> Dict[str, Joint]:
    """All joints of a URDF's root element, by name."""
    joints = {}
    for element in root.findall("joint"):
        origin, axis, limit = element.find("origin"), element.find("axis"), element.find("limit")
        parent, child = element.find("parent"), element.find("child")
        name = element.get("name")
        if name is None or parent is None or child is None:
            raise DescriptionError(f"joint {name!r} lacks a name, a parent or a child")
        bounds = {} if limit is None else dict(limit.attrib)
        joints[name] = Joint(
            name=name,
            kind=element.get("type", ""),
            parent=parent.get("link", ""),
            child=child.get("link", ""),
            xyz=_triple(None if origin is None else origin.get("xyz"), (0.0, 0.0, 0.0)),
            rpy=_triple(None if origin is None else origin.get("rpy"), (0.0, 0.0, 0.0)),
            axis=_triple(None if axis is None else axis.get("xyz"), (1.0, 0.0, 0.0)),
            lower=float(bounds.get("lower", -math.inf)),
            upper=float(bounds.get("upper", math.inf)),
            effort=float(bounds.get("effort", math.inf)),
            velocity=float(bounds.get("velocity", math.inf)),
        )
    return joints


def _group(section: Union[LegsSection, ArmSection], joints: Mapping[str, Joint], where: str) -> JointGroup:
    names = section.joints
    unknown = [name for name in names if name not in joints]
    if unknown:
        raise DescriptionError(f"{where}: joints that the URDF lacks: {', '.join(unknown)}")
    if len(set(names)) != len(names):
        raise DescriptionError(f"{where}: a joint is listed twice: {', '.join(names)}")
    members = [joints[name] for name in names]
    group = JointGroup(
        names=names,
        lower=np.array([joint.lower for joint in members]),
        upper=np.array([joint.upper for joint in members]),
        effort=np.array([joint.effort for joint in members]),
        velocity=np.array([joint.velocity for joint in members]),
        poses={pose: np.array(values) for pose, values in section.poses.items()},
    )
    for pose, values in group.poses.items():
        if values.shape != (len(names),):
            raise DescriptionError(f"{where}: pose {pose} has {values.size} values for {len(names)} joints")
        if not np.all((values >= group.lower) & (values <= group.upper)):
            raise DescriptionError(f"{where}: pose {pose} lies outside the URDF's joint limits")
    return group


def parse_description(urdf: str, content: Any, where: str = "robot.yaml") -> RobotDescription:
    """Build the description from a URDF text and what robot.yaml holds.

    Raises:
        ConfigError: robot.yaml is malformed.
        DescriptionError: the URDF is malformed, or the two do not fit together; the message names the culprit.
    """
    config = parse(RobotConfig, content, where)
    try:
        root = ET.fromstring(urdf)
    except ET.ParseError as error:
        raise DescriptionError(f"the URDF is not well-formed XML: {error}") from error
    try:
        joints = parse_joints(root)
        masses = {}
        for link in root.findall("link"):
            mass = link.find("inertial/mass")
            masses[link.get("name", "")] = 0.0 if mass is None else float(mass.get("value", "nan"))
        missing = [foot for foot in config.legs.feet if foot not in masses]
        if missing:
            raise DescriptionError(f"{where}: feet that the URDF lacks: {', '.join(missing)}")
        return RobotDescription(
            joints=joints,
            link_mass=masses,
            legs=_group(config.legs, joints, f"{where}: legs"),
            arm=_group(config.arm, joints, f"{where}: arm"),
            feet=config.legs.feet,
            leg_gains=config.legs.gains,
            max_kp=config.legs.max_kp,
            max_kd=config.legs.max_kd,
            tool_frame=config.arm.tool_frame,
            frames=vars(config.frames),
            battery=vars(config.battery),
            rates=vars(config.rates),
            urdf=urdf,
            urdf_hash=hash_urdf(urdf),
        )
    except DescriptionError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise DescriptionError(f"the URDF has a missing or malformed entry: {error}") from error


@lru_cache(maxsize=None)
def load_description(urdf_path: Optional[Path] = None, config_path: Optional[Path] = None) -> RobotDescription:
    """The description of the robot, from urdf/xdog.urdf and launch/config/robot.yaml unless told otherwise.

    Raises:
        ConfigError: a file is malformed, or the two do not fit together (DescriptionError).
        OSError: a file cannot be read.
    """
    urdf_path = urdf_path or share_path("urdf", "xdog.urdf")
    config_path = config_path or share_path("launch", "config", "robot.yaml")
    return parse_description(urdf_path.read_text(encoding="utf-8"), read(config_path), str(config_path))
