"""The trot that the gait policy corrects: a clock, a smoothed command, and feet that follow it by inverse kinematics.

A policy's action is added to this reference, so that learning starts from steps in place instead of from standing
still. Training (torch) and robot (numpy) call the same functions; ``xp`` is the array library. Every array has a
leading dimension n, the number of robots.
"""

import math
from dataclasses import dataclass, field
from typing import Any, List, Mapping, Sequence, Tuple

import numpy as np

from xdog.core.config_file import NOT_NEGATIVE, POSITIVE, numbers
from xdog.core.description import RobotDescription
from xdog.locomotion.kinematics import LegKinematics

Array = Any  # numpy.ndarray or torch.Tensor: the functions below use only what both have

MOVING_THRESHOLD = 0.05
"""Commands smaller than this (m/s, with yaw counted as TURN_RADIUS times rad/s) mean: stand still."""
TURN_RADIUS = 0.22
"""Distance of the feet from the trunk's centre, m: converts a yaw rate to a foot speed."""
LEG_OFFSETS = (0.0, 0.5, 0.5, 0.0)
"""Phase of FR, FL, HR, HL: a trot moves the diagonal pairs in turn."""


@numbers(POSITIVE)
@dataclass(frozen=True)
class TrotSettings:
    """The reference trot; each foot swings for half of the stride.

    Attributes:
        base, slope, max_speed: stride frequency in Hz = base + slope * foot speed, the speed capped (m/s).
        swing_height: apex of a foot's arc above the floor, m.
        smoothing: s, time constant with which the reference follows a new command.
        blend: s, from standing to full steps and back.
    """

    base: float
    slope: float = field(metadata=NOT_NEGATIVE)
    max_speed: float
    swing_height: float
    smoothing: float
    blend: float


@dataclass
class GaitState:
    """Where n robots are in their stride.

    Attributes:
        phase: (n,) in [0, 1).
        amplitude: (n,) 0 standing, 1 stepping.
        command: (n, 3) smoothed vx, vy (m/s) and wz (rad/s).
    """

    phase: Array
    amplitude: Array
    command: Array

    def select(self, ids: Any) -> "GaitState":
        """Some of the robots: ``ids`` is an array of their numbers or a slice."""
        return GaitState(self.phase[ids], self.amplitude[ids], self.command[ids])


def command_speed(command: Array, xp: Any) -> Array:
    """Foot speed, m/s, of a command (n, 3): planar speed plus yaw rate times TURN_RADIUS. Shape (n,)."""
    planar = xp.sqrt(command[:, 0] ** 2 + command[:, 1] ** 2)
    return planar + TURN_RADIUS * xp.abs(command[:, 2])


def is_moving(command: Array, xp: Any) -> Array:
    """(n,) bool: whether the command is to move."""
    return command_speed(command, xp) > MOVING_THRESHOLD


def command_range_problems(ranges: Mapping[str, Sequence[float]]) -> List[str]:
    """What is wrong with ranges [low, high] of commands, one sentence each; empty when they are sound.

    A range without zero would turn zero, the command to stand, into a command to walk.
    """
    return [
        f"the range of {name} is [{low:g}, {high:g}]; it must include 0, or the robot would walk at zero command"
        for name, (low, high) in ranges.items()
        if not low <= 0.0 <= high
    ]


def limit_command(command: Array, ranges: Mapping[str, Sequence[float]], lateral: float, xp: Any) -> Array:
    """Commands (n, 3) clipped to ranges of vx, vy, wz; then the yaw rate is limited by a lateral acceleration, m/s^2.

    A robot that runs and turns fast at the same time would need more grip than a floor gives.
    """
    bounds = [ranges[name] for name in ("vx", "vy", "wz")]
    vx, vy, wz = (xp.clip(command[:, i], low, high) for i, (low, high) in enumerate(bounds))
    fastest = lateral / xp.clip(xp.sqrt(vx * vx + vy * vy), 1e-6, None)
    return xp.stack([vx, vy, xp.clip(wz, -fastest, fastest)], -1)


def start_gait(count: int, xp: Any) -> GaitState:
    """Robots that stand."""
    return GaitState(xp.zeros(count), xp.zeros(count), xp.zeros((count, 3)))


def stride_frequency(command: Array, trot: TrotSettings, xp: Any) -> Array:
    """Strides a second, Hz, (n,), for smoothed commands (n, 3)."""
    return trot.base + trot.slope * xp.clip(command_speed(command, xp), 0.0, trot.max_speed)


