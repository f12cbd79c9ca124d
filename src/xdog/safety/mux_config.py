"""The figures of the velocity mux, read from launch/config/mux.yaml and checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Optional

from xdog.core.config_file import ConfigFile, fill
from xdog.core.paths import share_path
from xdog.safety.config import SafetyConfigError, load_safety_config


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

    timeout: float
    heartbeat_timeout: float
    priorities: Mapping[str, int]
    limits: Planar
    acceleration: Planar


@dataclass(frozen=True)
class _Timeouts:
    timeout: float


def load_mux_config(path: Optional[Path] = None) -> MuxConfig:
    """The mux's figures, from launch/config/mux.yaml unless told otherwise.

    Raises:
        SafetyConfigError: the file is malformed; the message names the entry.
        OSError: it cannot be read.
    """
    path = path or share_path("launch", "config", "mux.yaml")
    file = ConfigFile(path, SafetyConfigError)
    content, where = file.content, file.where
    limits, acceleration = file.section(Planar, "limits"), file.section(Planar, "acceleration")
    priorities = content.get("priorities")
    if not isinstance(priorities, dict) or not priorities:
        raise SafetyConfigError(f"{where}: section 'priorities' is missing or no mapping")
    for source, priority in priorities.items():
        if not isinstance(source, str) or isinstance(priority, bool) or not isinstance(priority, int):
            raise SafetyConfigError(f"{where}: priorities.{source} is {priority!r}; it must be a whole number")
    if len(set(priorities.values())) < len(priorities):
        raise SafetyConfigError(f"{where}: two sources have the same priority")
    rest = {key: value for key, value in content.items() if key not in ("limits", "acceleration", "priorities")}
    times = fill(_Timeouts, rest, f"{where}: the file", SafetyConfigError)
    heartbeat_timeout = load_safety_config().listeners.heartbeat_timeout
    return MuxConfig(times.timeout, heartbeat_timeout, dict(priorities), limits, acceleration)
