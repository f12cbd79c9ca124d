"""The figures of the safety layers, read from launch/config/safety.yaml and checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from xdog.core.config_file import ConfigFile
from xdog.core.paths import share_path


class SafetyConfigError(ValueError):
    """A safety figure is missing, unknown or not a number above zero. The message names file and entry."""


@dataclass(frozen=True)
class GateConfig:
    """Limits of the leg gate: times in s, max_target_rate in rad/s."""

    heartbeat_timeout: float
    command_timeout: float
    max_target_rate: float


@dataclass(frozen=True)
class ArmGateConfig:
    """Limits of the arm gate: max_rate in rad/s, the others in s."""

    max_rate: float
    pause: float
    hold: float
    relax: float


@dataclass(frozen=True)
class ListenerConfig:
    """Ages, s, from which states allow nothing to those who act on them, besides the gates."""

    heartbeat_timeout: float
    state_timeout: float


@dataclass(frozen=True)
class SupervisorConfig:
    """When the supervisor warns and stops: s, rad, degrees Celsius, V for each cell, rad/s; see safety.yaml."""

    state_timeout: float
    imu_timeout: float
    tilt_warn: float
    tilt_damp: float
    tilt_time: float
    temperature_warn: float
    temperature_damp: float
    cell_voltage_warn: float
    cell_voltage_damp: float
    battery_time: float
    battery_silence: float
    command_gap: float
    warning_hold: float
    still_velocity: float
    invalid_quiet: float
    neutral_timeout: float


@dataclass(frozen=True)
class SafetyConfig:
    """All of safety.yaml."""

    gate: GateConfig
    arm_gate: ArmGateConfig
    listeners: ListenerConfig
    supervisor: SupervisorConfig


def load_safety_config(path: Optional[Path] = None) -> SafetyConfig:
    """The safety figures, from launch/config/safety.yaml unless told otherwise.

    Raises:
        SafetyConfigError: the file is malformed; the message names the entry.
        OSError: it cannot be read.
    """
    path = path or share_path("launch", "config", "safety.yaml")
    config = ConfigFile(path, SafetyConfigError).sections(SafetyConfig)
    supervisor = config.supervisor
    for earlier, later, ordered in (
        ("tilt_warn", "tilt_damp", supervisor.tilt_warn < supervisor.tilt_damp),
        ("temperature_warn", "temperature_damp", supervisor.temperature_warn < supervisor.temperature_damp),
        ("cell_voltage_warn", "cell_voltage_damp", supervisor.cell_voltage_warn > supervisor.cell_voltage_damp),
    ):
        if not ordered:
            raise SafetyConfigError(f"{path}: supervisor.{earlier} would come after supervisor.{later}")
    return config
