"""Rotations: numbers by hand, and that angles, quaternions and matrices say the same."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.core.rotations import euler_angles, euler_quaternion, quaternion_matrix, rotation_matrix


def test_rotations_by_hand() -> None:
    np.testing.assert_allclose(rotation_matrix(0.0, 0.0, math.pi / 2) @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(rotation_matrix(0.0, math.pi / 2, 0.0) @ [1.0, 0.0, 0.0], [0.0, 0.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(rotation_matrix(math.pi / 2, 0.0, 0.0) @ [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], atol=1e-12)
    with pytest.raises(ValueError, match="no length"):
        quaternion_matrix(np.zeros(4))


@given(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5), st.floats(-3.1, 3.1))
def test_angles_and_quaternions_say_the_same(roll: float, pitch: float, yaw: float) -> None:
    matrix = quaternion_matrix(2.0 * euler_quaternion(roll, pitch, yaw))
    np.testing.assert_allclose(matrix, rotation_matrix(roll, pitch, yaw), atol=1e-12)
    np.testing.assert_allclose(euler_angles(matrix), [roll, pitch, yaw], atol=1e-9)
