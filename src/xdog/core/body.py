"""A robot's body: links and joints, where fixed joints put things, and a hash of what moves."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from xdog.core.rotations import rotation_matrix

Array = np.ndarray
Numbers = Tuple[float, ...]

ZERO = (0.0, 0.0, 0.0)
DIGITS = 9
"""After the point, to which places and directions are rounded before they are hashed."""


@dataclass(frozen=True)
class Geometry:
    """The shape of a collision or a visual.

    Attributes:
        kind: "box", "sphere", "cylinder" or "mesh".
        xyz, rpy: of its frame in the link's, m and rad.
        size: three extents of a box, the radius of a sphere, radius and length of a cylinder, scales of a mesh; m.
        mesh: a mesh's file as the URDF names it, else empty.
    """

    kind: str
    xyz: Numbers
    rpy: Numbers
    size: Numbers
    mesh: str = ""


@dataclass(frozen=True)
class Link:
    """One link of the URDF.

    Attributes:
        name: its name.
        mass: kg, 0 for a frame.
        xyz, rpy: of its frame of inertia in the link's, m and rad.
        inertia: ixx, ixy, ixz, iyy, iyz, izz, kg m^2.
        collisions, visuals: its shapes.
    """

    name: str
    mass: float
    xyz: Numbers
    rpy: Numbers
    inertia: Numbers
    collisions: Tuple[Geometry, ...]
    visuals: Tuple[Geometry, ...]


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
    damping: float = 0.0
    friction: float = 0.0


@dataclass(frozen=True, eq=False)
class Body:
    """Everything of a URDF that matters to motion.

    Attributes:
        links, joints: by name, in the file's order.
        root: the link that hangs on no other.
        options: what the file tells MuJoCo about the body's motion: element, option and value.
    """

    links: Mapping[str, Link]
    joints: Mapping[str, Joint]
    root: str
    options: Tuple[Tuple[str, str, str], ...]

    def parents(self) -> Dict[str, Joint]:
        """The joint that holds each link but the root."""
        return {joint.child: joint for joint in self.joints.values()}

    def transform(self, link: str) -> Tuple[str, Array, Array]:
        """The link that moves with ``link``, next to the joint that moves both, and where ``link`` is in its frame.

        Returns:
            Its name, position (3,) in m and rotation (3, 3).
        """
        parents = self.parents()
        position, rotation = np.zeros(3), np.eye(3)
        while link in parents and parents[link].kind == "fixed":
            joint = parents[link]
            turn = rotation_matrix(*joint.rpy)
            position, rotation, link = np.array(joint.xyz) + turn @ position, turn @ rotation, joint.parent
        return link, position, rotation

    def hash(self) -> str:
        """First 16 hex digits of a SHA-256 over what a policy depends on.

        That is masses, inertias, collision shapes and moving joints, each where it is in the link that moves it. Frames
        without mass and shape, visuals, names of links, the order of elements and the way in which numbers are written
        make no difference.
        """
        parents = self.parents()

        def place(link: str, xyz: Numbers = ZERO, rpy: Numbers = ZERO) -> List[Any]:
            carrier, position, rotation = self.transform(link)
            moved = position + rotation @ np.array(xyz)
            turned = rotation @ rotation_matrix(*rpy)
            held_by = parents[carrier].name if carrier in parents else ""
            return [held_by, *(round(float(value), DIGITS) + 0.0 for value in (*moved, *turned.ravel()))]

        entries: List[Any] = [["option", *option] for option in self.options]
        for link in self.links.values():
            if link.mass > 0.0:
                entries.append(["mass", *place(link.name, link.xyz, link.rpy), link.mass, *link.inertia])
            for shape in link.collisions:
                file = shape.mesh.rsplit("/", 1)[-1]
                entries.append([shape.kind, *place(link.name, shape.xyz, shape.rpy), *shape.size, file])
        for joint in self.joints.values():
            if joint.kind != "fixed":
                numbers = (joint.lower, joint.upper, joint.effort, joint.velocity, joint.damping, joint.friction)
                where = place(joint.parent, joint.xyz, joint.rpy)
                entries.append(["joint", joint.name, joint.kind, *where, *joint.axis, *numbers])
        text = json.dumps(sorted(entries, key=json.dumps))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
