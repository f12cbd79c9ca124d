"""The URDF's collision shapes as the arm's code knows them."""

import math

import numpy as np
import pytest
from urdf_edits import changed, robot_from

from xdog.arm.shapes import Shape, collision_shapes
from xdog.core.description import DescriptionError, load_description

ROBOT = load_description()


def test_all_shapes_of_the_robot_in_the_files_order() -> None:
    shapes = collision_shapes(ROBOT)
    assert len(shapes) == sum(len(link.collisions) for link in ROBOT.links.values())
    assert shapes[0].link == "base_link"
    np.testing.assert_allclose(2.0 * shapes[0].half, [0.20, 0.19, 0.1076])
    foot = next(shape for shape in shapes if shape.link == "front_left_foot_link")
    assert (foot.ball, foot.disc, foot.radius) == (0.0205, 0.0, 0.0205)


def test_extents_by_hand() -> None:
    box = Shape("a", np.array([1.0, 0.0, 0.0]), np.eye(3), np.array([0.1, 0.2, 0.3]))
    assert box.radius == pytest.approx(math.sqrt(0.01 + 0.04 + 0.09))
    corners = box.corners()
    assert corners.shape == (8, 3)
    np.testing.assert_allclose([corners.min(axis=0), corners.max(axis=0)], [[0.9, -0.2, -0.3], [1.1, 0.2, 0.3]])
    cylinder = Shape("b", np.zeros(3), np.eye(3), np.array([0.0, 0.0, 0.4]), disc=0.3)
    assert cylinder.radius == pytest.approx(0.5)


def test_a_mesh_is_refused_with_a_remedy() -> None:
    mesh = changed('<box size="0.20 0.19 0.1076"/>', '<mesh filename="package://xdog/trunk.stl"/>')
    with pytest.raises(DescriptionError, match="a collision shape of base_link is a mesh; the arm"):
        collision_shapes(robot_from(mesh))
