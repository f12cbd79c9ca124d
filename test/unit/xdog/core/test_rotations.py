"""Rotations by hand: matrices, quaternions, angles, and where gravity points."""

import math
from typing import Tuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.core.rotations import (
    euler_angles,
    euler_quaternion,
    projected_gravity,
    quaternion_matrix,
    rotation_matrix,
    tilt_angle,
    yaw_angle,
)

Quaternion = Tuple[float, float, float, float]
ANGLE = st.floats(-3.0, 3.0)
PITCH = st.floats(-1.5, 1.5)


def test_a_quarter_turn_about_each_axis() -> None:
    quarter = math.pi / 2.0
    np.testing.assert_allclose(rotation_matrix(quarter, 0.0, 0.0) @ [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(rotation_matrix(0.0, quarter, 0.0) @ [0.0, 0.0, 1.0], [1.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(rotation_matrix(0.0, 0.0, quarter) @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-12)


@given(ANGLE, PITCH, ANGLE)
def test_angles_matrices_and_quaternions_agree(roll: float, pitch: float, yaw: float) -> None:
    matrix, quaternion = rotation_matrix(roll, pitch, yaw), euler_quaternion(roll, pitch, yaw)
    np.testing.assert_allclose(quaternion_matrix(3.0 * quaternion), matrix, atol=1e-9)
    np.testing.assert_allclose(euler_angles(matrix), (roll, pitch, yaw), atol=1e-6)
    np.testing.assert_allclose(projected_gravity(quaternion[None], np)[0], -matrix[2], atol=1e-9)
    assert float(tilt_angle(quaternion)) == pytest.approx(math.acos(max(-1.0, min(1.0, matrix[2, 2]))), abs=1e-6)
    assert float(yaw_angle(quaternion)) == pytest.approx(yaw, abs=1e-6)


def test_a_quaternion_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="has no length"):
        quaternion_matrix(np.zeros(4))


@pytest.mark.parametrize(
    ("quaternion", "angle"),
    [
        ((0.0, 0.0, 0.0, 1.0), 0.0),
        ((0.0, 0.0, math.sqrt(0.5), math.sqrt(0.5)), 0.0),  # a quarter turn on the spot
        ((math.sqrt(0.5), 0.0, 0.0, math.sqrt(0.5)), math.pi / 2),  # on its side
        ((0.0, 1.0, 0.0, 0.0), math.pi),  # on its back
        ((0.5, 0.5, 0.5, 0.5), math.pi / 2),  # z points along the world's x
    ],
)
def test_tilt_angle(quaternion: Quaternion, angle: float) -> None:
    assert float(tilt_angle(quaternion)) == pytest.approx(angle, abs=1e-7)


def test_the_tilt_without_a_unit_quaternion_is_nan() -> None:
    angles = tilt_angle(np.array([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0], [math.nan, 0.0, 0.0, 1.0], [0, 0, 0, 1]]))
    assert np.isnan(angles).tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("quaternion", "gravity"),
    [
        ([0.0, 0.0, 0.0, 1.0], [0.0, 0.0, -1.0]),
        ([math.sin(0.15), 0.0, 0.0, math.cos(0.15)], [0.0, -math.sin(0.3), -math.cos(0.3)]),  # left side up
        ([0.0, math.sin(0.15), 0.0, math.cos(0.15)], [math.sin(0.3), 0.0, -math.cos(0.3)]),  # nose down
        ([0.0, 0.0, math.sin(0.7), math.cos(0.7)], [0.0, 0.0, -1.0]),  # heading doesn't matter
        ([1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0]),  # on its back
    ],
)
def test_gravity_by_hand(quaternion: "list[float]", gravity: "list[float]") -> None:
    np.testing.assert_allclose(projected_gravity(np.array([quaternion]), np)[0], gravity, atol=1e-12)


def test_yaw_by_hand() -> None:
    half = math.sin(0.25)
    turned = np.array([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, half, math.cos(0.25)], [0.0, 0.0, -half, math.cos(0.25)]])
    assert yaw_angle(turned) == pytest.approx([0.0, 0.5, -0.5])
