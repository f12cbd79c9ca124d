"""The simulated hardware's settings: sim/hardware.yaml."""

import dataclasses
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Optional

from xdog.core.config_file import NOT_NEGATIVE, SHARE, between, load, numbers
from xdog.core.paths import share_path


@numbers(NOT_NEGATIVE)
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


@numbers(NOT_NEGATIVE)
@dataclass(frozen=True)
class ImuConfig:
    """The IMU. delay in s, gyro in rad/s, accelerometer in m/s^2, orientation in rad."""

    delay: float
    gyro_noise: float
    gyro_bias: float
    accelerometer_noise: float
    orientation_noise: float


@numbers(NOT_NEGATIVE)
@dataclass(frozen=True)
class SimArmConfig:
    """The arm's servos; kp in Nm/rad, kv in Nm s/rad, armature in kg m^2, acceleration in rad/s^2, angles in rad."""

    kp: float
    kv: float
    armature: float
    gripper_torque: float = field(metadata=SHARE)
    acceleration: float
    backlash: float
    encoder_step: float


@numbers(NOT_NEGATIVE)
@dataclass(frozen=True)
class BatteryConfig:
    """The load on the battery: ohm, W, W per (Nm)^2, s."""

    internal_resistance: float
    electronics: float
    copper_loss: float
    first_reading: float


@dataclass(frozen=True)
class SimConfig:
    """Content of hardware.yaml. physics_step in s."""

    physics_step: float = field(metadata=between(1e-4, 5e-3))  # the actuators need it
    legs: LegsConfig
    imu: ImuConfig
    arm: SimArmConfig
    battery: BatteryConfig

    def perfect(self) -> "SimConfig":
        """The same robot without imperfections: no delay, noise, offset, backlash, ramp or voltage sag; limits stay."""
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


@lru_cache(maxsize=None)
def load_sim_config(path: Optional[Path] = None) -> SimConfig:
    """The settings of sim/hardware.yaml, or of another file of the same form; raises what `load` raises."""
    return load(SimConfig, path or share_path("sim", "hardware.yaml"))
