"""The URDF's collision shapes: what arm and gripper code knows of the body's extent."""

import itertools
from dataclasses import dataclass
from typing import List

import numpy as np

from xdog.core.body import Geometry
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


def collision_shapes(robot: RobotDescription) -> List[Shape]:
    """All collision shapes of a robot, in the URDF's order.

    Raises:
        DescriptionError: one is a mesh.
    """
    return [_shape(link.name, geometry) for link in robot.links.values() for geometry in link.collisions]


def _shape(link: str, geometry: Geometry) -> Shape:
    half, disc, ball = np.zeros(3), 0.0, 0.0
    if geometry.kind == "box":
        half = 0.5 * np.array(geometry.size)
    elif geometry.kind == "sphere":
        ball = geometry.size[0]
    elif geometry.kind == "cylinder":
        disc, half[2] = geometry.size[0], 0.5 * geometry.size[1]
    else:
        raise DescriptionError(
            f"urdf/xdog.urdf: a collision shape of {link} is a {geometry.kind}; the arm's collision check knows boxes, "
            "spheres and cylinders: put some of these around it"
        )
    return Shape(link, np.array(geometry.xyz), rotation_matrix(*geometry.rpy), half, disc, ball)
