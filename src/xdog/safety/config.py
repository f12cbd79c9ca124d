"""The figures of the safety layers, read from launch/config/safety.yaml and checked."""

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Type, TypeVar

import yaml

from xdog.paths import share_path

Section = TypeVar("Section")


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
    supervisor: SupervisorConfig


def read_mapping(path: Path) -> Dict[str, Any]:
    """A YAML file that holds a mapping.

    Raises:
        SafetyConfigError: the file is not YAML or holds no mapping.
        OSError: it cannot be read.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SafetyConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise SafetyConfigError(f"{path}: expected a mapping at the top")
    return content


def parse_section(kind: Type[Section], content: Mapping[str, Any], name: str, where: str) -> Section:
    """Fill a dataclass of positive numbers from one section of a YAML file.

    Raises:
        SafetyConfigError: an entry is missing, unknown, or not a finite number above zero.
    """
    section = content.get(name)
    if not isinstance(section, dict):
        raise SafetyConfigError(f"{where}: section '{name}' is missing or no mapping")
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a TypeVar cannot say: a dataclass
    wrong = sorted(known.symmetric_difference(section))
    if wrong:
        raise SafetyConfigError(
            f"{where}: {name} must hold exactly {', '.join(sorted(known))}; check {', '.join(wrong)}"
        )
    for key, value in section.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
            raise SafetyConfigError(f"{where}: {name}.{key} is {value!r}; it must be a number above zero")
    return kind(**{key: float(value) for key, value in section.items()})


def load_safety_config(path: Optional[Path] = None) -> SafetyConfig:
    """The safety figures, from launch/config/safety.yaml unless told otherwise.

    Raises:
        SafetyConfigError: the file is malformed; the message names the entry.
        OSError: it cannot be read.
    """
    path = path or share_path("launch", "config", "safety.yaml")
    content = read_mapping(path)
    gate = parse_section(GateConfig, content, "gate", str(path))
    arm_gate = parse_section(ArmGateConfig, content, "arm_gate", str(path))
    supervisor = parse_section(SupervisorConfig, content, "supervisor", str(path))
    for earlier, later, ordered in (
        ("tilt_warn", "tilt_damp", supervisor.tilt_warn < supervisor.tilt_damp),
        ("temperature_warn", "temperature_damp", supervisor.temperature_warn < supervisor.temperature_damp),
        ("cell_voltage_warn", "cell_voltage_damp", supervisor.cell_voltage_warn > supervisor.cell_voltage_damp),
    ):
        if not ordered:
            raise SafetyConfigError(f"{path}: supervisor.{earlier} would come after supervisor.{later}")
    return SafetyConfig(gate, arm_gate, supervisor)
