"""Trajectories of the arm: what a FollowJointTrajectory goal may ask for, as a smooth motion from where the arm is.

Plain types and pure functions; errors carry the codes of control_msgs/FollowJointTrajectory.
"""

import math
from dataclasses import dataclass, field
from typing import List, Optional, Sequence

import numpy as np

from xdog.arm.spline import Spline, slopes
from xdog.core.config_file import POSITIVE, numbers
from xdog.core.description import JointGroup

Array = np.ndarray

SUCCESSFUL = 0
INVALID_GOAL = -1
INVALID_JOINTS = -2
OLD_HEADER_TIMESTAMP = -3
PATH_TOLERANCE_VIOLATED = -4
GOAL_TOLERANCE_VIOLATED = -5
"""Error codes of FollowJointTrajectoryResult."""

LONGEST = 600.0
"""Duration of the longest trajectory that is accepted, s."""

SLACK = 0.01
"""rad. Positions this far outside the limits are cut to them, further ones refused."""

_UNITS = ("rad", "rad/s")


class TrajectoryError(ValueError):
    """A goal that is refused. ``code`` is one of the error codes above; the message says what is wrong."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Point:
    """One point: s after the trajectory's start, and lists in rad, rad/s and rad/s^2, the latter two may be empty."""

    time: float
    positions: Sequence[float]
    velocities: Sequence[float] = ()
    accelerations: Sequence[float] = ()


@dataclass(frozen=True)
class Tolerance:
    """How far a joint may be off: rad and rad/s. 0 asks for the default, -1 for no limit."""

    name: str
    position: float = 0.0
    velocity: float = 0.0
    acceleration: float = 0.0


@dataclass(frozen=True)
class Goal:
    """A FollowJointTrajectory goal.

    Attributes:
        names: joints, in the order of the points' lists.
        points: in time's order.
        stamp: when the trajectory starts, s; 0 means now.
        path_tolerance, goal_tolerance: by joint, defaults where none is given.
        goal_time_tolerance: s after the last point to be there; 0 the default, negative no limit.
    """

    names: Sequence[str]
    points: Sequence[Point]
    stamp: float = 0.0
    path_tolerance: Sequence[Tolerance] = ()
    goal_tolerance: Sequence[Tolerance] = ()
    goal_time_tolerance: float = 0.0


@dataclass(frozen=True, eq=False)
class Limits:
    """Of tolerances, (n,) each: infinite where there is none. Positions in rad, velocities in rad/s."""

    position: Array
    velocity: Array

    def violation(self, names: Sequence[str], position: Array, velocity: Array) -> str:
        """The worst of the errors (n,) beyond its limit, in words; empty if there is none."""
        for limit, error, unit in ((self.position, position, _UNITS[0]), (self.velocity, velocity, _UNITS[1])):
            excess = np.abs(error) - limit
            worst = int(np.argmax(excess))
            if excess[worst] > 0.0:
                return f"{names[worst]} is off by {abs(error[worst]):.3f} {unit}, {limit[worst]:.3f} is allowed"
        return ""


@dataclass(frozen=True, eq=False)
class Plan:
    """A goal that was found sound.

    Attributes:
        joints: (n,) where its joints stand in the arm.
        start: when the trajectory's own time is zero, s.
        times: (k,) s after start, those of points that have passed left out.
        positions: (k, n) rad, within the limits.
        velocities, accelerations: (k, n) or None.
        path, goal: tolerances.
        patience: s after the last point to be there.
    """

    joints: Array
    start: float
    times: Array
    positions: Array
    velocities: Optional[Array]
    accelerations: Optional[Array]
    path: Limits
    goal: Limits
    patience: float

    def spline(self, begin: float, position: Array, velocity: Array) -> Spline:
        """The motion from a state at ``begin`` (s, not before ``start``): (n,) rad and rad/s.

        Its times count from ``start``.
        """
        times = np.concatenate([[begin - self.start], self.times])
        positions = np.vstack([position, self.positions])
        accelerations = None
        if self.accelerations is not None:
            accelerations = np.vstack([np.zeros_like(position), self.accelerations])
        if self.velocities is None:
            velocities = slopes(times, positions, velocity)
        else:
            velocities = np.vstack([velocity, self.velocities])
        return Spline(times, positions, velocities, accelerations)


