"""The settings of grasp scenarios: sim/grasp_scenarios.yaml."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, Mapping, Optional, Tuple

from xdog.core.config_file import NOT_NEGATIVE, POSITIVE, Range, load, numbers
from xdog.core.paths import share_path
from xdog.grasp.conditions import GraspWorkspace, Support, TrainingConditions, ViewPoses
from xdog.grasp.config import ArmPose

ObjectKind = Literal["ball", "cube", "bottle", "cup"]
SupportKind = Literal["ground", "table", "shelf"]


@numbers(POSITIVE)
@dataclass(frozen=True)
class ObjectRanges:
    """One kind of object: width in m, slenderness = height / width, mass in kg."""

    width: Range
    slenderness: Range
    mass: Range


@dataclass(frozen=True)
class PlaceRanges:
    """Where objects lie around the arm's base: distance in m, angle from straight ahead in rad."""

    radius: Range = field(metadata=NOT_NEGATIVE)
    azimuth: Range


@numbers(NOT_NEGATIVE)
@dataclass(frozen=True)
class StartRanges:
    """Start of the arm: noise around a named pose and the gripper's angle, rad."""

    pose_noise: float
    gripper: Range


@dataclass(frozen=True)
class CameraConfig:
    """The wrist camera: position in gripper_frame in m, image size in pixels, angles and noise in rad and m.

    `look_low` and `look_high` are the arm poses (5,) from which an image policy begins, the latter for an object
    more than `high` m above the arm's base; brightness is a factor.
    """

    position: Tuple[float, float, float]
    tilt: float
    width: int = field(metadata=POSITIVE)
    height: int = field(metadata=POSITIVE)
    horizontal_view: float = field(metadata=POSITIVE)
    vertical_view: float = field(metadata=POSITIVE)
    look_low: ArmPose
    look_high: ArmPose
    high: float
    look_noise: float = field(metadata=NOT_NEGATIVE)
    position_noise: float = field(metadata=NOT_NEGATIVE)
    angle_noise: float = field(metadata=NOT_NEGATIVE)
    brightness: Range = field(metadata=POSITIVE)


@numbers(NOT_NEGATIVE)
@dataclass(frozen=True)
class PerceptionConfig:
    """Errors of the object position and size that the policy receives: standard deviations in m, delay in s."""

    position_error: float
    jitter: float
    size_error: float
    delay: float


@numbers(NOT_NEGATIVE)
@dataclass(frozen=True)
class ServoConfig:
    """Settings of the arm's servos beyond hardware.yaml: s."""

    command_delay: float


@numbers(POSITIVE)
@dataclass(frozen=True)
class SuccessConfig:
    """What counts as a grasp: m, s."""

    lift: float
    hold: float
    penetration: float
    time: float


@dataclass(frozen=True)
class GraspScenarioConfig:
    """Content of grasp_scenarios.yaml; policy_period in s, friction without unit, all else in m."""

    policy_period: float = field(metadata=POSITIVE)
    objects: Mapping[ObjectKind, ObjectRanges]
    friction: Range = field(metadata=POSITIVE)
    torsional_friction: float = field(metadata=NOT_NEGATIVE)
    supports: Mapping[SupportKind, Support]
    edge: Range = field(metadata=POSITIVE)
    place: PlaceRanges
    clearance: float = field(metadata=NOT_NEGATIVE)
    spare_reach: float = field(metadata=NOT_NEGATIVE)
    start: StartRanges
    camera: CameraConfig
    perception: PerceptionConfig
    servo: ServoConfig
    success: SuccessConfig

    @property
    def view_poses(self) -> ViewPoses:
        """Where image policies begin."""
        return ViewPoses(self.camera.look_low, self.camera.look_high, self.camera.high)

    def conditions(self, by_image: bool) -> TrainingConditions:
        """What a policy learns from these scenarios, by camera images or without."""
        workspace = GraspWorkspace(
            {str(name): support for name, support in self.supports.items()}, self.place.radius, self.place.azimuth
        )
        if by_image:
            return TrainingConditions(workspace, self.camera.look_noise, self.view_poses)
        return TrainingConditions(workspace, self.start.pose_noise)


@lru_cache(maxsize=None)
def load_grasp_scenarios(path: Optional[Path] = None) -> GraspScenarioConfig:
    """The settings of sim/grasp_scenarios.yaml, or of another file of the same form; raises what `load` raises."""
    return load(GraspScenarioConfig, path or share_path("sim", "grasp_scenarios.yaml"))
