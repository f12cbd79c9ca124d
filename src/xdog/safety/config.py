"""The settings of the safety layers: launch/config/safety.yaml."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from xdog.core.config_file import POSITIVE, between, load, numbers
from xdog.core.paths import share_path

WATCHDOG = between(0.001, 1.0)
"""s. A longer one, for example of 150 because somebody meant milliseconds, would not watch anything."""


@numbers(POSITIVE)
@dataclass(frozen=True)
class GateConfig:
    """Limits of the leg gate: times in s, max_target_rate in rad/s."""

    heartbeat_timeout: float = field(metadata=WATCHDOG)
    command_timeout: float = field(metadata=WATCHDOG)
    max_target_rate: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class ArmGateConfig:
    """Limits of the arm gate: max_rate in rad/s, the others in s."""

    max_rate: float
    pause: float
    hold: float
    relax: float


@numbers(WATCHDOG)
@dataclass(frozen=True)
class ListenerConfig:
    """Ages, s, above which listeners other than the gates no longer act on a state."""

    heartbeat_timeout: float
    state_timeout: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class SupervisorConfig:
    """When the supervisor warns and stops: s, rad, degrees Celsius, V for each cell, rad/s; see safety.yaml."""

    state_timeout: float = field(metadata=WATCHDOG)
    imu_timeout: float = field(metadata=WATCHDOG)
    tilt_warn: float
    tilt_damp: float = field(metadata=between(0.1, 1.5))
    tilt_time: float = field(metadata=WATCHDOG)
    temperature_warn: float
    temperature_damp: float = field(metadata=between(30.0, 100.0))
    cell_voltage_warn: float
    cell_voltage_damp: float = field(metadata=between(2.5, 4.2))  # of a lithium cell
    battery_time: float
    battery_silence: float
    command_gap: float
    warning_hold: float
    still_velocity: float
    invalid_quiet: float
    neutral_timeout: float = field(metadata=WATCHDOG)

    def __post_init__(self) -> None:
        if self.tilt_warn >= self.tilt_damp:
            raise ValueError("tilt_warn would come after tilt_damp: it must be below")
        if self.temperature_warn >= self.temperature_damp:
            raise ValueError("temperature_warn would come after temperature_damp: it must be below")
        if self.cell_voltage_warn <= self.cell_voltage_damp:
            raise ValueError("cell_voltage_warn would come after cell_voltage_damp: it must be above")


@dataclass(frozen=True)
class SafetyConfig:
    """All of safety.yaml."""

    gate: GateConfig
    arm_gate: ArmGateConfig
    listeners: ListenerConfig
    supervisor: SupervisorConfig


def load_safety_config(path: Optional[Path] = None) -> SafetyConfig:
    """The settings of launch/config/safety.yaml, or of another file of the same form; raises what `load` raises."""
    return load(SafetyConfig, path or share_path("launch", "config", "safety.yaml"))
