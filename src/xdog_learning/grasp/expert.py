"""A scripted expert that picks objects up in simulation, and its demonstrations.

It observes what a policy observes: measured joints and the object's features. Its hand follows a straight path down to
the object, closes around its middle and lifts it, by differential inverse kinematics (mink). The commanded joint
targets are the actions. A slowly varying disturbance is added to what is sent, not to what is recorded, so that a
policy learns to return to the path (DART, arXiv 1703.09327).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Dict, List, Optional, Tuple

import mink
import numpy as np

from xdog.core.description import RobotDescription
from xdog_learning.dataset.episode import Episode
from xdog_sim.grasp.approach import LIFT, GraspPath
from xdog_sim.grasp.scenario import GraspScenario, ScenarioSampler
from xdog_sim.grasp.scene import GraspScene, Observation, ObservationNoise
from xdog_sim.world import WorldOptions, build_spec

Array = np.ndarray

TRAVEL_SPEED = 1.4
"""rad/s, of the fastest joint on the way to the pre-grasp."""
HAND_SPEED = 0.16
"""m/s, highest speed of the hand down to the object and up again."""
APPROACH_RATE = 5.0
"""1/s: near its end the hand's speed is this rate times the distance that is left, plus `MIN_SPEED`."""
MIN_SPEED = 0.03
"""m/s."""
CLOSING_SPEED = 1.4
"""rad/s, of the gripper's target."""
CLOSED = -0.16
"""rad, the gripper's last target: nearly shut, so that it presses with all that its torque limit allows."""
STALL_CHANGE = 0.012
"""rad in a policy period: a closing gripper that moves less is blocked."""
STALL_LAG = 0.13
"""rad that a blocked gripper is behind its target; one that moves freely is less than 0.1 behind."""
WIDTH_TOLERANCE = 0.017
"""m that the jaws may be wider than the object, as around a cube's edges; beyond that only one jaw touches it."""
DISTURBANCE = 0.012
"""rad, standard deviation of what is added to the sent targets."""
DISTURBANCE_TIME = 0.25
"""s, time constant of the disturbance."""
MAX_CORRECTION = 0.009
"""rad, most that is added to a joint's target because of its backlash."""
INTEGRAL_GAIN = 0.2
"""Share of a joint's error from its last target by which the correction grows in a policy period."""
SETTLE_TIME = 0.12
"""s that the jaws must have stood still around the object before the hand lifts it."""
HOLD_TIME = 1.25
"""s of holding still at the end of an episode, at least."""
CLEARANCE = 0.008
"""m that the arm keeps from everything on its way where it can: it does not follow its targets exactly."""
SMOOTHING = 5
"""Policy periods over which the path to the pre-grasp is averaged, which rounds its corners."""


