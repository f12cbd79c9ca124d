"""The settings of keyboard teleop, from launch/config/teleop.yaml."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import yaml

from xdog.core.paths import share_path


class TeleopConfigError(ValueError):
    """teleop.yaml is malformed; the message names the file and the entry."""


@dataclass(frozen=True)
class TeleopConfig:
    """Speeds in m/s and rad/s, times in s, rate in Hz; teleop.yaml explains each."""

    forward: float
    sideways: float
    turn: float
    scale_start: float
    scale_step: float
    scale_smallest: float
    hold_initial: float
    hold_repeating: float
    zeros: float
    rate: float
    service_timeout: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not math.isfinite(value) or value <= 0.0:
                raise TeleopConfigError(f"{name} is {value}, it must be a positive number")
        if not self.scale_smallest <= self.scale_start <= 1.0:
            raise TeleopConfigError(f"scale start {self.scale_start} is not between {self.scale_smallest} and 1")


def load_teleop_config(path: Optional[Path] = None) -> TeleopConfig:
    """Read the settings, from launch/config/teleop.yaml unless told otherwise.

    Raises:
        TeleopConfigError: the file is malformed or a value makes no sense.
        OSError: the file cannot be read.
    """
    path = path or share_path("launch", "config", "teleop.yaml")
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        speed, scale, hold = raw["speed"], raw["scale"], raw["hold"]
        return TeleopConfig(
            forward=float(speed["forward"]),
            sideways=float(speed["sideways"]),
            turn=float(speed["turn"]),
            scale_start=float(scale["start"]),
            scale_step=float(scale["step"]),
            scale_smallest=float(scale["smallest"]),
            hold_initial=float(hold["initial"]),
            hold_repeating=float(hold["repeating"]),
            zeros=float(hold["zeros"]),
            rate=float(raw["rate"]),
            service_timeout=float(raw["service_timeout"]),
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        detail = f"entry {error} is missing" if isinstance(error, KeyError) else str(error)
        raise TeleopConfigError(f"{path}: {detail}. Mend it, or take the file of the repository.") from error
