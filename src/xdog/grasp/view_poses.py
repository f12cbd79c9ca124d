"""Arm poses in which a grasp by the wrist camera begins."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np

from xdog.core.config_file import ConfigError, parse, read
from xdog.core.paths import share_path
from xdog.grasp.config import ArmPose

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


@dataclass(frozen=True)
class _Camera:
    look_low: ArmPose
    look_high: ArmPose
    high: float


def load_view_poses(path: Optional[Path] = None) -> ViewPoses:
    """The poses of sim/grasp_scenarios.yaml: policies begin where they have learned to.

    Raises:
        ConfigError: the file is malformed; the message names it.
        OSError: it cannot be read.
    """
    path = path or share_path("sim", "grasp_scenarios.yaml")
    content = read(path)
    if not isinstance(content, dict) or not isinstance(content.get("camera"), dict):
        raise ConfigError(f"{path}: camera is missing or no mapping")
    names = [name for name in content["camera"] if name in ("look_low", "look_high", "high")]
    camera = parse(_Camera, {name: content["camera"][name] for name in names}, f"{path}: camera")
    return ViewPoses(np.array(camera.look_low), np.array(camera.look_high), camera.high)
