"""Standing up, lying down and moving the body on standing feet: smooth joint targets, planned in advance."""

from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from xdog.core.description import RobotDescription
from xdog.core.interfaces import LegsTarget
from xdog.core.rotations import GRAVITY, rotation_matrix
from xdog.locomotion.config import BodyPoseConfig, StanceConfig
from xdog.locomotion.kinematics import Leg, LegKinematics

Array = np.ndarray


def smooth(progress: float) -> float:
    """Minimum-jerk blend: 0 at 0, 1 at 1, at rest at both ends; progress outside [0, 1] is clipped."""
    s = min(max(progress, 0.0), 1.0)
    return s * s * s * (10.0 + s * (6.0 * s - 15.0))


@dataclass(frozen=True)
class BodyPose:
    """Where the body is relative to plain standing: height in m, roll, pitch and yaw in rad."""

    height: float = 0.0
    roll: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0

    def as_array(self) -> Array:
        """Height, roll, pitch, yaw, (4,)."""
        return np.array([self.height, self.roll, self.pitch, self.yaw])


class Stance:
    """Leg targets that carry the body: footholds, support torques, reachable poses."""

    def __init__(self, robot: RobotDescription, config: StanceConfig, limits: BodyPoseConfig) -> None:
        self.robot = robot
        self.config = config
        self.legs = LegKinematics(robot)
        self.stand = robot.legs.poses["stand"]
        self.lie = robot.legs.poses["lie"]
        self.standing_feet = self.legs.feet(self.stand)
        self.lying_feet = self.legs.feet(self.lie)
        self._high = np.array([limits.rise, limits.roll, limits.pitch, limits.yaw])
        self._low = np.array([-limits.lower, -limits.roll, -limits.pitch, -limits.yaw])
        self._rate = np.array([limits.height_rate, limits.angle_rate, limits.angle_rate, limits.angle_rate])

    def target(self, position: Array, support: float = 1.0, stiffness: float = 1.0) -> LegsTarget:
        """Targets that hold a pose.

        Args:
            position: (12,) rad.
            support: share of the robot's weight that the feed-forward torque carries, 0 to 1.
            stiffness: share of the standing kp, 0 to 1.
        """
        gains = self.robot.leg_gains["stand"]
        weight = np.zeros((len(self.robot.feet), 3))
        weight[:, 2] = -support * self.robot.mass * GRAVITY / len(self.robot.feet)
        n = len(position)
        return LegsTarget(
            position=position,
            velocity=np.zeros(n),
            effort=self.legs.torques(position, weight),
            kp=np.full(n, stiffness * gains.kp),
            kd=np.full(n, gains.kd),
        )

    def feet_at(self, pose: BodyPose) -> Array:
        """Foot centres (4, 3) in the base frame when the body takes a pose over its standing footholds."""
        turn = rotation_matrix(pose.roll, pose.pitch, pose.yaw)
        feet: Array = (self.standing_feet - np.array([0.0, 0.0, pose.height])) @ turn
        return feet

    def within_reach(self, pose: BodyPose) -> BodyPose:
        """The pose, clipped to its ranges and then scaled towards plain standing until the legs reach it."""
        wanted = np.clip(pose.as_array(), self._low, self._high)
        reached, missed = 0.0, 1.0
        if self.legs.reach(self.feet_at(BodyPose(*wanted))):
            return BodyPose(*wanted)
        for _ in range(7):  # to within 1 %
            share = 0.5 * (reached + missed)
            if self.legs.reach(self.feet_at(BodyPose(*(share * wanted)))):
                reached = share
            else:
                missed = share
        return BodyPose(*(reached * wanted))

    def approach(self, pose: BodyPose, wanted: BodyPose, duration: float) -> BodyPose:
        """The pose after moving towards ``wanted`` for ``duration`` seconds at the permitted rates.

        All parts arrive together, so that every pose in between is a blend of the two, which the legs reach.
        """
        start, goal = pose.as_array(), wanted.as_array()
        needed = float(np.max(np.abs(goal - start) / self._rate))
        return wanted if needed <= duration else BodyPose(*(start + (goal - start) * duration / needed))

    def hold(self, pose: BodyPose) -> LegsTarget:
        """Targets for standing with the body at a pose within reach."""
        plain = pose == BodyPose()
        return self.target(self.stand if plain else self.legs.joints(self.feet_at(pose)))


