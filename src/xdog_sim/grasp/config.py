"""The grasp's figures, read from sim/grasp_scenarios.yaml and checked."""

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple, Type, TypeVar, get_type_hints

from xdog.core.config_file import ConfigFile, is_number
from xdog.core.paths import share_path

Range = Tuple[float, float]
Vector = Tuple[float, ...]
Section = TypeVar("Section")


class GraspConfigError(ValueError):
    """A figure of grasp_scenarios.yaml is missing, unknown or senseless. The message names file and entry."""


@dataclass(frozen=True)
class ObjectRanges:
    """One kind of object: width in m, slenderness = height / width, mass in kg."""

    width: Range
    slenderness: Range
    mass: Range


@dataclass(frozen=True)
class SupportRanges:
    """One kind of support and the stance for it: surface height in m, rise over standing in m, pitch in rad."""

    height: Range
    rise: Range
    pitch: Range


@dataclass(frozen=True)
class PlaceRanges:
    """Where objects lie around the arm's base: distance in m, angle from straight ahead in rad."""

    radius: Range
    azimuth: Range


@dataclass(frozen=True)
class StartRanges:
    """How the arm starts: noise around a named pose and the gripper's angle, rad."""

    pose_noise: float
    gripper: Range


@dataclass(frozen=True)
class CameraConfig:
    """The wrist camera: place in gripper_frame in m, picture in pixels, angles and noise in rad and m.

    `look_low` and `look_high` are the arm poses (5,) from which a policy that sees begins, the latter for an object
    more than `high` m above the arm's base; brightness is a factor.
    """

    position: Vector
    tilt: float
    width: float
    height: float
    horizontal_view: float
    vertical_view: float
    look_low: Vector
    look_high: Vector
    high: float
    look_noise: float
    position_noise: float
    angle_noise: float
    brightness: Range


@dataclass(frozen=True)
class PerceptionConfig:
    """Errors of what the policy is told of the object: standard deviations in m, delay in s."""

    position_error: float
    jitter: float
    size_error: float
    delay: float


@dataclass(frozen=True)
class ServoConfig:
    """What hardware.yaml does not say of the arm's servos: s."""

    command_delay: float


@dataclass(frozen=True)
class SuccessConfig:
    """What counts as a grasp: m, s."""

    lift: float
    hold: float
    penetration: float
    time: float


@dataclass(frozen=True)
class GraspScenarioConfig:
    """All of grasp_scenarios.yaml; policy_period in s, friction without unit, torsional friction, all else in m."""

    policy_period: float
    objects: Mapping[str, ObjectRanges]
    friction: Range
    torsional_friction: float
    supports: Mapping[str, SupportRanges]
    edge: Range
    place: PlaceRanges
    clearance: float
    spare_reach: float
    start: StartRanges
    camera: CameraConfig
    perception: PerceptionConfig
    servo: ServoConfig
    success: SuccessConfig


def _number(value: Any, where: str) -> float:
    if not is_number(value):
        raise GraspConfigError(f"{where} is {value!r}; it must be a number")
    return float(value)


def _range(value: Any, where: str) -> Range:
    if not isinstance(value, list) or len(value) != 2:
        raise GraspConfigError(f"{where} is {value!r}; it must be [low, high]")
    low, high = (_number(end, where) for end in value)
    if low > high:
        raise GraspConfigError(f"{where} is [{low}, {high}]; its low end lies above the high one")
    return (low, high)


def _vector(value: Any, where: str) -> Vector:
    if not isinstance(value, list) or not value:
        raise GraspConfigError(f"{where} is {value!r}; it must be a list of numbers")
    return tuple(_number(entry, where) for entry in value)


def _section(kind: Type[Section], content: Any, where: str) -> Section:
    if not isinstance(content, dict):
        raise GraspConfigError(f"{where} is no mapping")
    hints = get_type_hints(kind)
    missing, unknown = sorted(set(hints) - set(content)), sorted(map(str, set(content) - set(hints)))
    if missing or unknown:
        raise GraspConfigError(
            f"{where}: missing entries: {', '.join(missing) or 'none'}; unknown entries: {', '.join(unknown) or 'none'}"
        )
    return kind(**{name: _value(hint, content[name], f"{where}.{name}") for name, hint in hints.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    if hint is float:
        return _number(value, where)
    if hint == Range:
        return _range(value, where)
    if hint == Vector:
        return _vector(value, where)
    if dataclasses.is_dataclass(hint):
        return _section(hint, value, where)  # type: ignore[arg-type]  # is_dataclass covers instances too
    kind = hint.__args__[1]  # a mapping from names to sections
    if not isinstance(value, dict) or not value:
        raise GraspConfigError(f"{where} must name at least one entry")
    entries: Dict[str, Any] = {name: _section(kind, part, f"{where}.{name}") for name, part in value.items()}
    return entries


@lru_cache(maxsize=None)
def load_grasp_scenarios(path: Optional[Path] = None) -> GraspScenarioConfig:
    """The grasp's figures, from sim/grasp_scenarios.yaml unless told otherwise.

    Raises:
        GraspConfigError: an entry is missing, unknown, not a number or not a range; the message names it.
        OSError: the file cannot be read.
    """
    path = path or share_path("sim", "grasp_scenarios.yaml")
    file = ConfigFile(path, GraspConfigError)
    return _section(GraspScenarioConfig, file.content, file.where)
