"""What all phases of a pick share: measurements, the arm's command, the object's place, motions and checks."""

import math
from typing import Generator, List, Optional, Sequence

import numpy as np

from xdog.arm.gripper import Gripper
from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import RobotDescription
from xdog.core.timers import HoldTimer
from xdog.grasp.config import PickConfig
from xdog.grasp.object_tracker import ObjectTracker, TrackedDetection
from xdog.grasp.observation import object_features
from xdog.grasp.pick_types import PickEnd, PickInput
from xdog.locomotion.stance import smooth

Array = np.ndarray
Script = Generator[None, None, None]

PEAK_TO_MEAN = 1.875
"""Highest speed of a minimum-jerk motion, by its mean."""


class PickContext:
    """State of one pick, with the steps and checks that its phases are made of.

    Args:
        robot: its description.
        config: pick.yaml.

    Attributes:
        control: s, the control period.
        kinematics, gripper: the arm's.
        arm_base: where the arm sits on the trunk.
        tracker: follows the object.
        detections: the newest ones.
        command: arm targets (6,) rad; None as long as the arm is to be left alone.
        place, size: (3,) m, of the object in the level frame; zero before it was seen.
        progress: share of the present phase, 0 to 1.
    """

    def __init__(self, robot: RobotDescription, config: PickConfig) -> None:
        self.config, self.control = config, 1.0 / robot.rates["control"]
        self.kinematics, self.gripper = ArmKinematics(robot), Gripper(robot)
        self.arm_base = robot.fixed_transform(self.kinematics.base)
        self.tracker = ObjectTracker(config.looking.gate, config.looking.sightings)
        self.detections: List[TrackedDetection] = []
        self.command: Optional[Array] = None
        self.place, self.size = np.zeros(3), np.zeros(3)
        self.progress = 0.0
        self._measured: Optional[PickInput] = None
        self._behind = HoldTimer()

    # Measurements.

    @property
    def measured(self) -> PickInput:
        """The newest measurement."""
        assert self._measured is not None, "a measurement comes before the script runs"
        return self._measured

    @property
    def now(self) -> float:
        """Of the newest measurement, s."""
        return self.measured.now

    @property
    def sent(self) -> Array:
        """The arm's last command, (6,) rad, or where it is if there was none."""
        return self.measured.arm if self.command is None else self.command

    def update(self, measured: PickInput) -> None:
        """Take in a measurement; ends the pick where it allows no motion."""
        before, self._measured = self._measured, measured
        if before is not None and measured.now < before.now:  # no time since then would mean anything
            raise PickEnd("aborted", f"the clock jumped back by {before.now - measured.now:.2f} s")
        if measured.objection:
            raise PickEnd("aborted", measured.objection)
        if not measured.standing:
            raise PickEnd("aborted", "the dog does not stand any more")
        if measured.torque_off:
            raise PickEnd("aborted", f"the dog's legs are not held: {measured.torque_off}")
        self._check_follows()

    def see(self, detections: Sequence[TrackedDetection]) -> None:
        """Take in detections, in the level frame. One ahead of now would never grow old: it is left out."""
        now = math.inf if self._measured is None else self.now
        self.detections = [detection for detection in detections if detection.stamp - now <= self.control]
        if self.tracker.target is not None:
            self.tracker.follow(self.detections)

    # Places.

    @property
    def age(self) -> float:
        """Of the newest detection of the chosen object, s; infinite without one, or if it lies ahead of now."""
        age = math.inf if self.tracker.target is None else self.now - self.tracker.target.stamp
        return age if age >= -self.control else math.inf

    @property
    def tool(self) -> Array:
        """gripper_frame in the level frame, (3,) m."""
        position = self.kinematics.forward(self.measured.arm)[0]
        return self.measured.trunk.to_level(self.arm_base.to_reference(position))

    @property
    def distance(self) -> float:
        """From gripper_frame to the object, m."""
        return float(np.linalg.norm(self.tool - self.place))

    @property
    def features(self) -> Array:
        """The object as the policy observes it, (8,)."""
        trunk = self.measured.trunk
        centre = self.arm_base.from_reference(trunk.to_base(self.place))
        return object_features(centre, self.size, self.arm_base.rotation.T @ trunk.gravity)

    def note_place(self) -> None:
        """Take in where the object is. The policy has learned with what was seen before the arm came into view."""
        assert self.tracker.target is not None
        self.place, self.size = self.tracker.place(), self.tracker.target.size

    # Motions and checks.

    def move(self, goal: Array, holding: bool = False) -> Script:
        """Move the arm to a pose (6,), all joints together; with an object, end as lost when it falls out."""
        start = self.sent
        travel = float(np.max(np.abs(goal - start)))
        duration = max(PEAK_TO_MEAN * travel / self.config.approach.speed, self.control)
        begin, share = self.now, 0.0
        while share < 1.0:
            self.progress = share = min((self.now - begin) / duration, 1.0)
            self.command = start + smooth(share) * (goal - start)
            if holding:
                self.check_held()
            yield

    def check_seen(self, far: bool) -> None:
        """End if the object is out of sight, unless the gripper may hide it."""
        if far and self.age > self.config.approach.lost:
            raise PickEnd("lost", f"the object was last seen {self.age:.1f} s ago: it was moved, or is out of view")

    def check_held(self) -> None:
        """End if nothing is between the jaws any more."""
        if self.gripper.gap(float(self.measured.arm[5])) < self.config.grip.gap:
            raise PickEnd("lost", "the object fell out of the gripper")

    def _check_follows(self) -> None:
        """End if the arm is not where it is sent: blocked, or moved by another command. The gripper does not count."""
        config = self.config.approach
        behind = bool(np.any(np.abs(self.measured.arm - self.sent)[:5] > config.behind))
        if self._behind.update(self.now, behind, config.follow):
            raise PickEnd("aborted", "the arm does not follow: is it blocked, or does something else move it?")
