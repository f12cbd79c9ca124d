"""A scripted expert that picks objects up in simulation, and its demonstrations.

It observes what a policy observes: measured joints and object features. Its hand follows a straight path down to the
object, closes around its middle and lifts it, by differential inverse kinematics (mink); the joint targets are the
actions. A slowly varying disturbance is added to the targets sent, not to those recorded, so that a policy learns to
return to the path (DART, arXiv 1703.09327).
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
"""rad/s of the fastest joint on the way to the pre-grasp."""
HAND_SPEED = 0.16
"""m/s, largest speed of the hand down to the object and up again. It slows down before the object: to"""
SLOWING = 5.0
"""1/s times the remaining distance, plus"""
LEAST_SPEED = 0.03
"""m/s."""
CLOSING_SPEED = 1.4
"""rad/s of the gripper's target."""
CLOSED = -0.16
"""rad, the gripper's last target: nearly shut, so that it presses with its full torque limit."""
STALL = 0.012
"""rad in a policy period; a closing gripper that moves less touches something."""
DISTURBANCE = 0.012
"""rad, standard deviation of the disturbance of the sent targets, and"""
DISTURBANCE_TIME = 0.25
"""s, its correlation time."""
LAG = 0.13
"""rad by which a stalled gripper lags its target; a free one lags by less than 0.1."""
WIDER = 0.017
"""m by which the gap may exceed the object's width, as around a cube's edges; beyond it only one jaw has contact."""
PLAY = 0.009
"""rad, largest correction of a joint's target for its backlash, and"""
FEEDBACK = 0.2
"""gain of that correction on the joint's last tracking error, per period."""
SETTLE = 0.12
"""s for which the jaws must be still around the object before the hand lifts it."""
REST = 1.25
"""s of holding still at the end of an episode, at least."""
CLEARANCE = 0.008
"""m of clearance on the path where possible: the arm does not follow its targets exactly."""
ROUNDING = 5
"""Policy periods over which the path to the pre-grasp is averaged: it rounds corners without a stop."""


