"""What the object is, where it lies and how dog and arm start: drawn from sim/grasp_scenarios.yaml and a seed.

A draw that the arm can't reach without hitting something is thrown away and drawn again from the same stream.
"""

from dataclasses import dataclass, replace
from typing import Iterator, Optional, Tuple

import mujoco
import numpy as np

from xdog.core.config_file import ConfigError
from xdog.core.description import RobotDescription, load_description
from xdog.core.rotations import rotation_matrix
from xdog.grasp.contract import period_problem
from xdog.grasp.observation import object_token
from xdog.grasp.view_poses import ViewPoses
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.stance import BodyPose, Stance
from xdog_sim.grasp.approach import GraspPath, GraspPlanner
from xdog_sim.grasp.clearance import Clearance
from xdog_sim.grasp.config import GraspScenarioConfig, ObjectKind, SupportKind, load_grasp_scenarios
from xdog_sim.grasp.objects import SUPPORT, GraspObject, add_object, add_support, prepare_for_grasping
from xdog_sim.world import HeldTrunk, WorldOptions, build_spec

Array = np.ndarray

TRAINING, HELD_OUT = 1, 2
"""First word of the random streams: a training seed never gives a held-out placement, whatever its number."""
MOST_DRAWS = 2000


@dataclass(frozen=True, eq=False)
class GraspScenario:
    """One grasp to be done. The world's origin lies on the ground under a dog that stands plainly.

    Attributes:
        item: the object.
        support: "ground", "table" or "shelf".
        surface: height of what the object stands on, m.
        position: of the object's middle in the world, (3,) m.
        yaw: of the object, rad.
        edge: world x of the support's near edge, m.
        rise, pitch: the dog's stance: m over plain standing, rad nose down.
        start: arm pose, (6,) rad.
        camera_shift: m, error of the camera's mounting in its optical frame, (3,).
        camera_turn: rad, the same as roll, pitch, yaw, (3,).
        brightness: of the light.
        rejected: draws that were thrown away before this one.
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
    """Draws placements and builds their worlds.

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
        self._mount = np.array(next(j for j in self.robot.joints.values() if j.child == "arm_base_link").xyz)
        self._kinds = [(kind, support) for support in self.config.supports for kind in self.config.objects]

    def trunk(self, rise: float, pitch: float) -> HeldTrunk:
        """The trunk held in a stance on its standing footholds."""
        pose = self._stance.within_reach(BodyPose(height=rise, pitch=pitch))
        foot = self._stance.legs.legs[0].foot_radius
        height = foot - float(self._stance.standing_feet[:, 2].mean()) + pose.height
        quaternion = np.array([np.cos(pose.pitch / 2.0), 0.0, np.sin(pose.pitch / 2.0), 0.0])
        return HeldTrunk(np.array([0.0, 0.0, height]), quaternion, self._stance.legs.joints(self._stance.feet_at(pose)))

    def arm_base(self, placement: GraspScenario) -> Tuple[Array, Array]:
        """Position (3,) m and rotation (3, 3) of arm_base_link in the world."""
        trunk, rotation = self.trunk(placement.rise, placement.pitch), rotation_matrix(0.0, placement.pitch, 0.0)
        return trunk.position + rotation @ self._mount, rotation

    def token(self, placement: GraspScenario) -> Array:
        """The true token of the placement, (8,)."""
        position, rotation = self.arm_base(placement)
        down = rotation.T @ np.array([0.0, 0.0, -1.0])
        return object_token(rotation.T @ (placement.position - position), placement.item.size, down)

    def spec(self, placement: GraspScenario, visuals: bool) -> mujoco.MjSpec:
        """The world of a placement."""
        options = WorldOptions(held=self.trunk(placement.rise, placement.pitch), sensors=False, visuals=visuals)
        spec = build_spec(options, self.robot)
        legs = [joint.child for joint in self.robot.joints.values() if joint.name in self.robot.legs.names]
        prepare_for_grasping(spec, [*legs, *self.robot.feet])
        add_support(spec, placement.support, placement.surface, placement.edge, 0.0)
        add_object(spec, placement.item, placement.position, placement.yaw, self.config)
        return spec

    def path(
        self, placement: GraspScenario, token: Array, margin: float = 0.0, spare: float = 0.0
    ) -> Optional[GraspPath]:
        """A way for the arm to the object that hits nothing, planned by a token, or None.

        Args:
            margin: m that it must keep from everything.
            spare: m that the arm must be able to reach further.
        """
        candidates = list(self.planner.candidates(token, spare))
        if not candidates:
            return None
        clearance = Clearance(self.spec(placement, visuals=False).compile(), self.robot, margin)
        if not clearance.free(placement.start, with_object=True) or clearance.support_meets_dog(SUPPORT):
            return None
        return self.planner.route(placement.start, candidates, clearance)

    def draw(self, index: int, seed: int, held_out: bool = False) -> GraspScenario:
        """Placement number ``index`` of a seed; kinds of object and support take turns.

        Raises:
            RuntimeError: grasp_scenarios.yaml leaves no reachable place.
        """
        kind, support = self._kinds[index % len(self._kinds)]
        config = self.config
        random = np.random.default_rng([HELD_OUT if held_out else TRAINING, seed, index])
        for rejected in range(MOST_DRAWS):
            placement = self._draw(random, kind, support, rejected)
            if self.path(placement, self.token(placement), config.clearance, config.spare_reach) is not None:
                return placement
        raise RuntimeError(
            f"no reachable place for a {kind} on {support} in {MOST_DRAWS} draws: see sim/grasp_scenarios.yaml"
        )

    def looking(self, placement: GraspScenario, seed: int) -> GraspScenario:
        """The same placement with the arm where a grasp by the wrist camera starts; ``seed``: of that pose's noise."""
        camera, arm = self.config.camera, self.robot.arm
        looks = ViewPoses(np.array(camera.look_low), np.array(camera.look_high), camera.high)
        noise = np.random.default_rng([seed, 3]).uniform(-1, 1, 5) * camera.look_noise
        pose = looks.pose(self.token(placement)[2]) + noise
        return replace(placement, start=np.clip(np.append(pose, placement.start[5]), arm.lower, arm.upper))

    def draws(self, count: int, seed: int, held_out: bool = False) -> Iterator[GraspScenario]:
        """The first ``count`` placements of a seed."""
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
        base = self.trunk(rise, pitch).position + rotation_matrix(0.0, pitch, 0.0) @ self._mount
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
