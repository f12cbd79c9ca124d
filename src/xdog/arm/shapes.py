"""The URDF's collision shapes, as boxes: what arm and gripper code knows of the body's extent."""

import itertools
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from xdog.description import DescriptionError, RobotDescription
from xdog.locomotion.rotations import rotation_matrix

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Box:
    """A box on a link: centre (3,) and rotation (3, 3) in the link's frame, half sizes (3,), m, and a rounding.

    A box of half size zero with a rounding is a sphere, one that is long in one direction a capsule.
    """

    centre: Array
    rotation: Array
    half: Array
    rounding: float = 0.0

    def corners(self) -> Array:
        """The corners (8, 3) in the link's frame, m, without the rounding."""
        signs = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
        return np.asarray(self.centre + (signs * self.half) @ self.rotation.T)


def _shape(geometry: ET.Element, where: str) -> Tuple[Array, float]:
    """Half sizes and rounding of a shape; a cylinder becomes the box of its axis, rounded by its radius."""
    box, sphere, cylinder = (geometry.find(kind) for kind in ("box", "sphere", "cylinder"))
    if box is not None:
        return 0.5 * np.array([float(part) for part in box.get("size", "").split()]), 0.0
    if sphere is not None:
        return np.zeros(3), float(sphere.get("radius", "nan"))
    if cylinder is not None:
        return np.array([0.0, 0.0, 0.5 * float(cylinder.get("length", "nan"))]), float(cylinder.get("radius", "nan"))
    raise DescriptionError(f"urdf/xdog.urdf: a collision shape of {where} is neither box, nor sphere, nor cylinder")


def collision_boxes(robot: RobotDescription, link: str) -> List[Box]:
    """The collision shapes of a link, in the URDF's order.

    A cylinder is taken as a capsule around it, which is longer by its radius at both ends.

    Raises:
        DescriptionError: a shape of another kind.
    """
    boxes = []
    for collision in ET.fromstring(robot.urdf).findall(f"link[@name='{link}']/collision"):
        geometry, origin = collision.find("geometry"), collision.find("origin")
        if geometry is None:
            raise DescriptionError(f"urdf/xdog.urdf: a collision shape of {link} has no geometry")
        at = {} if origin is None else origin.attrib
        xyz, rpy = (np.array([float(part) for part in at.get(key, "0 0 0").split()]) for key in ("xyz", "rpy"))
        boxes.append(Box(xyz, rotation_matrix(*rpy), *_shape(geometry, link)))
    return boxes
