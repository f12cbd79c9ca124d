"""A toy world for the picking script: arm and trunk follow commands, an object sticks to closed fingers."""

from typing import List, Optional

import numpy as np

from xdog.arm.gripper import Gripper
from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import load_description
from xdog.grasp.config import load_pick_config
from xdog.grasp.object_tracker import TrackedDetection
from xdog.grasp.pick import AfterPick, PickInput, PickTask
from xdog.grasp.stance_planner import StancePlanner, load_grasp_workspace
from xdog.grasp.trunk_pose import TrunkPose, standing_trunk_pose
from xdog.grasp.view_poses import ViewPoses
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.stance import BodyPose, Stance
from xdog_sim.grasp.approach import GraspPlanner

ROBOT = load_description()
CONFIG = load_pick_config()
_LOCOMOTION = load_locomotion_config()
STANCE = Stance(ROBOT, _LOCOMOTION.stance, _LOCOMOTION.body_pose)
CHOOSER = StancePlanner(ROBOT, STANCE, load_grasp_workspace())
ARM, GRIPPER, PLANNER = ArmKinematics(ROBOT), Gripper(ROBOT), GraspPlanner(ROBOT)
PERIOD, CONTROL = 0.04, 0.02
SIZE = np.array([0.04, 0.04, 0.04])


class ScriptedPolicy:
    """Goes to the object, closes and lifts: a stand-in for a learned policy."""

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
            grasp = next(iter(PLANNER.candidates(features)))
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
        afterwards: AfterPick = AfterPick.HOLD,
        looks: Optional[ViewPoses] = None,
    ) -> None:
        self.policy = ScriptedPolicy()
        self.pick = PickTask(ROBOT, CONFIG, self.policy, PERIOD, CHOOSER, label, afterwards, looks)
        self.now = 1.0
        self.standing = standing_trunk_pose(STANCE.legs, STANCE.stand).height
        self.body = BodyPose()
        self.arm = ROBOT.arm.poses["home"].copy()
        self.effort = np.zeros(6)
        self.load = np.zeros(6)
        """Nm of an external load on the joints."""
        self.object = np.asarray(place, dtype=float)
        self.held: Optional[np.ndarray] = None
        self.slippery = 0
        """Attempts in which the object does not stay between the fingers."""
        self.visible = True
        self.stands = True
        self.torque_off = ""
        self.ahead = 0.0
        """s by which detections are stamped too late."""
        self.objection = ""
        self.obeys = True
        self.phases: List[str] = []

    @property
    def posture(self) -> TrunkPose:
        return TrunkPose(self.standing + self.body.height, 0.0, self.body.pitch)

    @property
    def tool(self) -> np.ndarray:
        """Where the fingers' middle is in the level frame."""
        position, rotation = ARM.forward(self.arm)
        gap = GRIPPER.gap(self.arm[5])
        return self.posture.to_level(
            CHOOSER.arm_base.to_reference(position + rotation @ np.array([-gap / 2.0, 0.0, -0.01]))
        )

    def step(self) -> None:
        tick = round(self.now / CONTROL)
        if self.visible and tick % 3 == 0:
            self.pick.see([TrackedDetection(self.now - 0.04 + self.ahead, "ball", self.object.copy(), SIZE)])
        command = self.pick.step(
            PickInput(
                self.now,
                self.arm.copy(),
                self.effort + self.load,
                self.posture,
                self.stands,
                self.torque_off,
                self.objection,
            )
        )
        if not self.phases or self.phases[-1] != self.pick.phase:
            self.phases.append(self.pick.phase)
        if command.body is not None:
            self.body = command.body
        if command.arm is not None and self.obeys:
            self._execute_command(command.arm)
        self.now += CONTROL

    def _execute_command(self, target: np.ndarray) -> None:
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
