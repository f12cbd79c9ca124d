"""Rotations: fixed-axis angles and quaternions in x, y, z, w order."""

import math
from typing import Tuple

import numpy as np

Array = np.ndarray


def rotation_matrix(roll: float, pitch: float, yaw: float) -> Array:
    """Rotation (3, 3) from the turned frame to the fixed one, fixed-axis angles in rad (the URDF's rpy)."""
    cr, sr, cp, sp, cy, sy = (f(a) for a in (roll, pitch, yaw) for f in (math.cos, math.sin))
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def quaternion_matrix(quaternion: Array) -> Array:
    """Rotation (3, 3) from the turned frame to the fixed one, of a quaternion (4,), normalised here.

    Raises:
        ValueError: a quaternion without length.
    """
    length = float(np.linalg.norm(quaternion))
    if not length > 1e-6:
        raise ValueError(f"the quaternion {np.asarray(quaternion).tolist()} has no length")
    x, y, z, w = np.asarray(quaternion, dtype=float) / length
    return np.array(
        [
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
            [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
            [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
        ]
    )


def euler_angles(rotation: Array) -> Tuple[float, float, float]:
    """Roll, pitch and yaw (fixed-axis, rad) of a rotation (3, 3)."""
    pitch = math.asin(min(max(-rotation[2, 0], -1.0), 1.0))
    return math.atan2(rotation[2, 1], rotation[2, 2]), pitch, math.atan2(rotation[1, 0], rotation[0, 0])


def euler_quaternion(roll: float, pitch: float, yaw: float) -> Array:
    """Quaternion (4,) of fixed-axis angles in rad."""
    cr, sr, cp, sp, cy, sy = (f(0.5 * a) for a in (roll, pitch, yaw) for f in (math.cos, math.sin))
    return np.array(
        [
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
            cr * cp * cy + sr * sp * sy,
        ]
    )
