"""Rotations: fixed-axis angles, quaternions in x, y, z, w order, and gravity."""

import math
from typing import Any, Sequence, Tuple, Union

import numpy as np

Array = np.ndarray

GRAVITY = 9.81
"""Acceleration of gravity, m/s^2, MuJoCo's default."""


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
        ValueError: the quaternion has no length.
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


def projected_gravity(orientation: Any, xp: Any) -> Any:
    """Direction of gravity in the body frame, (n, 3), from unit quaternions (n, 4).

    Args:
        orientation: of the body.
        xp: the quaternions' array library, numpy or torch.
    """
    x, y, z, w = orientation[:, 0], orientation[:, 1], orientation[:, 2], orientation[:, 3]
    return xp.stack([2.0 * (w * y - x * z), -2.0 * (y * z + w * x), 2.0 * (x * x + y * y) - 1.0], -1)


def tilt_angle(orientation: Union[Array, Sequence[float]]) -> Array:
    """Angle between a frame's z axis and the world's, rad (...,), of quaternions (..., 4); NaN without unit length."""
    x, y, z, w = np.moveaxis(np.asarray(orientation, dtype=float), -1, 0)
    square = x * x + y * y + z * z + w * w
    unit = (square > 0.9) & (square < 1.1)
    cosine = 1.0 - 2.0 * (x * x + y * y) / np.where(unit, square, np.nan)
    angle: Array = np.arccos(np.clip(cosine, -1.0, 1.0))
    return angle


def yaw_angle(orientation: Array) -> Array:
    """Heading, rad (...,), of unit quaternions (..., 4)."""
    x, y, z, w = np.moveaxis(np.asarray(orientation, dtype=float), -1, 0)
    angle: Array = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    return angle