@numbers(POSITIVE)
@dataclass(frozen=True)
class Defaults:
    """Tolerances where a goal names none, in rad, rad, rad/s, s; how far ahead a trajectory may start, s."""

    path: float
    goal: float
    rest_speed: float
    goal_time: float
    max_start_delay: float


@dataclass(frozen=True, eq=False)
class _Columns:
    positions: Array
    velocities: Optional[Array] = None
    accelerations: Optional[Array] = None
    times: Array = field(default_factory=lambda: np.empty(0))


def make_plan(goal: Goal, arm: JointGroup, now: float, defaults: Defaults) -> Plan:
    """Check a goal at ``now`` (s).

    The joints must be the arm's first five, or those and the gripper.

    Raises:
        TrajectoryError: the goal is refused.
    """
    joints = _joints(goal.names, arm)
    columns = _columns(goal)
    lower, upper = arm.lower[joints], arm.upper[joints]
    outside = (columns.positions < lower - SLACK) | (columns.positions > upper + SLACK)
    if outside.any():
        point, joint = np.argwhere(outside)[0]
        raise TrajectoryError(
            INVALID_GOAL,
            f"point {point}: {goal.names[joint]} at {columns.positions[point, joint]:.3f} rad, "
            f"its limits are {lower[joint]:.3f}..{upper[joint]:.3f}",
        )
    start = _start_time(goal, float(columns.times[-1]), now, defaults)
    ahead = start + columns.times > now + 1e-9

    def kept(rows: Optional[Array]) -> Optional[Array]:
        return None if rows is None else rows[ahead]

    patience = goal.goal_time_tolerance
    if not math.isfinite(patience):
        raise TrajectoryError(INVALID_GOAL, f"goal_time_tolerance is {patience}")
    return Plan(
        joints=joints,
        start=start,
        times=columns.times[ahead],
        positions=np.clip(columns.positions[ahead], lower, upper),
        velocities=kept(_at_rest_in_the_end(goal.names, columns.velocities, defaults.rest_speed)),
        accelerations=kept(columns.accelerations),
        path=_limits("path_tolerance", goal.path_tolerance, goal.names, defaults.path, math.inf),
        goal=_goal_limits(goal, defaults),
        patience=math.inf if patience < 0.0 else patience or defaults.goal_time,
    )


def _start_time(goal: Goal, duration: float, now: float, defaults: Defaults) -> float:
    """When a trajectory of ``duration`` (s) starts, s."""
    start = goal.stamp or now
    if not math.isfinite(start):
        raise TrajectoryError(INVALID_GOAL, f"the header's stamp is {goal.stamp}")
    clocks = (
        f"header.stamp is {goal.stamp:.3f} s, the clock of joint_states is at {now:.3f} s; "
        "let the computers keep their clocks equal (chrony), or send stamp 0 to start at once"
    )
    if start - now > defaults.max_start_delay:
        text = f"it would start {start - now:.3f} s from now, {defaults.max_start_delay:g} s at most are possible"
        raise TrajectoryError(INVALID_GOAL, f"{text}: {clocks}")
    if start + duration <= now + 1e-9:
        if not goal.stamp:
            text = "the last point's time_from_start is zero: give the arm time to get there"
            raise TrajectoryError(INVALID_GOAL, text)
        late = now - start - duration
        raise TrajectoryError(OLD_HEADER_TIMESTAMP, f"the last point was due {late:.3f} s ago: {clocks}")
    return start


