"""The figures of moving the arm, read from launch/config/arm.yaml and checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

import numpy as np

from xdog.arm.trajectory import Defaults
from xdog.core.config_file import ConfigFile
from xdog.core.description import RobotDescription
from xdog.core.paths import share_path
from xdog.safety.config import SafetyConfigError, load_safety_config

Array = np.ndarray


@dataclass(frozen=True)
class MotionConfig:
    """max_speed and move_speed in rad/s, max_acceleration in rad/s^2, margin in m, start_error in rad."""

    max_speed: float
    max_acceleration: float
    move_speed: float
    margin: float
    start_error: float


@dataclass(frozen=True)
class StreamConfig:
    """Times in s."""

    timeout: float
    follow_time: float


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


@dataclass(frozen=True, eq=False)
class ArmConfig:
    """All of arm.yaml.

    Attributes:
        motion, tolerances, stream, gripper: see there.
        via: angles of lift, elbow and wrist flex, (n, 3) rad.
        pause: s of silence that the bridge's gate wants after a stop (safety.yaml).
        heartbeat_timeout: s, the gate's (safety.yaml).
    """

    motion: MotionConfig
    tolerances: Defaults
    stream: StreamConfig
    gripper: GripperConfig
    via: Array
    pause: float
    heartbeat_timeout: float


def load_arm_config(robot: RobotDescription, path: Optional[Path] = None) -> ArmConfig:
    """The arm's figures, from launch/config/arm.yaml unless told otherwise.

    Raises:
        SafetyConfigError: the file is malformed, or contradicts safety.yaml or the URDF; the message names the entry.
        OSError: it cannot be read.
    """
    path = path or share_path("launch", "config", "arm.yaml")
    file, safety = ConfigFile(path, SafetyConfigError), load_safety_config()
    content, where = file.content, file.where
    unknown = sorted(set(content) - {"motion", "tolerances", "stream", "gripper", "via"})
    if unknown:
        raise SafetyConfigError(f"{where}: unknown section {', '.join(unknown)}")
    config = file.sections(
        ArmConfig,
        via=_poses(content.get("via"), (robot.arm.lower[1:4], robot.arm.upper[1:4]), f"{where}: via"),
        pause=safety.arm_gate.pause,
        heartbeat_timeout=safety.gate.heartbeat_timeout,
    )
    motion = config.motion
    if motion.max_speed >= min(safety.arm_gate.max_rate, float(robot.arm.velocity.min())):
        raise SafetyConfigError(f"{where}: motion.max_speed must stay below arm_gate.max_rate and the servos' speed")
    if motion.move_speed > motion.max_speed:
        raise SafetyConfigError(f"{where}: motion.move_speed is above motion.max_speed")
    if config.gripper.speed > motion.max_speed:
        raise SafetyConfigError(f"{where}: gripper.speed is above motion.max_speed")
    return config


def _poses(rows: object, limits: Tuple[Array, Array], where: str) -> Array:
    try:
        poses = np.array(rows, dtype=float)
    except (TypeError, ValueError) as error:
        raise SafetyConfigError(f"{where}: {error}") from error
    if poses.ndim != 2 or poses.shape[1] != 3:
        raise SafetyConfigError(f"{where} must hold rows of three angles")
    if not np.all((poses >= limits[0]) & (poses <= limits[1])):
        raise SafetyConfigError(f"{where} holds an angle outside the joint limits")
    return poses
