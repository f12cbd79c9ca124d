"""Arm poses in which a grasp by the wrist camera begins."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np

from xdog.core.config_file import ConfigFile
from xdog.core.paths import share_path
from xdog.safety.config import SafetyConfigError

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class ViewPoses:
    """Two poses of the five joints before the gripper, (5,) rad.

    Attributes:
        low: looks at what lies on the ground or a table.
        high: looks at what stands more than
        above: m over the arm's base.
    """

    low: Array
    high: Array
    above: float

    def pose(self, height: float) -> Array:
        """The one (5,) that has an object in view whose middle is ``height`` m over the arm's base."""
        return self.high if height > self.above else self.low


def load_view_poses(path: Optional[Path] = None) -> ViewPoses:
    """The poses of sim/grasp_scenarios.yaml: policies begin where they have learned to.

    Raises:
        SafetyConfigError: the file is malformed; the message names it.
        OSError: it cannot be read.
    """
    path = path or share_path("sim", "grasp_scenarios.yaml")
    content = ConfigFile(path, SafetyConfigError).content
    try:
        camera = content["camera"]
        low, high = (np.array([float(angle) for angle in camera[name]]) for name in ("look_low", "look_high"))
        looks = ViewPoses(low, high, float(camera["high"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SafetyConfigError(f"{path}: camera must give look_low, look_high and high: {error}") from error
    if low.shape != (5,) or high.shape != (5,):
        raise SafetyConfigError(f"{path}: camera's look_low and look_high must be five angles each")
    return looks