class ArmSolver:
    """Differential inverse kinematics of the arm alone."""

    def __init__(self, robot: RobotDescription) -> None:
        spec = build_spec(WorldOptions(arm="servo", sensors=False, visuals=False), robot)
        base = spec.body(robot.frames["base"])
        spec.delete(spec.joint("root"))
        del base
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
        self._way = self._rounded([start, *path.way])
        self._target = np.array(start, dtype=float)
        self._last, self._extra = self._target.copy(), np.zeros(5)
        self._travelled = 0.0
        self._lifted = 0.0
        self._rested = 0.0
        self._stalled = 0.0
        self._last_gripper = np.inf
        self._gap = self._width
        self._gripping = False

    @property
    def done(self) -> bool:
        """Whether the object is lifted and was held for `REST`."""
        return self._rested >= REST

    def act(self, observation: Observation) -> Array:
        """Joint targets (6,) rad for the next period."""
        if self._way:
            self._target = self._way.pop(0)
        elif not self._gripping:
            self._descend_and_close(observation)
        else:
            self._lift()
        late, self._last = self._last[:5] - observation.joints[:5], self._target.copy()
        self._extra = np.clip(self._extra + FEEDBACK * late, -PLAY, PLAY)
        return self._target + np.append(self._extra, 0.0)

    def _descend_and_close(self, observation: Observation) -> None:
        first = self._arm.forward(self._approach.before)[0]
        length = float(np.linalg.norm(self._arm.forward(self._approach.at)[0] - first))
        speed = min(HAND_SPEED, SLOWING * (length - self._travelled) + LEAST_SPEED)
        self._travelled = min(self._travelled + speed * self._period, length)
        if self._travelled >= length - 0.012:
            self._target[5] = max(self._target[5] - CLOSING_SPEED * self._period, CLOSED)
            moved = self._last_gripper - observation.joints[5]
            self._last_gripper = float(observation.joints[5])
            behind = observation.joints[5] - self._target[5]
            self._gap = max(self._gripper.gap(observation.joints[5]), self._width)
            touching = behind > LAG and self._gap < self._width + WIDER
            still = moved < STALL and (touching or self._target[5] <= CLOSED)
            self._stalled = self._stalled + self._period if still else 0.0
            self._gripping = self._stalled >= SETTLE
        gap = max(self._gripper.gap(self._target[5]), self._width)
        self._follow(self._aimed(gap, length - self._travelled))

    def _lift(self) -> None:
        self._target[5] = max(self._target[5] - CLOSING_SPEED * self._period, CLOSED)
        if self._lifted >= LIFT:
            self._rested += self._period
            return
        self._lifted += min(HAND_SPEED, LEAST_SPEED + SLOWING * self._lifted) * self._period
        self._follow(self._aimed(self._gap, 0.0) - self._down * self._lifted)

    def _aimed(self, gap: float, back: float) -> Array:
        """Position (3,) of gripper_frame with the aim in the middle between the jaws, ``back`` m before the grasp."""
        return self._approach.aim + self._rotation @ np.array([gap / 2.0, 0.0, self._approach.beyond - back])

    def _follow(self, position: Array) -> None:
        self._target[:5] = self._solver.follow(self._target, position, self._rotation, self._period)

    def _rounded(self, corners: List[Array]) -> List[Array]:
        """The polyline through the corners (6,) at constant speed, one point a period, its corners rounded."""
        step, points = TRAVEL_SPEED * self._period, [corners[0]]
        for first, last in zip(corners, corners[1:]):
            count = max(int(np.ceil(np.abs(last - first).max() / step)), 1)
            points.extend(first + (last - first) * share for share in np.linspace(0.0, 1.0, count + 1)[1:])
        padded = np.vstack([points[:1] * (ROUNDING // 2), points, points[-1:] * (ROUNDING // 2)])
        window = np.ones(ROUNDING) / ROUNDING
        smooth = np.column_stack([np.convolve(column, window, mode="valid") for column in padded.T])
        return list(smooth[1:])


@lru_cache(maxsize=None)
def _tools() -> Tuple[ScenarioSampler, ArmSolver]:
    sampler = ScenarioSampler()
    return sampler, ArmSolver(sampler.robot)


@dataclass(frozen=True, eq=False)
class GraspAttempt:
    """Result of one placement: its episode, whether the judge counted it, and why not."""

    placement: GraspScenario
    episode: Optional[Episode]
    success: bool
    reason: str


def attempt(
    placement: GraspScenario, seed: int, images: bool, noise: Optional[ObservationNoise] = None, disturbed: bool = True
) -> GraspAttempt:
    """Let the expert try a placement once. ``seed``: of perception errors and of the disturbance."""
    sampler, solver = _tools()
    if images:
        placement = sampler.at_view_pose(placement, seed)
    scene = GraspScene(placement, sampler, seed, noise, visuals=images)
    first = scene.observe()
    path = sampler.path(placement, first.object_features, CLEARANCE) or sampler.path(placement, first.object_features)
    if path is None:
        return GraspAttempt(placement, None, False, "no way to where the object seems to be")
    expert = Expert(sampler, solver, path, first.object_features, first.joints)
    random = np.random.default_rng([seed, 1])
    keep = np.exp(-sampler.config.policy_period / DISTURBANCE_TIME)
    sway = np.zeros(6)
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
        sway = keep * sway + np.sqrt(1.0 - keep**2) * random.normal(0.0, DISTURBANCE, 6) * disturbed
        sway[5] = 0.0
        scene.step(action + sway)
        observation = scene.observe()
    judge = scene.judge
    scene.close()
    if not judge.success:
        reason = "too deep in the object" if judge.failed else judge.fault or "held for too short a time"
        return GraspAttempt(placement, None, False, f"{reason}, lifted {judge.lift:.3f} m")
    episode = Episode(
        state=np.asarray(rows["state"], dtype=np.float32),
        environment_state=np.asarray(rows["features"], dtype=np.float32),
        action=np.asarray(rows["action"], dtype=np.float32),
        images=np.asarray(rows["image"], dtype=np.uint8) if images else None,
        task=f"pick up the {placement.item.kind}",
        fps=round(1.0 / sampler.config.policy_period),
    )
    return GraspAttempt(placement, episode, True, "")