def advance_gait(state: GaitState, command: Array, trot: TrotSettings, period: float, xp: Any) -> GaitState:
    """The state after one control step of ``period`` seconds under a command (n, 3).

    The phase rests at zero while the amplitude is zero, so that every walk starts with the same pair.
    """
    moving = is_moving(command, xp)
    followed = state.command + (command - state.command) * min(1.0, period / trot.smoothing)
    change = period / trot.blend
    amplitude = xp.clip(state.amplitude + xp.where(moving, change, -change), 0.0, 1.0)
    phase = (state.phase + stride_frequency(followed, trot, xp) * period) % 1.0
    phase = xp.where(amplitude > 0.0, phase, 0.0 * phase)
    return GaitState(phase, amplitude, followed)


def swing_progress(phase: Array, xp: Any) -> Array:
    """How far each foot is through its swing, (n, 4) in [0, 1); through its stance, as -1 to 0 (excluded)."""
    local = xp.stack([(phase + offset) % 1.0 for offset in LEG_OFFSETS], -1)
    return xp.where(local < 0.5, 2.0 * local, 2.0 * local - 2.0)


def _wrapped(angle: Array) -> Array:
    """Angles wrapped to -pi to pi, rad."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


class TrotReference:
    """Joint angles of the reference trot.

    Args:
        robot: the body; feet step around their places in its ``stand`` pose.
        trot: settings.
        xp: numpy or torch.
    """

    def __init__(self, robot: RobotDescription, trot: TrotSettings, xp: Any) -> None:
        kinematics = LegKinematics(robot)
        stand = robot.legs.poses["stand"]
        self._trot, self._xp = trot, xp
        self._order = np.argsort(kinematics.index.ravel()).tolist()

        def constant(values: Any) -> Array:
            array = np.array(values)
            return array if xp is np else xp.asarray(array, dtype=xp.float32)

        legs = kinematics.legs
        homes = np.array([leg.forward(stand[list(leg.joints)]) for leg in legs])
        hips = np.array([[leg.origin[0] + leg.offset[0], leg.origin[1], leg.origin[2]] for leg in legs])
        self._home_x, self._home_y = constant(homes[:, 0]), constant(homes[:, 1])
        self._x, self._y, self._z = (constant(column) for column in (homes - hips).T)
        self._side = constant([leg.offset[1] for leg in legs])
        self._thigh, self._calf = constant([leg.thigh for leg in legs]), constant([leg.calf for leg in legs])
        self._roll_sign, self._hip_sign, self._knee_sign = constant([leg.signs for leg in legs]).T
        self._lower, self._upper = constant(robot.legs.lower), constant(robot.legs.upper)

    def feet(self, state: GaitState) -> Array:
        """Displacement of the feet from their places in the stand pose, (n, 4, 3), m, base frame."""
        return self._xp.stack(self._displacements(state), -1)

    def _displacements(self, state: GaitState) -> Tuple[Array, Array, Array]:
        """The same along x, y and z, each (n, 4)."""
        xp, trot = self._xp, self._trot
        vx, vy, wz = (state.command[:, i, None] for i in range(3))
        stance_time = 0.5 / stride_frequency(state.command, trot, xp)[:, None]
        amplitude = state.amplitude[:, None]
        stride_x = (vx - wz * self._home_y) * stance_time * amplitude
        stride_y = (vy + wz * self._home_x) * stance_time * amplitude
        progress = swing_progress(state.phase, xp)
        swing = xp.clip(progress, 0.0, 1.0)
        along = xp.where(
            progress >= 0.0, swing - xp.sin(2.0 * math.pi * swing) / (2.0 * math.pi) - 0.5, -0.5 - progress
        )
        lift = 0.5 * (1.0 - xp.cos(2.0 * math.pi * swing)) * trot.swing_height * amplitude
        return stride_x * along, stride_y * along, lift

    def angles(self, state: GaitState) -> Array:
        """Joint angles (n, 12), rad, within the joint limits."""
        xp = self._xp
        along, sideways, lift = self._displacements(state)
        x, y, z = self._x + along, self._y + sideways, self._z + lift
        depth = xp.sqrt(xp.clip(y * y + z * z - self._side**2, 1e-4, None))
        roll = xp.arctan2(z, y) - xp.arctan2(-depth, self._side)
        cosine = (x * x + depth * depth - self._thigh**2 - self._calf**2) / (2.0 * self._thigh * self._calf)
        cosine = xp.clip(cosine, -1.0, 1.0)
        shank = self._knee_sign * xp.arccos(cosine)
        sine = self._knee_sign * xp.sqrt(1.0 - cosine * cosine)
        hip = xp.arctan2(-x, depth) - xp.arctan2(self._calf * sine, self._thigh + self._calf * cosine)
        roll, hip = _wrapped(roll), _wrapped(hip)
        angles = xp.stack([self._roll_sign * roll, self._hip_sign * hip, self._knee_sign * shank], -1)
        return xp.clip(angles.reshape(angles.shape[0], -1)[:, self._order], self._lower, self._upper)
