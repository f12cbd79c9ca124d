"""The URDF's collision shapes: what arm and gripper code knows of the body's extent."""

import itertools
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from xdog.core.description import DescriptionError, RobotDescription
from xdog.core.rotations import rotation_matrix

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Shape:
    """A box, a cylinder or a sphere on a link: the sum of a box, a disc about z, and a ball.

    A box has neither disc nor ball, a cylinder is a line along z with a disc, a sphere is a point with a ball.

    Attributes:
        link: its link.
        centre, rotation: (3,) m and (3, 3) in the link's frame.
        half: half sizes of the box, (3,), m.
        disc, ball: radii, m.
    """

    link: str
    centre: Array
    rotation: Array
    half: Array
    disc: float = 0.0
    ball: float = 0.0

    def corners(self) -> Array:
        """The corners of the box, (8, 3) in the link's frame, m."""
        signs = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
        return np.asarray(self.centre + (signs * self.half) @ self.rotation.T)

    @property
    def radius(self) -> float:
        """Of the sphere about the centre that holds the whole shape, m."""
        half = self.half
        return float(np.hypot(np.hypot(half[0], half[1]) + self.disc, half[2])) + self.ball


def _extent(geometry: ET.Element, link: str) -> Tuple[Array, float, float]:
    """Half sizes, disc and ball of a URDF geometry."""
    box, sphere, cylinder = (geometry.find(kind) for kind in ("box", "sphere", "cylinder"))
    if box is not None:
        return 0.5 * np.array([float(part) for part in box.get("size", "").split()]), 0.0, 0.0
    if sphere is not None:
        return np.zeros(3), 0.0, float(sphere.get("radius", "nan"))
    if cylinder is not None:
        line = np.array([0.0, 0.0, 0.5 * float(cylinder.get("length", "nan"))])
        return line, float(cylinder.get("radius", "nan")), 0.0
    raise DescriptionError(f"urdf/xdog.urdf: a collision shape of {link} is neither box, nor sphere, nor cylinder")


def collision_shapes(robot: RobotDescription) -> List[Shape]:
    """All collision shapes of a robot, in the URDF's order.

    Raises:
        DescriptionError: a shape of another kind, or malformed.
    """
    shapes = []
    for link in ET.fromstring(robot.urdf).findall("link"):
        name = link.get("name", "")
        for collision in link.findall("collision"):
            geometry, origin = collision.find("geometry"), collision.find("origin")
            if geometry is None:
                raise DescriptionError(f"urdf/xdog.urdf: a collision shape of {name} has no geometry")
            at = {} if origin is None else origin.attrib
            xyz, rpy = (np.array([float(part) for part in at.get(key, "0 0 0").split()]) for key in ("xyz", "rpy"))
            half, disc, ball = _extent(geometry, name)
            if half.shape != (3,) or not np.isfinite([*half, disc, ball]).all():
                raise DescriptionError(f"urdf/xdog.urdf: a collision shape of {name} has no proper size")
            shapes.append(Shape(name, xyz, rotation_matrix(*rpy), half, disc, ball))
    return shapes
