"""Grasp scenarios: an object, its place and the start of dog and arm, drawn from sim/grasp_scenarios.yaml and a seed.

A draw that the arm cannot reach without a collision is rejected, and the next one is drawn from the same stream.
"""

from dataclasses import dataclass, replace
from typing import Iterator, Optional, Tuple

import mujoco
import numpy as np

from xdog.core.config_file import ConfigError
from xdog.core.description import RobotDescription, load_description
from xdog.core.rotations import rotation_matrix
from xdog.grasp.contract import period_problem
from xdog.grasp.observation import object_features
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.stance import BodyPose, Stance
from xdog_sim.grasp.approach import GraspPath, GraspPlanner
from xdog_sim.grasp.clearance import Clearance
from xdog_sim.grasp.config import GraspScenarioConfig, ObjectKind, SupportKind, load_grasp_scenarios
from xdog_sim.grasp.objects import SUPPORT, GraspObject, add_object, add_support, prepare_for_grasping
from xdog_sim.world import HeldTrunk, WorldOptions, build_spec, compile_spec

Array = np.ndarray

TRAINING, HELD_OUT = 1, 2
"""First entry of the seed sequence, so that no training seed gives a held-out scenario."""
MAX_DRAWS = 2000
"""Rejected draws after which there is taken to be no reachable place."""


@dataclass(frozen=True, eq=False)
class GraspScenario:
    """One grasp task. The origin of the world lies on the ground below the trunk of the dog in its standing pose.

    Attributes:
        item: the object.
        support: "ground", "table" or "shelf".
        surface: height of the surface on which the object stands, m.
        position: of the object's centre in the world, (3,) m.
        yaw: of the object, rad.
        edge: world x of the edge of the support that faces the dog, m.
        rise, pitch: stance of the dog: m above the standing pose, rad nose down.
        start: arm pose, (6,) rad.
        camera_shift: position error of the camera's mount in its optical frame, (3,) m.
        camera_turn: orientation error of the mount as roll, pitch, yaw, (3,) rad.
        brightness: factor for the light.
        rejected: number of draws that were rejected before this one.
    """

    item: GraspObject
    support: str
    surface: float
    position: Array
    yaw: float
    edge: float
    rise: float
    pitch: float
    start: Array
    camera_shift: Array
    camera_turn: Array
    brightness: float
    rejected: int = 0


