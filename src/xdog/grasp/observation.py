"""The numbers by which a grasp policy knows its object: one function for training and for the robot."""

import math
from typing import Tuple

import numpy as np

Array = np.ndarray

OBJECT_FEATURES: Tuple[str, ...] = (
    "centre_x",  # m, the middle of the object in arm_base_link
    "centre_y",
    "centre_z",
    "width",  # m, the larger horizontal extent of its bounding box
    "height",  # m, the vertical extent
    "gravity_x",  # unit vector of gravity in arm_base_link: the dog leans, the object does not
    "gravity_y",
    "gravity_z",
)
"""The object features, in order. There is no yaw: closing jaws turn a cube to their own direction."""

OBJECT_FEATURE_COUNT = len(OBJECT_FEATURES)


def object_features(centre: Array, size: Array, gravity: Array) -> Array:
    """Describe an object to a grasp policy.

    Args:
        centre: (3,) m, middle of the object's bounding box in arm_base_link.
        size: (3,) m, extents of the bounding box: two horizontal ones, then the height.
        gravity: (3,) direction of gravity in arm_base_link, as the IMU gives it; any length but zero.

    Returns:
        (8,) float32, the entries of OBJECT_FEATURES.

    Raises:
        ValueError: a wrong shape, a number that is not finite, an extent that is not positive, or no gravity.
    """
    parts = {
        "centre": np.asarray(centre, float),
        "size": np.asarray(size, float),
        "gravity": np.asarray(gravity, float),
    }
    for name, part in parts.items():
        if part.shape != (3,) or not np.isfinite(part).all():
            raise ValueError(f"object_features: {name} must be three finite numbers, got {part}")
    if np.any(parts["size"] <= 0.0):
        raise ValueError(f"object_features: every extent must be above zero, got {parts['size']} m")
    length = math.sqrt(float(parts["gravity"] @ parts["gravity"]))
    if length < 1e-6:
        raise ValueError("object_features: gravity has no direction")
    extents = [max(parts["size"][0], parts["size"][1]), parts["size"][2]]
    return np.concatenate([parts["centre"], extents, parts["gravity"] / length]).astype(np.float32)
