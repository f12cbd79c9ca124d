"""The robot's names, poses and limits: read from urdf/xdog.urdf and launch/config/robot.yaml."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from xdog.core.body import Body, Joint, Link
from xdog.core.config_file import parse, read
from xdog.core.paths import share_path
from xdog.core.robot_config import ArmSection, Gains, LegsSection, RobotConfig
from xdog.core.urdf import DescriptionError as DescriptionError
from xdog.core.urdf import parse_body

Array = np.ndarray


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


class FixedTransform(NamedTuple):
    """Where a link is in a reference frame: position (3,) in m and rotation (3, 3) from the link to the reference."""

    position: Array
    rotation: Array

    def to_reference(self, point: Array) -> Array:
        """A point (3,) of the link's frame in the reference frame, m."""
        return np.asarray(self.rotation @ np.asarray(point, dtype=float) + self.position)

    def from_reference(self, point: Array) -> Array:
        """A point (3,) of the reference frame in the link's frame, m."""
        return np.asarray(self.rotation.T @ (np.asarray(point, dtype=float) - self.position))


@dataclass(frozen=True, eq=False)
class RobotDescription:
    """Everything about the body that code needs, with nothing written twice."""

    body: Body
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
    def links(self) -> Mapping[str, Link]:
        """All links by name, in the URDF's order."""
        return self.body.links

    @property
    def joints(self) -> Mapping[str, Joint]:
        """All joints by name, in the URDF's order."""
        return self.body.joints

    @property
    def mass(self) -> float:
        """Mass of the whole robot, kg."""
        return sum(link.mass for link in self.links.values())

    def fixed_transform(self, link: str, reference: Optional[str] = None) -> FixedTransform:
        """Where a link is that fixed joints hold in another one.

        Args:
            link: its name.
            reference: name of the other link; the base by default.

        Raises:
            DescriptionError: one of them does not exist, or the link moves against the reference.
        """
        reference = self.frames["base"] if reference is None else reference
        for name in (link, reference):
            if name not in self.links:
                raise DescriptionError(f"urdf/xdog.urdf has no link '{name}'")
        carrier, position, rotation = self.body.transform(link)
        other, origin, turn = self.body.transform(reference)
        if carrier != other:
            raise DescriptionError(f"urdf/xdog.urdf: {link} must be fixed to {reference}, but joints move it")
        return FixedTransform(turn.T @ (position - origin), turn.T @ rotation)


def _group(section: Union[LegsSection, ArmSection], body: Body, where: str) -> JointGroup:
    names, joints = section.joints, body.joints
    unknown = [name for name in names if name not in joints]
    if unknown:
        raise DescriptionError(f"{where}: joints that the URDF lacks: {', '.join(unknown)}")
    if len(set(names)) != len(names):
        raise DescriptionError(f"{where}: a joint is listed twice: {', '.join(names)}")
    members = [joints[name] for name in names]
    for joint in members:
        if joint.kind != "revolute":
            raise DescriptionError(f"{where}: joint '{joint.name}' is {joint.kind} in the URDF; it must be revolute")
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


def parse_description(
    urdf: str, content: Any, where: str = "robot.yaml", urdf_where: str = "urdf/xdog.urdf"
) -> RobotDescription:
    """Build the description from a URDF text and what robot.yaml holds.

    Args:
        urdf, content: the two.
        where, urdf_where: the files that they are from, for messages.

    Raises:
        ConfigError: robot.yaml is malformed.
        DescriptionError: the URDF is malformed, or the two do not fit together; the message names the culprit.
    """
    config, body = parse(RobotConfig, content, where), parse_body(urdf, urdf_where)
    missing = [foot for foot in config.legs.feet if foot not in body.links]
    if missing:
        raise DescriptionError(f"{where}: feet that the URDF lacks: {', '.join(missing)}")
    for foot in config.legs.feet:
        if not any(shape.kind == "sphere" for shape in body.links[foot].collisions):
            raise DescriptionError(f"{urdf_where}: foot '{foot}' has no collision sphere: give it one to stand on")
    return RobotDescription(
        body=body,
        legs=_group(config.legs, body, f"{where}: legs"),
        arm=_group(config.arm, body, f"{where}: arm"),
        feet=config.legs.feet,
        leg_gains=config.legs.gains,
        max_kp=config.legs.max_kp,
        max_kd=config.legs.max_kd,
        tool_frame=config.arm.tool_frame,
        frames=vars(config.frames),
        battery=vars(config.battery),
        rates=vars(config.rates),
        urdf=urdf,
        urdf_hash=body.hash(),
    )


@lru_cache(maxsize=None)
def load_description(urdf_path: Optional[Path] = None, config_path: Optional[Path] = None) -> RobotDescription:
    """The description of the robot, from urdf/xdog.urdf and launch/config/robot.yaml unless told otherwise.

    Raises:
        ConfigError: a file is malformed, or the two do not fit together (DescriptionError).
        OSError: a file cannot be read.
    """
    urdf_path = urdf_path or share_path("urdf", "xdog.urdf")
    config_path = config_path or share_path("launch", "config", "robot.yaml")
    return parse_description(urdf_path.read_text(encoding="utf-8"), read(config_path), str(config_path), str(urdf_path))
