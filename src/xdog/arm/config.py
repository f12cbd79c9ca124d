"""The settings of moving the arm: launch/config/arm.yaml."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

import numpy as np

from xdog.arm.trajectory import Defaults
from xdog.core.config_file import POSITIVE, ConfigError, load, numbers
from xdog.core.description import RobotDescription
from xdog.core.paths import share_path
from xdog.safety.config import load_safety_config


@numbers(POSITIVE)
@dataclass(frozen=True)
class MotionConfig:
    """max_speed and move_speed in rad/s, max_acceleration in rad/s^2, margin in m, start_error in rad."""

    max_speed: float
    max_acceleration: float
    move_speed: float
    margin: float
    start_error: float

    def __post_init__(self) -> None:
        if self.move_speed > self.max_speed:
            raise ValueError("move_speed is above max_speed: lower it")


@numbers(POSITIVE)
@dataclass(frozen=True)
class StreamConfig:
    """Times in s."""

    timeout: float
    follow_time: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class GripperConfig:
    """Speeds in rad/s, tolerance and squeeze in rad, times in s, stall_torque in Nm."""

    speed: float
    tolerance: float
    stall_speed: float
    stall_time: float
    contact_time: float
    stall_torque: float
    squeeze: float


@dataclass(frozen=True)
class ArmConfig:
    """All of arm.yaml, and what the arm controller must respect of safety.yaml.

    Attributes:
        motion, tolerances, stream, gripper: see there.
        via: angles of lift, elbow and wrist flex, rad.
        pause: s of silence that the bridge's gate wants after a stop (safety.yaml).
        heartbeat_timeout: s, the gate's (safety.yaml).
    """

    motion: MotionConfig
    tolerances: Defaults
    stream: StreamConfig
    gripper: GripperConfig
    via: Tuple[Tuple[float, float, float], ...]
    pause: float
    heartbeat_timeout: float

    def __post_init__(self) -> None:
        if self.gripper.speed > self.motion.max_speed:
            raise ValueError("gripper.speed is above motion.max_speed: lower it")


def load_arm_config(robot: RobotDescription, path: Optional[Path] = None) -> ArmConfig:
    """The settings of launch/config/arm.yaml, or of another file of the same form.

    Raises:
        ConfigError: the file is malformed, or contradicts safety.yaml or the URDF.
        OSError: it cannot be read.
    """
    path, safety = path or share_path("launch", "config", "arm.yaml"), load_safety_config()
    timeout = safety.gate.heartbeat_timeout
    config = load(ArmConfig, path, pause=safety.arm_gate.pause, heartbeat_timeout=timeout)
    limit = min(safety.arm_gate.max_rate, float(robot.arm.velocity.min()))
    if config.motion.max_speed >= limit:
        raise ConfigError(
            f"{path}: motion.max_speed is {config.motion.max_speed:g}; it must be below {limit:g}, the lower one of "
            "arm_gate.max_rate in safety.yaml and the servos' speed in the URDF"
        )
    outside = (config.via < robot.arm.lower[1:4]) | (config.via > robot.arm.upper[1:4])
    if np.any(outside):
        row = int(np.nonzero(outside)[0][0])
        raise ConfigError(f"{path}: via[{row}] is {list(config.via[row])}; it must be within the joint limits")
    return config