class ArmSolver:
    """Differential inverse kinematics of the arm alone."""

    def __init__(self, robot: RobotDescription) -> None:
        spec = build_spec(WorldOptions(arm="servo", sensors=False, visuals=False), robot)
        spec.delete(spec.joint("root"))
        for name in robot.legs.names:
            spec.delete(spec.actuator(name))
            spec.delete(spec.joint(name))
        self.model = spec.compile()
        self.configuration = mink.Configuration(self.model)
        self._task = mink.FrameTask(robot.tool_frame, "body", position_cost=1.0, orientation_cost=0.1, lm_damping=1e-3)
        self._posture = mink.DampingTask(self.model, cost=[0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
        self._limits = [mink.ConfigurationLimit(self.model)]
        self._base = self.model.body("arm_base_link").id

    def follow(self, joints: Array, position: Array, rotation: Array, period: float) -> Array:
        """Arm targets (5,) that bring gripper_frame towards a pose in arm_base_link within a period, s."""
        self.configuration.update(np.append(joints[:5], 0.0))
        data = self.configuration.data
        turn = data.xmat[self._base].reshape(3, 3)
        pose = mink.SE3.from_rotation_and_translation(
            mink.SO3.from_matrix(turn @ rotation), data.xpos[self._base] + turn @ position
        )
        self._task.set_target(pose)
        velocity = mink.solve_ik(
            self.configuration, [self._task, self._posture], period, "daqp", damping=1e-6, limits=self._limits
        )
        return joints[:5] + velocity[:5] * period


class Expert:
    """One attempt: `act` once a policy period."""

    def __init__(
        self, sampler: ScenarioSampler, solver: ArmSolver, path: GraspPath, features: Array, start: Array
    ) -> None:
        self._sampler, self._solver, self._period = sampler, solver, sampler.config.policy_period
        self._arm, self._gripper = sampler.planner.arm, sampler.planner.gripper
        self._approach, self._down, self._width = path.approach, features[5:8].astype(float), float(features[3])
        self._rotation = self._arm.forward(path.approach.at)[1]
        self._path = self._smoothed([start, *path.way])
        self._target = np.array(start, dtype=float)
        self._last, self._correction = self._target.copy(), np.zeros(5)
        self._travelled = 0.0
        self._lifted = 0.0
        self._held = 0.0
        self._stalled = 0.0
        self._last_gripper = np.inf
        self._gap = self._width
        self._gripping = False

    @property
    def done(self) -> bool:
        """Whether the object is up and was held for a while."""
        return self._held >= HOLD_TIME

    def act(self, observation: Observation) -> Array:
        """Joint targets (6,) rad for the next period."""
        if self._path:
            self._target = self._path.pop(0)
        elif not self._gripping:
            self._descend_and_close(observation)
        else:
            self._lift()
        error, self._last = self._last[:5] - observation.joints[:5], self._target.copy()
        self._correction = np.clip(self._correction + INTEGRAL_GAIN * error, -MAX_CORRECTION, MAX_CORRECTION)
        return self._target + np.append(self._correction, 0.0)

    def _descend_and_close(self, observation: Observation) -> None:
        first = self._arm.forward(self._approach.before)[0]
        length = float(np.linalg.norm(self._arm.forward(self._approach.at)[0] - first))
        speed = min(HAND_SPEED, APPROACH_RATE * (length - self._travelled) + MIN_SPEED)
        self._travelled = min(self._travelled + speed * self._period, length)
        if self._travelled >= length - 0.012:
            self._target[5] = max(self._target[5] - CLOSING_SPEED * self._period, CLOSED)
            moved = self._last_gripper - observation.joints[5]
            self._last_gripper = float(observation.joints[5])
            behind = observation.joints[5] - self._target[5]
            self._gap = max(self._gripper.gap(observation.joints[5]), self._width)
            blocked = behind > STALL_LAG and self._gap < self._width + WIDTH_TOLERANCE
            still = moved < STALL_CHANGE and (blocked or self._target[5] <= CLOSED)
            self._stalled = self._stalled + self._period if still else 0.0
            self._gripping = self._stalled >= SETTLE_TIME
        gap = max(self._gripper.gap(self._target[5]), self._width)
        self._follow(self._aimed(gap, length - self._travelled))

    def _lift(self) -> None:
        self._target[5] = max(self._target[5] - CLOSING_SPEED * self._period, CLOSED)
        if self._lifted >= LIFT:
            self._held += self._period
            return
        self._lifted += min(HAND_SPEED, MIN_SPEED + APPROACH_RATE * self._lifted) * self._period
        self._follow(self._aimed(self._gap, 0.0) - self._down * self._lifted)

    def _aimed(self, gap: float, back: float) -> Array:
        """Position (3,) of gripper_frame with the aim in the middle between the jaws, ``back`` m before the grasp."""
        return self._approach.aim + self._rotation @ np.array([gap / 2.0, 0.0, self._approach.beyond - back])

    def _follow(self, position: Array) -> None:
        self._target[:5] = self._solver.follow(self._target, position, self._rotation, self._period)

    def _smoothed(self, corners: List[Array]) -> List[Array]:
        """The polyline through the corners (6,) at constant speed, one point a period, smoothed."""
        step, points = TRAVEL_SPEED * self._period, [corners[0]]
        for first, last in zip(corners, corners[1:]):
            count = max(int(np.ceil(np.abs(last - first).max() / step)), 1)
            points.extend(first + (last - first) * share for share in np.linspace(0.0, 1.0, count + 1)[1:])
        padded = np.vstack([points[:1] * (SMOOTHING // 2), points, points[-1:] * (SMOOTHING // 2)])
        window = np.ones(SMOOTHING) / SMOOTHING
        smooth = np.column_stack([np.convolve(column, window, mode="valid") for column in padded.T])
        return list(smooth[1:])


@lru_cache(maxsize=None)
def _tools() -> Tuple[ScenarioSampler, ArmSolver]:
    sampler = ScenarioSampler()
    return sampler, ArmSolver(sampler.robot)


@dataclass(frozen=True, eq=False)
class GraspAttempt:
    """One attempt: its scenario, its episode, whether the judge counted it, and why not."""

    scenario: GraspScenario
    episode: Optional[Episode]
    success: bool
    reason: str


def attempt(
    scenario: GraspScenario, seed: int, images: bool, noise: Optional[ObservationNoise] = None, disturbed: bool = True
) -> GraspAttempt:
    """Let the expert attempt a scenario once.

    Args:
        scenario: what is grasped where.
        seed: of perception's errors and of the disturbance.
        images: record the wrist camera; the arm then starts where it sees the object.
        noise: of perception and servos; as the files in sim/ say if None.
        disturbed: add the disturbance to what is sent.
    """
    sampler, solver = _tools()
    if images:
        scenario = sampler.at_view_pose(scenario, seed)
    scene = GraspScene(scenario, sampler, seed, noise, visuals=images)
    first = scene.observe()
    path = sampler.path(scenario, first.object_features, CLEARANCE) or sampler.path(scenario, first.object_features)
    if path is None:
        return GraspAttempt(scenario, None, False, "no path to where the object seems to be")
    expert = Expert(sampler, solver, path, first.object_features, first.joints)
    random = np.random.default_rng([seed, 1])
    keep = np.exp(-sampler.config.policy_period / DISTURBANCE_TIME)
    disturbance = np.zeros(6)
    rows: Dict[str, List[Array]] = {"state": [], "features": [], "action": [], "image": []}
    observation = first
    while scene.time < sampler.config.success.time and not scene.judge.failed:
        if expert.done and (scene.judge.success or scene.judge.held == 0.0):
            break
        action = expert.act(observation)
        rows["state"].append(observation.joints)
        rows["features"].append(observation.object_features)
        rows["action"].append(action)
        if images:
            rows["image"].append(scene.render())
        disturbance = keep * disturbance + np.sqrt(1.0 - keep**2) * random.normal(0.0, DISTURBANCE, 6) * disturbed
        disturbance[5] = 0.0
        scene.step(action + disturbance)
        observation = scene.observe()
    judge = scene.judge
    scene.close()
    if not judge.success:
        return GraspAttempt(scenario, None, False, judge.reason)
    episode = Episode(
        state=np.asarray(rows["state"], dtype=np.float32),
        environment_state=np.asarray(rows["features"], dtype=np.float32),
        action=np.asarray(rows["action"], dtype=np.float32),
        images=np.asarray(rows["image"], dtype=np.uint8) if images else None,
        task=f"pick up the {scenario.item.kind}",
        fps=round(1.0 / sampler.config.policy_period),
    )
    return GraspAttempt(scenario, episode, True, "")
