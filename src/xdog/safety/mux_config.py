"""The settings of the velocity mux: launch/config/mux.yaml."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping, Optional

from xdog.core.config_file import POSITIVE, load, numbers
from xdog.core.paths import share_path
from xdog.safety.config import WATCHDOG, load_safety_config


@numbers(POSITIVE)
@dataclass(frozen=True)
class Planar:
    """One number for each direction of motion: vx, vy, wz. Units as in mux.yaml."""

    vx: float
    vy: float
    wz: float


@dataclass(frozen=True)
class MuxConfig:
    """All of mux.yaml: times in s, priorities by source, limits in m/s and rad/s, acceleration in m/s^2 and rad/s^2.

    ``heartbeat_timeout`` is that of the listeners in safety.yaml.
    """

    timeout: float = field(metadata=WATCHDOG)
    heartbeat_timeout: float
    priorities: Mapping[str, int]
    limits: Planar
    acceleration: Planar

    def __post_init__(self) -> None:
        if len(set(self.priorities.values())) < len(self.priorities):
            raise ValueError("two sources have the same priority: give each its own")


def load_mux_config(path: Optional[Path] = None) -> MuxConfig:
    """The settings of launch/config/mux.yaml, or of another file of the same form; raises what `load` raises."""
    timeout = load_safety_config().listeners.heartbeat_timeout
    return load(MuxConfig, path or share_path("launch", "config", "mux.yaml"), heartbeat_timeout=timeout)
