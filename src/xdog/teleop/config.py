"""The settings of keyboard teleop: launch/config/teleop.yaml."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from xdog.core.config_file import POSITIVE, load, numbers
from xdog.core.paths import share_path


@numbers(POSITIVE)
@dataclass(frozen=True)
class ScaleConfig:
    """Shares of the mux's velocity limits: at the start, what one key press adds, and the smallest."""

    start: float
    step: float
    smallest: float

    def __post_init__(self) -> None:
        if not self.smallest <= self.start <= 1.0:
            raise ValueError(f"start is {self.start:g}; it must be from smallest, {self.smallest:g}, to 1")


@numbers(POSITIVE)
@dataclass(frozen=True)
class HoldConfig:
    """How the release of a key is recognised, s."""

    initial: float
    repeating: float
    zeros: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class ArmTeleopConfig:
    """linear in m/s, angular, gripper and align in rad/s, nudge in s, lead in rad."""

    linear: float
    angular: float
    gripper: float
    align: float
    nudge: float
    lead: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class TeleopConfig:
    """All of teleop.yaml: rate in Hz, service_timeout in s."""

    scale: ScaleConfig
    hold: HoldConfig
    rate: float
    service_timeout: float
    arm: ArmTeleopConfig


def load_teleop_config(path: Optional[Path] = None) -> TeleopConfig:
    """The settings of launch/config/teleop.yaml, or of another file of the same form; raises what `load` raises."""
    return load(TeleopConfig, path or share_path("launch", "config", "teleop.yaml"))
