"""The settings of standing, walking and odometry: launch/config/locomotion.yaml."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from xdog.core.config_file import POSITIVE, load, numbers
from xdog.core.paths import share_path
from xdog.safety.config import load_safety_config


@numbers(POSITIVE)
@dataclass(frozen=True)
class StanceConfig:
    """Standing up and lying down: times in s, speed in rad/s, distances in m, angles in rad."""

    gains_time: float
    fold_speed: float
    fold_time: float
    push_time: float
    lower_time: float
    foothold_radius: float
    fold_dip: float
    fold_spread: float
    most_tilt: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class BodyPoseConfig:
    """Largest deviations of the body from standing (m, rad) and their rates (m/s, rad/s)."""

    lower: float
    rise: float
    roll: float
    pitch: float
    yaw: float
    height_rate: float
    angle_rate: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class WalkingConfig:
    """Transitions between stance and policy: times in s, joint speed in rad/s."""

    start_time: float
    stop_time: float
    stop_joint_speed: float
    rest_time: float
    stand_time: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class TimeoutConfig:
    """How long locomotion follows a velocity command, and how long the gate may take to open for `stand`, s."""

    command: float
    gate: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class OdometryConfig:
    """Times in s, speeds in m/s, standard deviations in m, rad, m/s and rad/s."""

    still_time: float
    slip_speed: float
    velocity_sigma: float
    yaw_rate_sigma: float
    angle_sigma: float
    height_sigma: float
    drift_per_metre: float
    yaw_per_metre: float


@dataclass(frozen=True)
class LocomotionConfig:
    """All of locomotion.yaml, and the time in s without safety/state until the legs are damped, from safety.yaml."""

    stance: StanceConfig
    body_pose: BodyPoseConfig
    walking: WalkingConfig
    timeouts: TimeoutConfig
    odometry: OdometryConfig
    heartbeat_timeout: float


def load_locomotion_config(path: Optional[Path] = None) -> LocomotionConfig:
    """The settings of launch/config/locomotion.yaml, or of another file of the same form; raises what `load` raises."""
    timeout = load_safety_config().listeners.heartbeat_timeout
    return load(LocomotionConfig, path or share_path("launch", "config", "locomotion.yaml"), heartbeat_timeout=timeout)
