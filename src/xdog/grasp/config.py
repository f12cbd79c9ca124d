"""The settings of picking up an object: launch/config/pick.yaml."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Tuple

from xdog.core.config_file import POSITIVE, load, numbers
from xdog.core.paths import share_path

ArmPose = Tuple[float, float, float, float, float]
"""The five joints before the gripper, rad."""


@numbers(POSITIVE)
@dataclass(frozen=True)
class ViewConfig:
    """time, fresh in s, gate in m, sightings: a number of them."""

    time: float
    fresh: float
    gate: float
    sightings: int


@numbers(POSITIVE)
@dataclass(frozen=True)
class PickStanceConfig:
    """height in m, angle in rad, rest and time in s."""

    height: float
    angle: float
    rest: float
    time: float


@numbers(POSITIVE)
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


@numbers(POSITIVE)
@dataclass(frozen=True)
class GripConfig:
    """open and gap in m, effort in Nm."""

    open: float
    gap: float
    effort: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class LiftConfig:
    """height and slip in m, hold in s."""

    height: float
    hold: float
    slip: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class HandOverConfig:
    """pull in Nm, settle, time, patience and release in s."""

    pull: float
    settle: float
    time: float
    patience: float
    release: float


@dataclass(frozen=True)
class PosesConfig:
    """Arm poses with an object in the gripper."""

    carry: ArmPose
    hand_over: ArmPose


@dataclass(frozen=True)
class PickConfig:
    """All of pick.yaml; attempts: how often it tries to grasp an object."""

    looking: ViewConfig
    stance: PickStanceConfig
    approach: ApproachConfig
    grip: GripConfig
    lift: LiftConfig
    hand_over: HandOverConfig
    poses: PosesConfig
    attempts: int = field(metadata=POSITIVE)


def load_pick_config(path: Optional[Path] = None) -> PickConfig:
    """The settings of launch/config/pick.yaml, or of another file of the same form; raises what `load` raises."""
    return load(PickConfig, path or share_path("launch", "config", "pick.yaml"))