def _at_rest_in_the_end(names: Sequence[str], velocities: Optional[Array], rest_speed: float) -> Optional[Array]:
    """Velocities (k, n) whose last row, which must be small enough to count as rest, is zero."""
    if velocities is None:
        return None
    joint = int(np.argmax(np.abs(velocities[-1])))
    if abs(velocities[-1, joint]) > rest_speed:
        raise TrajectoryError(
            INVALID_GOAL,
            f"the last point asks {names[joint]} to move on at {velocities[-1, joint]:.3f} rad/s; "
            f"a trajectory must end at rest ({rest_speed:g} rad/s at most)",
        )
    return np.vstack([velocities[:-1], np.zeros_like(velocities[-1])])


def _joints(names: Sequence[str], arm: JointGroup) -> Array:
    unknown = [name for name in names if name not in arm.names]
    missing = [name for name in arm.names[:5] if name not in names]
    for problem, joints in (("unknown joints", unknown), ("joints missing", missing)):
        if joints:
            raise TrajectoryError(INVALID_JOINTS, f"{problem}: {', '.join(joints)}")
    if len(set(names)) != len(names):
        raise TrajectoryError(INVALID_JOINTS, f"a joint is named twice: {', '.join(names)}")
    return np.array([arm.names.index(name) for name in names])


def _columns(goal: Goal) -> _Columns:
    if not goal.points:
        raise TrajectoryError(INVALID_GOAL, "the trajectory has no point")
    n = len(goal.names)
    tables: List[Optional[Array]] = []
    for label in ("positions", "velocities", "accelerations"):
        rows = [getattr(point, label) for point in goal.points]
        given = [len(row) for row in rows]
        if label != "positions" and not any(given):
            tables.append(None)
            continue
        for i, count in enumerate(given):
            if count != n:
                raise TrajectoryError(INVALID_GOAL, f"point {i} has {count} {label} for {n} joints")
        tables.append(np.array(rows, dtype=float))
    positions, velocities, accelerations = tables
    assert positions is not None
    times = np.array([point.time for point in goal.points], dtype=float)
    if accelerations is not None and velocities is None:
        raise TrajectoryError(INVALID_GOAL, "accelerations are given without velocities")
    if not all(np.isfinite(table).all() for table in (*tables, times) if table is not None):
        raise TrajectoryError(INVALID_GOAL, "a value of the trajectory is not finite")
    if times[0] < 0.0 or np.any(np.diff(times) <= 0.0):
        raise TrajectoryError(INVALID_GOAL, "time_from_start must rise from point to point, from zero or more")
    if times[-1] > LONGEST:
        raise TrajectoryError(INVALID_GOAL, f"it takes {times[-1]:.0f} s, {LONGEST:.0f} s at most are possible")
    return _Columns(positions, velocities, accelerations, times)


def _goal_limits(goal: Goal, defaults: Defaults) -> Limits:
    """Where the arm must be in the end. Never anywhere: an arm that did not move would have been successful."""
    limits = _limits("goal_tolerance", goal.goal_tolerance, goal.names, defaults.goal, defaults.rest_speed)
    return Limits(np.minimum(limits.position, defaults.path), limits.velocity)


def _limits(label: str, given: Sequence[Tolerance], names: Sequence[str], position: float, velocity: float) -> Limits:
    limits = Limits(np.full(len(names), position), np.full(len(names), velocity))
    for tolerance in given:
        if tolerance.name not in names:
            raise TrajectoryError(INVALID_JOINTS, f"{label} names {tolerance.name}, which the trajectory lacks")
        if tolerance.acceleration > 0.0:
            raise TrajectoryError(INVALID_GOAL, f"{label} of {tolerance.name}: accelerations are not measured")
        i = list(names).index(tolerance.name)
        for row, value in ((limits.position, tolerance.position), (limits.velocity, tolerance.velocity)):
            if not (value >= 0.0 or value == -1.0):
                text = f"{label} of {tolerance.name} is {value}: give 0 (default), -1 (none) or more than 0"
                raise TrajectoryError(INVALID_GOAL, text)
            if value:
                row[i] = math.inf if value < 0.0 else value
    return limits
