"""Moving the arm by hand without ROS: from keys, or from the joints of a leader arm, to joint targets."""

from typing import Mapping, Tuple

import numpy as np

from xdog.arm.kinematics import ArmKinematics, IkError
from xdog.core.description import RobotDescription
from xdog.teleop.config import ArmTeleopConfig

Array = np.ndarray

AXES: Mapping[str, Tuple[str, int]] = {
    "w": ("out", 1),
    "s": ("out", -1),
    "a": ("turn", 1),
    "d": ("turn", -1),
    "r": ("up", 1),
    "f": ("up", -1),
    "t": ("tilt", -1),
    "g": ("tilt", 1),
    "q": ("roll", -1),
    "e": ("roll", 1),
    "o": ("grip", 1),
    "c": ("grip", -1),
}
"""What each key moves, and in which direction."""

HELP_TEXT = """\
  move the gripper: a tap nudges, holding the key moves on
    w s  out, in      a d  left, right     r f  up, down
    t g  tilt up, down    q e  roll        o c  open, close"""

ALIGNED = 0.03
"""rad between leader and arm below which the arm follows freely."""


class ArmJog:
    """Moves a joint target by keys: the gripper's place and tilt, its roll and opening. Times in s of one clock.

    Args:
        robot: its description.
        config: speeds.
        target: (6,) rad, the last goal sent.

    Attributes:
        target: (6,) rad.
        objection: why the held key does not move the arm; empty if it does.
    """

    def __init__(self, robot: RobotDescription, config: ArmTeleopConfig, target: Array) -> None:
        self._kinematics, self._config, self._arm = ArmKinematics(robot), config, robot.arm
        self.target: Array = np.clip(np.asarray(target, dtype=float), robot.arm.lower, robot.arm.upper)
        self.objection = ""
        self._key = ""
        self._until = -np.inf

    def press(self, key: str, now: float) -> None:
        """A key of AXES was pressed, or repeats while it is held."""
        self._key, self._until = key, now + self._config.nudge

    def release(self) -> None:
        """Stop at once."""
        self._until = -np.inf

    def step(self, now: float, period: float, measured: Array) -> Array:
        """The target (6,) rad for the next period; at most ``lead`` ahead of the measured joints (6,)."""
        self.objection = ""
        if now >= self._until:
            return self.target
        axis, sign = AXES[self._key]
        try:
            wanted = np.clip(self._moved(axis, sign * period), self._arm.lower, self._arm.upper)
        except IkError as error:
            self.objection = str(error)
            return self.target
        ahead = np.abs(wanted - measured) > self._config.lead
        ahead[5] = False  # the gripper may hold something
        if np.any(ahead & (np.abs(wanted - measured) > np.abs(self.target - measured))):
            self.objection = "waiting for the arm"
        elif np.abs(wanted - self.target).max() > self._config.lead:
            self.objection = "that would flip the elbow"
        else:
            if np.allclose(wanted, self.target, atol=1e-12):
                self.objection = "at the joint's limit"
            self.target = wanted
        return self.target

    def _moved(self, axis: str, amount: float) -> Array:
        target, config = self.target.copy(), self._config
        if axis in ("turn", "roll", "grip"):
            joint, speed = {
                "turn": (0, config.angular),
                "roll": (4, config.angular),
                "grip": (5, config.gripper),
            }[axis]
            # The pan's joint axis may point down; left must be left all the same.
            direction = self._left if axis == "turn" else 1.0
            target[joint] += direction * speed * amount
            return target
        position, pitch = self._kinematics.forward(target)[0], self._kinematics.pitch(target)
        if axis == "tilt":
            pitch += config.angular * amount
        elif axis == "up":
            position[2] += config.linear * amount
        else:
            outward = position[:2] - self._kinematics.link_poses(target)[0][1, :2]
            position[:2] += config.linear * amount * outward / max(float(np.linalg.norm(outward)), 1e-6)
        target[:5] = self._kinematics.inverse(position, pitch, target[4], seed=target)
        return target

    @property
    def _left(self) -> float:
        """Sign of the pan's angle that turns the arm to its left, counterclockwise seen from above."""
        turned = self.target.copy()
        turned[0] += 1e-3
        here, there = (self._kinematics.link_poses(angles)[1][1][:, 0] for angles in (self.target, turned))
        return float(np.sign(here[0] * there[1] - here[1] * there[0]))


class LeaderFollower:
    """Moves a joint target to a leader arm's joints: slowly until the two agree, then as fast as the leader.

    Args:
        config: how fast to align.
        target: (6,) rad, the last goal sent.

    Attributes:
        target: (6,) rad.
        aligned: whether the arm follows freely.
    """

    def __init__(self, config: ArmTeleopConfig, target: Array) -> None:
        self._config = config
        self.target: Array = np.asarray(target, dtype=float)
        self.aligned = False

    def step(self, period: float, leader: Array) -> Array:
        """The target (6,) rad for the next period, given the leader's joints (6,) rad."""
        difference = np.asarray(leader, dtype=float) - self.target
        self.aligned = self.aligned or bool(np.abs(difference).max() <= ALIGNED)
        if not self.aligned:
            most = self._config.align * period
            difference *= min(1.0, most / float(np.abs(difference).max()))
        self.target = self.target + difference
        return self.target