class StandUp:
    """The motion from any measured pose to standing.

    Legs whose feet are not near their footholds are folded beside the trunk first. Then all feet are drawn in to
    their footholds while the trunk is still low, and push straight down.

    Args:
        stance: of the robot.
        measured: joint angles at the start, (12,) rad.
    """

    def __init__(self, stance: Stance, measured: Array) -> None:
        self._stance = stance
        measured = np.clip(measured, stance.robot.legs.lower, stance.robot.legs.upper)
        self._fold = [] if self._on_footholds(stance, measured) else _fold(stance, measured)
        self._fold_time = sum(duration for duration, _ in self._fold)
        self._start = measured
        self._low = self._fold[-1][1] if self._fold else measured
        self._low_feet = stance.legs.feet(self._low)
        self.duration = self._fold_time + stance.config.push_time

    @staticmethod
    def _on_footholds(stance: Stance, measured: Array) -> bool:
        """Whether every foot is near its foothold and not above its lying height."""
        away = stance.legs.feet(measured) - stance.standing_feet
        near = np.hypot(away[:, 0], away[:, 1]) <= stance.config.foothold_radius
        low = away[:, 2] <= (stance.lying_feet - stance.standing_feet)[:, 2] + 0.01
        return bool(np.all(near & low))

    def at(self, time: float) -> LegsTarget:
        """Targets ``time`` seconds after the start."""
        stiffness = smooth(time / self._stance.config.gains_time)
        if time >= self._fold_time:
            return _push(self._stance, self._low, self._low_feet, time - self._fold_time, stiffness)
        start, left = self._start, time
        for duration, goal in self._fold:
            if left < duration:
                break
            start, left = goal, left - duration
        position = start + smooth(left / duration) * (goal - start)
        return self._stance.target(position, support=0.0, stiffness=stiffness)


class LieDown:
    """The motion from standing targets to lying, where kp falls to zero."""

    def __init__(self, stance: Stance, position: Array) -> None:
        self._stance = stance
        self._position = position
        self._feet = stance.legs.feet(position)
        self.duration = stance.config.lower_time + stance.config.gains_time

    def at(self, time: float) -> LegsTarget:
        """Targets ``time`` seconds after the start."""
        config = self._stance.config
        risen = smooth(1.0 - time / config.lower_time)
        stiffness = smooth((self.duration - time) / config.gains_time)
        feet = _between(self._stance.lying_feet, self._feet, risen)
        position = self._position if risen == 1.0 else self._stance.legs.joints(feet)
        if risen == 0.0:
            position = self._stance.lie
        return self._stance.target(position, _support(risen), stiffness)


def _support(risen: float) -> float:
    """Share of the weight on the feet: none while the trunk lies, all from a quarter of the way up."""
    return smooth(4.0 * risen)


def _between(low_feet: Array, high_feet: Array, risen: float) -> Array:
    """Feet (4, 3) between low and high: drawn in sideways during the first quarter, then straight."""
    inwards = smooth(4.0 * risen)
    feet: Array = low_feet + risen * (high_feet - low_feet)
    feet[:, :2] = low_feet[:, :2] + inwards * (high_feet - low_feet)[:, :2]
    return feet


def _push(stance: Stance, low: Array, low_feet: Array, time: float, stiffness: float) -> LegsTarget:
    risen = smooth(time / stance.config.push_time)
    if risen == 0.0:
        position = low
    elif risen == 1.0:
        position = stance.stand
    else:
        position = stance.legs.joints(_between(low_feet, stance.standing_feet, risen))
    return stance.target(position, _support(risen), stiffness)


def _fold(stance: Stance, measured: Array) -> List[Tuple[float, Array]]:
    """Durations (s) and goals (12,) that move the legs from any pose to the lying pose.

    A leg whose straight path would press its foot or knee into the ground takes three steps: it swings out sideways,
    folds there, and comes back in.
    """
    out, folded = measured.copy(), stance.lie.copy()
    for leg, index, lying_foot in zip(stance.legs.legs, stance.legs.index, stance.lying_feet):
        if not _clear(leg, measured[index], stance.lie[index], lying_foot[2] - stance.config.fold_dip):
            out[index[0]] = folded[index[0]] = np.copysign(stance.config.fold_spread, leg.offset[1]) * leg.signs[0]
    starts, goals = [measured, out, folded], [out, folded, stance.lie]
    travels = [float(np.max(np.abs(goal - start))) for start, goal in zip(starts, goals)]
    speed = max(stance.config.fold_speed, sum(travels) / stance.config.fold_time)
    return [(travel / speed, goal) for travel, goal in zip(travels, goals) if travel > 0.0]


def _clear(leg: Leg, start: Array, goal: Array, floor: float) -> bool:
    """Whether a leg can turn straight from ``start`` to ``goal`` (3,) with foot and knee above ``floor`` (base z)."""
    path = np.linspace(start, goal, 12)
    return all(min(leg.forward(angles)[2], leg.knee(angles)[2]) >= floor for angles in path)
