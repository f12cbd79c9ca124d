"""The picking script with the real arm controller in a toy world: ideal servos, an object that sticks to jaws."""

from typing import List, Optional

import numpy as np

from xdog.arm.config import load_arm_config
from xdog.arm.controller import ArmController
from xdog.arm.gripper import Gripper
from xdog.arm.kinematics import ArmKinematics
from xdog.arm.motions import ArmMeasurement
from xdog.core.description import load_description
from xdog.grasp.conditions import TrainingConditions
from xdog.grasp.config import load_pick_config
from xdog.grasp.object_tracker import TrackedDetection
from xdog.grasp.pick import PickTask
from xdog.grasp.pick_types import AfterPick, PickInput
from xdog.grasp.stance_planner import StancePlanner
from xdog.grasp.trunk_pose import TrunkPose, standing_trunk_pose
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.stance import BodyPose, Stance
from xdog_sim.grasp.approach import GraspPlanner
from xdog_sim.grasp.config import load_grasp_scenarios

ROBOT = load_description()
CONFIG = load_pick_config()
ARM_CONFIG = load_arm_config(ROBOT)
CONDITIONS = load_grasp_scenarios().conditions(by_image=False)
IMAGE_CONDITIONS = load_grasp_scenarios().conditions(by_image=True)
_LOCOMOTION = load_locomotion_config()
STANCE = Stance(ROBOT, _LOCOMOTION.stance, _LOCOMOTION.body_pose)
PLANNER = StancePlanner(ROBOT, STANCE, CONDITIONS.workspace)
ARM, GRIPPER, APPROACHES = ArmKinematics(ROBOT), Gripper(ROBOT), GraspPlanner(ROBOT)
PERIOD, CONTROL = 0.04, 0.02
SIZE = np.array([0.04, 0.04, 0.04])


class ScriptedPolicy:
    """Goes where the object is, closes and lifts: a stand-in for a learned policy."""

    def __init__(self) -> None:
        self.attempts = 0
        self.began = np.zeros(6)
        """rad, where the last attempt began."""
        self.reset()
        self.attempts = 0

    def reset(self) -> None:
        self._way: Optional[List[np.ndarray]] = None
        self.attempts += 1

    def act(self, joints: np.ndarray, features: np.ndarray) -> np.ndarray:
        if self._way is None:
            self.began = joints
            grasp = next(iter(APPROACHES.candidates(features)))
            wide = GRIPPER.angle(grasp.opening)
            poses = ((grasp.before, wide), (grasp.at, wide), (grasp.at, -0.16), (grasp.lifted, -0.16))
            self._way = [np.append(pose, angle) for pose, angle in poses]
            self._now = np.asarray(joints, dtype=float)
        goal = self._way[0]
        self._now = self._now + np.clip(goal - self._now, -0.05, 0.05)
        if len(self._way) > 1 and np.allclose(self._now, goal):
            self._way.pop(0)
        return self._now


class PickBench:
    """One object, one dog; `run` steps the script until it ends."""

    def __init__(
        self,
        place: np.ndarray,
        label: str = "",
        after: AfterPick = AfterPick.HOLD,
        conditions: TrainingConditions = CONDITIONS,
    ) -> None:
        self.policy = ScriptedPolicy()
        self.pick = PickTask(ROBOT, CONFIG, self.policy, PERIOD, conditions, PLANNER, label, after)
        self.controller = ArmController(ROBOT, ARM_CONFIG)
        self.now = 1.0
        self.standing = standing_trunk_pose(STANCE.legs, STANCE.stand).height
        self.body = BodyPose()
        self.legs = STANCE.stand
        self.arm = ROBOT.arm.poses["home"].copy()
        self.velocity = np.zeros(6)
        self.effort = np.zeros(6)
        self.load = np.zeros(6)
        """Nm of an external load on the joints."""
        self.object = np.asarray(place, dtype=float)
        self.held: Optional[np.ndarray] = None
        self.slippery = 0
        """Attempts in which the object does not stay between the jaws."""
        self.visible = True
        self.stands = True
        self.torque_off = ""
        self.ahead = 0.0
        """s by which detections are stamped too late."""
        self.objection = ""
        self.follows = True
        """Whether the servos go where they are sent."""
        self.phases: List[str] = []

    @property
    def trunk(self) -> TrunkPose:
        return TrunkPose(self.standing + self.body.height, 0.0, self.body.pitch)

    @property
    def tool(self) -> np.ndarray:
        """Where the jaws' middle is in the level frame."""
        position, rotation = ARM.forward(self.arm)
        gap = GRIPPER.gap(self.arm[5])
        between = position + rotation @ np.array([-gap / 2.0, 0.0, -0.01])
        return self.trunk.to_level(PLANNER.arm_base.to_reference(between))

    def step(self) -> None:
        if self.visible and round(self.now / CONTROL) % 3 == 0:
            self.pick.see([TrackedDetection(self.now - 0.04 + self.ahead, "ball", self.object.copy(), SIZE)])
        command = self.pick.step(
            PickInput(
                self.now,
                self.arm.copy(),
                self.effort + self.load,
                self.trunk,
                self.stands,
                self.torque_off,
                self.objection,
            )
        )
        if not self.phases or self.phases[-1] != self.pick.phase:
            self.phases.append(self.pick.phase)
        if command.body is not None and command.body != self.body:
            self.body = command.body
            self.legs = STANCE.legs.joints(STANCE.feet_at(self.body))
        if command.arm is not None:
            self.controller.on_setpoint(ROBOT.arm.names, command.arm, CONTROL, self.now)
        self._control_arm()
        self.now += CONTROL

    def _control_arm(self) -> None:
        """One period of the arm controller and the servos behind it."""
        self.controller.on_safety(self.now, not self.objection, self.objection)
        measured = ArmMeasurement(self.now, self.arm.copy(), self.velocity, self.effort + self.load)
        target = self.controller.step(measured, self.legs)
        before = self.arm.copy()
        if target is not None and self.follows:
            self.move_servos(target)
        self.velocity = (self.arm - before) / CONTROL

    def move_servos(self, target: np.ndarray) -> None:
        """The servos go where they are sent, and the object with them if it is held."""
        thickness = GRIPPER.angle(SIZE[0])
        between = np.linalg.norm(self.tool - self.object) < 0.02 and self.policy.attempts > self.slippery
        if self.held is None and between and target[5] < thickness <= self.arm[5] + 1e-9:
            self.held = self.object - self.tool
        if self.held is not None and target[5] > thickness:
            self.held = None
        self.arm = target.copy()
        self.effort = np.zeros(6)
        if self.held is not None:
            self.arm[5], self.effort[5] = thickness, -1.0
            self.object = self.tool + self.held

    def run(self, seconds: float = 60.0) -> "PickBench":
        """Go on until the script ends, or for some time."""
        end = self.now + seconds
        while self.pick.outcome is None and self.now < end:
            self.step()
        return self

    def run_until(self, phase: str) -> "PickBench":
        """Go on until a phase has begun."""
        while self.pick.phase != phase:
            assert self.pick.outcome is None, self.pick.outcome
            self.step()
        return self

    def rest(self, seconds: float = 1.0) -> np.ndarray:
        """Let time pass, also after the end; the arm's joints then."""
        for _ in range(round(seconds / CONTROL)):
            self.step()
        return self.arm.copy()
