"""Motions of the arm under way: a trajectory, the gripper opening or closing. Each says when and how it ended."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np

from xdog.arm.config import GripperConfig
from xdog.arm.path import ArmPath
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


@dataclass(frozen=True, eq=False)
class Reference:
    """What commands follow: positions in rad, velocities and the highest speeds wanted in rad/s; (n,) each.

    With the outcome of a motion it is where its joints stay.
    """

    position: Array
    velocity: Array
    speed: Array


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
    def step(self, measured: ArmMeasurement, command: Array) -> Reference:
        """What its joints follow now; may end the motion. ``command`` (6,) rad is the last one."""

    def ahead(self, times: Array) -> Optional[Array]:
        """Where its joints will be at times (k,) in s, (k, n) rad; None if that is not known."""
        return None


class TrajectoryMotion(Motion):
    """Follows a path and watches its plan's tolerances.

    Attributes:
        path: what is followed, also before the plan's start.
        progress: None before the first step.
    """

    def __init__(self, plan: Plan, path: ArmPath, names: Sequence[str]) -> None:
        """Args: a plan, the path on which it is carried out, and the names of its joints."""
        super().__init__(plan.joints)
        self.path = path
        self.progress: Optional[MotionProgress] = None
        self._plan, self._names, self._duration = plan, names, float(plan.times[-1])

    def ahead(self, times: Array) -> Array:
        """Where its joints will be at times (k,) in s, (k, n) rad."""
        return np.asarray(self.path.sample(times)[0][:, self.joints])

    def step(self, measured: ArmMeasurement, command: Array) -> Reference:
        """What its joints follow now; ends in success only where the measured arm is at the goal and at rest."""
        plan, time = self._plan, measured.stamp - self._plan.start
        position, velocity = (row[self.joints] for row in self.path.sample(np.array(measured.stamp)))
        actual = measured.position[self.joints], measured.velocity[self.joints]
        self.progress = MotionProgress(time, (position, velocity), actual)
        errors = position - actual[0], velocity - actual[1]
        if time < self._duration:
            problem = plan.path.violation(self._names, *errors)
            if problem:
                self.outcome = MotionOutcome(PATH_TOLERANCE_VIOLATED, f"{time:.2f} s into the trajectory {problem}")
        else:
            problem = plan.goal.violation(self._names, *errors)
            if not problem:
                self.outcome = MotionOutcome(SUCCESSFUL, "the goal is reached")
            elif time > self._duration + plan.patience:
                text = f"{plan.patience:.2f} s after the last point's time {problem}"
                self.outcome = MotionOutcome(GOAL_TOLERANCE_VIOLATED, text)
        return Reference(position, velocity, np.full(len(self.joints), np.inf))


class GripperMotion(Motion):
    """Moves the gripper until it is there, or pushes against something, or does not move at all.

    A servo's effort counts as pushing only while the gripper does not move: the effort of moving is not a grip.

    Attributes:
        stalled: it pushes against something.
        reached: it is at its goal.
    """

    def __init__(self, joint: int, goal: float, max_torque: float, config: GripperConfig, limit: float) -> None:
        """Begin.

        Args:
            joint: its place in the arm.
            goal: rad.
            max_torque: Nm with which it may push.
            config: settings.
            limit: s after which it ends whatever it does.
        """
        super().__init__(np.array([joint]))
        self._goal, self._max_torque, self._config, self._limit = goal, max_torque, config, limit
        self._begin: Optional[float] = None
        self._history: List[Tuple[float, float]] = []  # s and rad, as far back as matters
        self._held: Optional[float] = None
        """rad, beyond which it does not push; None while it may go on to its goal."""
        self.stalled = self.reached = False

    def step(self, measured: ArmMeasurement, command: Array) -> Reference:
        """What the gripper follows now."""
        config, joint, now = self._config, self.joints[0], measured.stamp
        here, torque = float(measured.position[joint]), float(abs(measured.effort[joint]))
        self._begin = now if self._begin is None else self._begin
        self._history = [entry for entry in self._history if now - entry[0] <= config.stall_time + 1e-6]
        self._history.append((now, here))
        goal = self._goal
        if abs(goal - here) <= config.tolerance:
            self.reached = True
            self.outcome = MotionOutcome(SUCCESSFUL, "the gap is reached")
        elif self._is_still(config.stall_time):
            goal = self._end_at_rest(here, torque, float(command[joint]))
        elif now - self._begin > self._limit:
            text = f"the gripper neither got there nor came to rest within {self._limit:.1f} s"
            self.outcome, goal = MotionOutcome(GOAL_TOLERANCE_VIOLATED, text), here
        else:
            goal = self._limit_push(here, torque, float(command[joint]))
        return Reference(np.array([goal]), np.zeros(1), np.array([config.speed]))

    def _is_still(self, window: float) -> bool:
        """Whether the gripper has not moved for so long, s. Its velocity is not asked: noise would look like motion."""
        now, here = self._history[-1]
        recent = [angle for stamp, angle in self._history if now - stamp <= window + 1e-6]
        whole = now - self._history[0][0] >= window - 1e-6
        return whole and all(abs(angle - here) <= self._config.stall_speed * window for angle in recent)

    def _limit_push(self, here: float, torque: float, command: float) -> float:
        """The goal, or where to go back to while it pushes too hard."""
        if not self._is_still(self._config.contact_time):
            self._held = None
        elif torque >= self._max_torque:
            self._held = here
        elif self._held is not None:
            self._held = command
        return self._goal if self._held is None else self._held

    def _end_at_rest(self, here: float, torque: float, command: float) -> float:
        """End because it does not move; returns where it stays."""
        config = self._config
        limited = self._held is not None or torque >= self._max_torque
        if not limited and torque < config.stall_torque:
            self.outcome = MotionOutcome(GOAL_TOLERANCE_VIOLATED, "the gripper does not move: has it torque?")
            return here
        self.stalled = True
        self.outcome = MotionOutcome(SUCCESSFUL, f"the gripper pushes against something with {torque:.2f} Nm")
        if limited:
            return here if torque >= self._max_torque else command
        return here + float(np.clip(self._goal - here, -config.squeeze, config.squeeze))
