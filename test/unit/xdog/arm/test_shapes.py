"""Collision shapes of the URDF: sizes, places and bounding spheres worked out by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from xdog.arm.shapes import Shape, collision_shapes
from xdog.core.description import DescriptionError, load_description
from xdog.core.rotations import rotation_matrix

ROBOT = load_description()


def test_the_corners_of_a_turned_box() -> None:
    box = Shape("l", np.array([1.0, 0.0, 0.0]), rotation_matrix(0.0, 0.0, math.pi / 2), np.array([0.1, 0.2, 0.3]))
    corners = box.corners()
    np.testing.assert_allclose(corners.min(axis=0), [0.8, -0.1, -0.3], atol=1e-12)
    np.testing.assert_allclose(corners.max(axis=0), [1.2, 0.1, 0.3], atol=1e-12)


@pytest.mark.parametrize(
    ("half", "disc", "ball", "radius"),
    [((0.3, 0.4, 0.0), 0.0, 0.0, 0.5), ((0.0, 0.0, 0.4), 0.3, 0.0, 0.5), ((0.0, 0.0, 0.0), 0.0, 0.25, 0.25)],
)
def test_the_bounding_sphere_of_box_cylinder_and_sphere(
    half: "tuple[float, float, float]", disc: float, ball: float, radius: float
) -> None:
    assert Shape("l", np.zeros(3), np.eye(3), np.array(half), disc, ball).radius == pytest.approx(radius)


def test_every_collision_shape_of_the_robot_is_there() -> None:
    shapes = collision_shapes(ROBOT)
    assert len(shapes) == ROBOT.urdf.count("<collision")
    kinds = {(bool(s.half.any()), s.disc > 0.0, s.ball > 0.0) for s in shapes}
    assert kinds <= {(True, False, False), (True, True, False), (False, False, True)}


def test_a_mesh_is_named_with_the_remedy() -> None:
    name, link = next((name, link) for name, link in ROBOT.links.items() if link.collisions)
    mesh = replace(link.collisions[0], kind="mesh")
    robot = replace(ROBOT, body=replace(ROBOT.body, links={name: replace(link, collisions=(mesh,))}))
    with pytest.raises(DescriptionError, match=f"a collision shape of {name} is a mesh.*put some of these around it"):
        collision_shapes(robot)
