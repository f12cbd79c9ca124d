"""The figures of picking up an object, read from launch/config/pick.yaml and checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional

import numpy as np

from xdog.core.config_file import ConfigFile
from xdog.core.paths import share_path
from xdog.safety.config import SafetyConfigError

Array = np.ndarray


@dataclass(frozen=True)
class ViewConfig:
    """time, fresh in s, gate in m, sightings: a number of them."""

    time: float
    fresh: float
    gate: float
    sightings: float


@dataclass(frozen=True)
class PickStanceConfig:
    """height in m, angle in rad, rest and time in s."""

    height: float
    angle: float
    rest: float
    time: float


@dataclass(frozen=True)
class ApproachConfig:
    """speed in rad/s, behind in rad, follow, time, lost and empty in s, near in m."""

    speed: float
    behind: float
    follow: float
    time: float
    near: float
    lost: float
    empty: float


@dataclass(frozen=True)
class GripConfig:
    """open and gap in m, effort in Nm."""

    open: float
    gap: float
    effort: float


@dataclass(frozen=True)
class LiftConfig:
    """height and slip in m, hold in s."""

    height: float
    hold: float
    slip: float


@dataclass(frozen=True)
class HandOverConfig:
    """pull in Nm, settle, time, patience and release in s."""

    pull: float
    settle: float
    time: float
    patience: float
    release: float


@dataclass(frozen=True, eq=False)
class PosesConfig:
    """Arm poses with an object in the gripper: the five joints before the gripper, rad, (5,)."""

    carry: Array
    hand_over: Array


@dataclass(frozen=True)
class PickConfig:
    """All of pick.yaml; attempts: how often an object is tried for."""

    looking: ViewConfig
    stance: PickStanceConfig
    approach: ApproachConfig
    grip: GripConfig
    lift: LiftConfig
    hand_over: HandOverConfig
    poses: PosesConfig
    attempts: int


def _pose(content: Mapping[str, Any], name: str, where: str) -> Array:
    values = (content.get("poses") or {}).get(name)
    try:
        pose = np.array(values, dtype=float)
    except (TypeError, ValueError):
        pose = np.zeros(0)
    if pose.shape != (5,) or not np.isfinite(pose).all():
        raise SafetyConfigError(f"{where}: poses.{name} is {values!r}; it must be five angles in rad")
    return pose


def load_pick_config(path: Optional[Path] = None) -> PickConfig:
    """The figures, from launch/config/pick.yaml unless told otherwise.

    Raises:
        SafetyConfigError: the file is malformed; the message names file and entry.
        OSError: it cannot be read.
    """
    path = path or share_path("launch", "config", "pick.yaml")
    file = ConfigFile(path, SafetyConfigError)
    content, where = file.content, file.where
    attempts = content.get("attempts")
    if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
        raise SafetyConfigError(f"{where}: attempts is {attempts!r}; it must be a whole number above zero")
    poses = PosesConfig(*(_pose(content, name, where) for name in ("carry", "hand_over")))
    return file.sections(PickConfig, poses=poses, attempts=attempts)
