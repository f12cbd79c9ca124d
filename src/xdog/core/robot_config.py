"""The content of launch/config/robot.yaml, before `xdog.core.description` joins it with the URDF."""

from dataclasses import dataclass, field
from typing import Mapping, Tuple

from xdog.core.config_file import NOT_NEGATIVE, POSITIVE, numbers


@numbers(NOT_NEGATIVE)
@dataclass(frozen=True)
class Gains:
    """Actuator gains: kp in Nm/rad, kd in Nm s/rad."""

    kp: float
    kd: float


@dataclass(frozen=True)
class LegsSection:
    """Joints and feet in order, named poses in rad, named gains, and the highest gains (Nm/rad, Nm s/rad)."""

    joints: Tuple[str, ...]
    feet: Tuple[str, ...]
    poses: Mapping[str, Tuple[float, ...]]
    gains: Mapping[str, Gains]
    max_kp: float = field(metadata=POSITIVE)
    max_kd: float = field(metadata=POSITIVE)

    def __post_init__(self) -> None:
        _require(self.poses, "poses", ("stand", "lie"))
        _require(self.gains, "gains", ("stand", "damp"))


@dataclass(frozen=True)
class ArmSection:
    """Joints in order, the link of the tool, named poses in rad."""

    joints: Tuple[str, ...]
    tool_frame: str
    poses: Mapping[str, Tuple[float, ...]]

    def __post_init__(self) -> None:
        _require(self.poses, "poses", ("stow", "home"))


@dataclass(frozen=True)
class FramesSection:
    """Names of tf frames; wrist_camera is the link of an accessory that the URDF does not have."""

    odom: str
    footprint: str
    base: str
    imu: str
    camera: str
    wrist_camera: str


@numbers(POSITIVE)
@dataclass(frozen=True)
class BatterySection:
    """cells in series; voltages of the whole pack in V, capacity in Ah."""

    cells: int
    full_voltage: float
    empty_voltage: float
    capacity: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class RatesSection:
    """Hz."""

    state: float
    joint_states: float
    control: float
    safety: float
    battery: float


@dataclass(frozen=True)
class RobotConfig:
    """All of robot.yaml."""

    legs: LegsSection
    arm: ArmSection
    frames: FramesSection
    battery: BatterySection
    rates: RatesSection


def _require(given: Mapping[str, object], what: str, names: Tuple[str, ...]) -> None:
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(f"{what} must include {', '.join(names)}; missing: {', '.join(missing)}")