class ScenarioSampler:
    """Draws scenarios and builds their worlds.

    Raises:
        ConfigError: the config's policy_period is not one of this robot.
    """

    def __init__(self, robot: Optional[RobotDescription] = None, config: Optional[GraspScenarioConfig] = None) -> None:
        self.robot = robot or load_description()
        self.config = config or load_grasp_scenarios()
        problem = period_problem(self.config.policy_period, self.robot)
        if problem:
            raise ConfigError(f"sim/grasp_scenarios.yaml: policy_{problem}")
        self.planner = GraspPlanner(self.robot)
        locomotion = load_locomotion_config()
        self._stance = Stance(self.robot, locomotion.stance, locomotion.body_pose)
        self._mount = self.robot.fixed_transform(self.planner.arm.base).position
        self._kinds = [(kind, support) for support in self.config.supports for kind in self.config.objects]

    def trunk(self, rise: float, pitch: float) -> HeldTrunk:
        """The fixed trunk in a stance, with the feet where they are in the standing pose."""
        pose = self._stance.within_reach(BodyPose(height=rise, pitch=pitch))
        foot = self._stance.legs.legs[0].foot_radius
        height = foot - float(self._stance.standing_feet[:, 2].mean()) + pose.height
        quaternion = np.array([np.cos(pose.pitch / 2.0), 0.0, np.sin(pose.pitch / 2.0), 0.0])
        return HeldTrunk(np.array([0.0, 0.0, height]), quaternion, self._stance.legs.joints(self._stance.feet_at(pose)))

    def arm_base(self, rise: float, pitch: float) -> Tuple[Array, Array]:
        """Position (3,) m and rotation (3, 3) of arm_base_link in the world, for a stance as in `GraspScenario`."""
        rotation = rotation_matrix(0.0, pitch, 0.0)
        return self.trunk(rise, pitch).position + rotation @ self._mount, rotation

    def object_features(self, scenario: GraspScenario) -> Array:
        """The true object features, (8,), see xdog.grasp.observation."""
        position, rotation = self.arm_base(scenario.rise, scenario.pitch)
        down = rotation.T @ np.array([0.0, 0.0, -1.0])
        return object_features(rotation.T @ (scenario.position - position), scenario.item.size, down)

    def spec(self, scenario: GraspScenario, visuals: bool) -> mujoco.MjSpec:
        """The MuJoCo world of a scenario."""
        options = WorldOptions(held=self.trunk(scenario.rise, scenario.pitch), sensors=False, visuals=visuals)
        spec = build_spec(options, self.robot)
        prepare_for_grasping(spec, self.robot)
        add_support(spec, scenario.support, scenario.surface, scenario.edge, 0.0)
        add_object(spec, scenario.item, scenario.position, scenario.yaw, self.config)
        return spec

    def path(
        self, scenario: GraspScenario, features: Array, margin: float = 0.0, spare: float = 0.0
    ) -> Optional[GraspPath]:
        """A collision-free path of the arm to the object, or None.

        Args:
            scenario: the world and the start of the arm.
            features: object features (8,) to plan with.
            margin: m of distance to keep from everything.
            spare: m that the arm must be able to reach further.
        """
        candidates = list(self.planner.candidates(features, spare))
        if not candidates:
            return None
        clearance = Clearance(compile_spec(self.spec(scenario, visuals=False)), self.robot, margin)
        if not clearance.free(scenario.start, with_object=True) or clearance.support_hits_dog(SUPPORT):
            return None
        return self.planner.route(scenario.start, candidates, clearance)

    def draw(self, index: int, seed: int, held_out: bool = False) -> GraspScenario:
        """Scenario number ``index`` of a seed; the combinations of object and support take turns.

        Raises:
            RuntimeError: grasp_scenarios.yaml allows no reachable place.
        """
        kind, support = self._kinds[index % len(self._kinds)]
        config = self.config
        random = np.random.default_rng([HELD_OUT if held_out else TRAINING, seed, index])
        for rejected in range(MAX_DRAWS):
            scenario = self._draw(random, kind, support, rejected)
            if self.path(scenario, self.object_features(scenario), config.clearance, config.spare_reach) is not None:
                return scenario
        raise RuntimeError(
            f"no reachable place for a {kind} on {support} in {MAX_DRAWS} draws: see sim/grasp_scenarios.yaml"
        )

    def at_view_pose(self, scenario: GraspScenario, seed: int) -> GraspScenario:
        """The same scenario with the arm at the view pose where image policies start; ``seed`` of the pose noise."""
        camera, arm = self.config.camera, self.robot.arm
        noise = np.random.default_rng([seed, 3]).uniform(-1, 1, 5) * camera.look_noise
        pose = self.config.view_poses.pose(self.object_features(scenario)[2]) + noise
        return replace(scenario, start=np.clip(np.append(pose, scenario.start[5]), arm.lower, arm.upper))

    def draws(self, count: int, seed: int, held_out: bool = False) -> Iterator[GraspScenario]:
        """The first ``count`` scenarios of a seed, in order."""
        return (self.draw(index, seed, held_out) for index in range(count))

    def _draw(
        self, random: np.random.Generator, kind: ObjectKind, support: SupportKind, rejected: int
    ) -> GraspScenario:
        config = self.config

        def within(bounds: Tuple[float, float]) -> float:
            return float(random.uniform(*bounds))

        ranges, stance = config.objects[kind], config.supports[support]
        width = within(ranges.width)
        item = GraspObject(
            kind=kind,
            width=width,
            height=width * within(ranges.slenderness),
            mass=within(ranges.mass),
            friction=within(config.friction),
            colour=tuple(random.uniform(0.05, 0.95, 3)),
        )
        surface, rise, pitch = within(stance.height), within(stance.rise), within(stance.pitch)
        base, _ = self.arm_base(rise, pitch)
        radius, azimuth = within(config.place.radius), within(config.place.azimuth)
        x, y = base[0] + radius * np.cos(azimuth), base[1] + radius * np.sin(azimuth)
        arm = self.robot.arm
        start = arm.poses[str(random.choice(sorted(arm.poses)))] + random.uniform(-1, 1, 6) * config.start.pose_noise
        start[5] = within(config.start.gripper)
        camera = config.camera
        return GraspScenario(
            item=item,
            support=support,
            surface=surface,
            position=np.array([x, y, surface + item.height / 2.0]),
            yaw=within((-np.pi, np.pi)),
            edge=x - width / 2.0 - within(config.edge),
            rise=rise,
            pitch=pitch,
            start=np.clip(start, arm.lower, arm.upper),
            camera_shift=random.uniform(-1, 1, 3) * camera.position_noise,
            camera_turn=random.uniform(-1, 1, 3) * camera.angle_noise,
            brightness=within(camera.brightness),
            rejected=rejected,
        )
