"""Checks that a dataset holds radians of this arm at the rate of its policies; LeRobot records degrees."""

import math

import numpy as np

from xdog.core.description import load_description
from xdog_learning.dataset.layout import DatasetError
from xdog_sim.grasp.config import load_grasp_scenarios

Array = np.ndarray

TOLERANCE = 0.1
"""rad by which an angle may exceed its joint's range. Calibrations of one arm differ by some degrees (the SO101's elbow
in MuJoCo Menagerie is corrected by 5, 0.087 rad); angles in degrees or percent lie far beyond."""


class UnitsError(DatasetError):
    """Numbers are in other units or at another rate than XDog's."""


def policy_rate() -> int:
    """Frames per second of demonstrations and policies, from policy_period in sim/grasp_scenarios.yaml."""
    return round(1.0 / load_grasp_scenarios().policy_period)


def check_rate(fps: int, where: str) -> None:
    """Check that frames are one policy period apart; ``where`` names the file in messages.

    Raises:
        UnitsError: they are not.
    """
    rate = policy_rate()
    if fps != rate:
        raise UnitsError(
            f"{where}: {fps} frames a second, but policies run at {rate} (policy_period in sim/grasp_scenarios.yaml). "
            f"Resample the episodes to {rate}"
        )


def check_angles(angles: Array, feature: str, where: str) -> None:
    """Check that joint angles lie within their joints' ranges.

    Args:
        angles: (N, 6), expected in rad.
        feature: name of the angles in messages.
        where: names the file in messages.

    Raises:
        UnitsError: they are not radians of this arm.
    """
    arm = load_description().arm
    beyond = np.maximum(arm.lower - angles, angles - arm.upper)
    row, joint = np.unravel_index(int(beyond.argmax()), beyond.shape)
    if beyond[row, joint] <= TOLERANCE:
        return
    low, high, name = arm.lower[joint], arm.upper[joint], arm.names[joint]
    if np.abs(angles).max() > 2.0 * math.pi:
        remedy = (
            "These seem to be degrees or percent, as LeRobot records an SO101. Convert them to radians: degrees times "
            "pi / 180, percent of -100 to 100 times the joint's limit / 100; the gripper's 0 to 100 to "
            f"{arm.lower[5]:.4g} to {arm.upper[5]:.4g} rad"
        )
    else:
        remedy = (
            "If the arm was there, calibrate it again with ./xdog arm calibrate, and leave this episode out "
            "(lerobot-edit-dataset --operation.type delete_episodes)"
        )
    raise UnitsError(
        f"{where}: {feature} of {name} is {angles[row, joint]:.4g} in frame {row}; the joint moves from {low:.4g} to "
        f"{high:.4g} rad. {remedy}"
    )
