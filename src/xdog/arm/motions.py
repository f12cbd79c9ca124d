"""Motions of the arm under way: a trajectory, the gripper opening or closing. Each says when and how it ended."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import numpy as np

from xdog.arm.config import GripperConfig
from xdog.arm.spline import Spline
from xdog.arm.trajectory import GOAL_TOLERANCE_VIOLATED, PATH_TOLERANCE_VIOLATED, SUCCESSFUL, Plan

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class ArmMeasurement:
    """What the servos measured: stamp in s; position (6,) rad, velocity (6,) rad/s, effort (6,) Nm."""

    stamp: float
    position: Array
    velocity: Array
    effort: Array


@dataclass(frozen=True)
class MotionOutcome:
    """How a motion ended: ``code`` as in FollowJointTrajectoryResult; cancelled by its owner or a newer motion."""

    code: int
    message: str
    cancelled: bool = False


@dataclass(frozen=True, eq=False)
class MotionProgress:
    """For feedback: where the motion's n joints should be and are, rad and rad/s, ``time`` s after its start."""

    time: float
    desired: Tuple[Array, Array]
    actual: Tuple[Array, Array]


class Motion(ABC):
    """What moves some joints of the arm.

    Attributes:
        joints: (n,) where they stand in the arm.
        outcome: None while it goes on.
    """

    def __init__(self, joints: Array) -> None:
        self.joints = joints
        self.outcome: Optional[MotionOutcome] = None

    @abstractmethod
    def step(self, measured: ArmMeasurement, target: Array, period: float) -> Array:
        """Next goals of its joints, (n,) rad; may end the motion. ``target`` (6,) rad is what was sent last."""

    def velocity(self, now: float) -> Array:
        """Wanted speeds of its joints at ``now`` (s), (n,) rad/s."""
        return np.zeros(len(self.joints))


class TrajectoryMotion(Motion):
    """Follows a plan's spline and watches its tolerances."""

    def __init__(self, plan: Plan, spline: Spline, names: Sequence[str]) -> None:
        """Args: a plan, the spline made of it, and the names of its joints."""
        super().__init__(plan.joints)
        self._plan, self._spline, self._names = plan, spline, names
        self.progress: Optional[MotionProgress] = None

    def velocity(self, now: float) -> Array:
        """Wanted speeds of its joints at ``now`` (s), (n,) rad/s."""
        return self._spline.sample(np.array(now - self._plan.start))[1]

    def step(self, measured: ArmMeasurement, target: Array, period: float) -> Array:
        """Next goals (n,) rad; ends in success only where the measured arm is at the goal and at rest."""
        plan, time = self._plan, measured.stamp - self._plan.start
        desired = self._spline.sample(np.array(time))
        actual = measured.position[self.joints], measured.velocity[self.joints]
        self.progress = MotionProgress(time, desired, actual)
        errors = desired[0] - actual[0], desired[1] - actual[1]
        if time < self._spline.duration:
            problem = plan.path.violation(self._names, *errors)
            if problem:
                self.outcome = MotionOutcome(PATH_TOLERANCE_VIOLATED, f"{time:.2f} s into the trajectory {problem}")
        else:
            problem = plan.goal.violation(self._names, *errors)
            if not problem:
                self.outcome = MotionOutcome(SUCCESSFUL, "the goal is reached")
            elif time > self._spline.duration + plan.patience:
                text = f"{plan.patience:.2f} s after the last point's time {problem}"
                self.outcome = MotionOutcome(GOAL_TOLERANCE_VIOLATED, text)
        return desired[0]


class GripperMotion(Motion):
    """Moves the gripper until it is there, or pushes against something, or does not move at all.

    Attributes:
        stalled: it pushes against something.
        reached: it is at its goal.
    """

    def __init__(self, joint: int, goal: float, max_torque: float, config: GripperConfig, limit: float) -> None:
        """Begin.

        Args:
            joint: its place in the arm.
            goal: rad.
            max_torque: Nm at which it stops pushing.
            config: the figures.
            limit: s after which it ends whatever it does.
        """
        super().__init__(np.array([joint]))
        self._goal, self._max_torque, self._config, self._limit = goal, max_torque, config, limit
        self._begin: Optional[float] = None
        self._moved, self._place = 0.0, 0.0  # when it was seen to have moved last, s, and where it was then, rad
        self.stalled = self.reached = False

    def step(self, measured: ArmMeasurement, target: Array, period: float) -> Array:
        """Next goal (1,) rad."""
        config, joint = self._config, self.joints[0]
        here, torque = measured.position[joint], abs(measured.effort[joint])
        if self._begin is None:
            self._begin, self._moved, self._place = measured.stamp, measured.stamp, here
        # Not by the measured velocity, whose noise would look like motion.
        if abs(here - self._place) > config.stall_speed * config.stall_time:
            self._moved, self._place = measured.stamp, here
        still = measured.stamp - self._moved >= config.stall_time
        wanted = target[joint] + np.clip(self._goal - target[joint], -config.speed * period, config.speed * period)
        if abs(self._goal - here) <= config.tolerance:
            self.reached = True
            self.outcome = MotionOutcome(SUCCESSFUL, "the gap is reached")
            wanted = self._goal
        elif torque >= self._max_torque and abs(self._goal - target[joint]) > 0.0:
            wanted = target[joint]  # it pushes with what was allowed: no further
        if still and not self.reached:
            if torque >= min(config.stall_torque, self._max_torque):
                self.stalled = True
                self.outcome = MotionOutcome(SUCCESSFUL, f"the gripper pushes against something with {torque:.2f} Nm")
                squeeze = np.clip(wanted - here, -config.squeeze, config.squeeze)
                wanted = here + squeeze
            else:
                self.outcome = MotionOutcome(GOAL_TOLERANCE_VIOLATED, "the gripper does not move: has it torque?")
                wanted = here
        elif measured.stamp - self._begin > self._limit and not self.reached:
            self.outcome = MotionOutcome(
                GOAL_TOLERANCE_VIOLATED, f"the gripper neither got there nor came to rest within {self._limit:.1f} s"
            )
            wanted = here
        return np.array([wanted])
