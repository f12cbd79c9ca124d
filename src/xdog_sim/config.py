"""The mirror's figures, read from sim/hardware.yaml and checked."""

import dataclasses
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Type, TypeVar

from xdog.core.config_file import ConfigFile, is_number
from xdog.core.paths import share_path

Section = TypeVar("Section")


class SimConfigError(ValueError):
    """A figure of hardware.yaml is missing, unknown or senseless. The message names file and entry."""


@dataclass(frozen=True)
class LegsConfig:
    """The leg actuators. Speeds in rad/s, times in s, angles in rad, noises as standard deviations."""

    corner_speed: float
    ramp: float
    command_delay: float
    encoder_offset: float
    position_noise: float
    velocity_noise: float
    effort_noise: float
    temperature: float
    contact_force: float


@dataclass(frozen=True)
class ImuConfig:
    """The IMU. delay in s, gyro in rad/s, accelerometer in m/s^2, orientation in rad."""

    delay: float
    gyro_noise: float
    gyro_bias: float
    accelerometer_noise: float
    orientation_noise: float


@dataclass(frozen=True)
class SimArmConfig:
    """The arm's servos; kp in Nm/rad, kv in Nm s/rad, armature in kg m^2, acceleration in rad/s^2, angles in rad."""

    kp: float
    kv: float
    armature: float
    gripper_torque: float
    acceleration: float
    backlash: float
    encoder_step: float


@dataclass(frozen=True)
class BatteryConfig:
    """What drains the battery: ohm, W, W per (Nm)^2, s."""

    internal_resistance: float
    electronics: float
    copper_loss: float
    first_reading: float


@dataclass(frozen=True)
class SimConfig:
    """All of hardware.yaml. physics_step in s."""

    physics_step: float
    legs: LegsConfig
    imu: ImuConfig
    arm: SimArmConfig
    battery: BatteryConfig

    def perfect(self) -> "SimConfig":
        """The same robot without flaws: no delay, noise, offset, backlash, ramp or voltage sag; limits stay."""
        legs = dict.fromkeys(
            ("ramp", "command_delay", "encoder_offset", "position_noise", "velocity_noise", "effort_noise"), 0.0
        )
        return dataclasses.replace(
            self,
            legs=dataclasses.replace(self.legs, **legs),
            imu=ImuConfig(0.0, 0.0, 0.0, 0.0, 0.0),
            arm=dataclasses.replace(self.arm, backlash=0.0, encoder_step=0.0),
            battery=dataclasses.replace(self.battery, internal_resistance=0.0, first_reading=0.0),
        )


def _section(kind: Type[Section], content: Mapping[str, Any], name: str, where: str) -> Section:
    section = content[name]
    if not isinstance(section, dict):
        raise SimConfigError(f"{where}: section '{name}' is no mapping")
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a TypeVar cannot say: a dataclass
    _check_keys(known, section, f"{where}: {name}")
    return kind(**{key: _number(value, f"{where}: {name}.{key}") for key, value in section.items()})


def _check_keys(known: set, got: Mapping[str, Any], where: str) -> None:
    missing, unknown = sorted(known - set(got)), sorted(set(got) - known)
    problems = [f"missing {', '.join(missing)}"] * bool(missing) + [f"unknown {', '.join(map(str, unknown))}"] * bool(
        unknown
    )
    if problems:
        raise SimConfigError(f"{where} must hold exactly {', '.join(sorted(known))}: {'; '.join(problems)}")


def _number(value: Any, where: str) -> float:
    if not is_number(value) or value < 0.0:
        raise SimConfigError(f"{where} is {value!r}; it must be a number, zero or above")
    return float(value)


def parse_sim_config(content: Mapping[str, Any], where: str = "hardware.yaml") -> SimConfig:
    """Build the configuration from the parsed YAML; ``where`` names the file in messages.

    Raises:
        MirrorConfigError: an entry is missing, unknown, or not a number of zero or above.
    """
    kinds: Dict[str, Any] = {"legs": LegsConfig, "imu": ImuConfig, "arm": SimArmConfig, "battery": BatteryConfig}
    _check_keys({"physics_step", *kinds}, content, where)
    step = _number(content["physics_step"], f"{where}: physics_step")
    if not 1e-4 <= step <= 5e-3:
        raise SimConfigError(f"{where}: physics_step is {step} s; the actuators need 0.0001 to 0.005 s")
    return SimConfig(step, **{name: _section(kind, content, name, where) for name, kind in kinds.items()})


@lru_cache(maxsize=None)
def load_sim_config(path: Optional[Path] = None) -> SimConfig:
    """The mirror's figures, from sim/hardware.yaml unless told otherwise.

    Raises:
        MirrorConfigError: the file is malformed; the message names the entry.
        OSError: it cannot be read.
    """
    path = path or share_path("sim", "hardware.yaml")
    file = ConfigFile(path, SimConfigError)
    return parse_sim_config(file.content, file.where)
