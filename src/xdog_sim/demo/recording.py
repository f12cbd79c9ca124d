"""What is written down during a run, and how it becomes arrays on one clock."""

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

import numpy as np

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class PushMark:
    """A push that was given: time s, change of velocity (3,) m/s in the world, label of the phase."""

    time: float
    delta: Array
    label: str


@dataclass(frozen=True)
class PhaseMark:
    """A phase that began: time s, its label."""

    time: float
    label: str


@dataclass(frozen=True, eq=False)
class Recording:
    """A run on one clock, n samples.

    Attributes:
        time: (n,) simulated s from the run's start.
        position: (n, 3) m, trunk in the world.
        orientation: (n, 4) x, y, z, w, trunk in the world.
        velocity: (n, 3) m/s, along the trunk's axes.
        angular_velocity: (n, 3) rad/s, about the trunk's axes.
        command: (n, 3) vx, vy in m/s, wz in rad/s that the course asked for.
        walking: (n,) bool, the legs are under the gait's control.
        joint_names: k names.
        joints: (n, k) rad.
        odometry: (n, 3) x, y in m and yaw in rad, as the odometry node says.
        phases, pushes: what happened when.
        wall_time: s that the run took on the wall clock.
    """

    time: Array
    position: Array
    orientation: Array
    velocity: Array
    angular_velocity: Array
    command: Array
    walking: Array
    joint_names: Tuple[str, ...]
    joints: Array
    odometry: Array
    phases: Tuple[PhaseMark, ...]
    pushes: Tuple[PushMark, ...]
    wall_time: float


class Track:
    """Stamped rows of numbers, in the order in which they came. One thread may write while others read."""

    def __init__(self) -> None:
        self._samples: List[Tuple[float, Sequence[float]]] = []

    def __bool__(self) -> bool:
        return bool(self._samples)

    @property
    def newest(self) -> Sequence[float]:
        """The last row."""
        return self._samples[-1][1]

    @property
    def times(self) -> List[float]:
        """Stamps of all rows, s."""
        return [time for time, _ in list(self._samples)]

    def add(self, time: float, row: Sequence[float]) -> None:
        """Append a row unless it is not newer than the last."""
        if not self._samples or time > self._samples[-1][0]:
            self._samples.append((time, row))

    def at(self, times: Array, hold: bool = False) -> Array:
        """Rows at other times, (m, k): interpolated linearly, or the last one not newer if ``hold``."""
        samples = list(self._samples)
        own = np.array([time for time, _ in samples])
        rows = np.array([row for _, row in samples], dtype=float)
        if hold:
            return rows[np.maximum(np.searchsorted(own, times, side="right") - 1, 0)]
        return np.column_stack([np.interp(times, own, column) for column in rows.T])


class CourseRecorder:
    """Collects what topics say during a run. One thread a track may write."""

    def __init__(self) -> None:
        self.truth = Track()
        """x, y, z; qx, qy, qz, qw; vx, vy, vz; wx, wy, wz."""
        self.joints = Track()
        self.joint_names: Tuple[str, ...] = ()
        self.odometry = Track()
        """x, y, unwrapped yaw."""
        self.commands = Track()
        """vx, vy, wz, walking."""
        self.phases: List[PhaseMark] = []
        self.pushes: List[PushMark] = []

    def add_joints(self, time: float, names: Sequence[str], positions: Sequence[float]) -> None:
        """Note joint angles, rad, whatever their order."""
        if not self.joint_names:
            self.joint_names = tuple(names)
        where: Dict[str, float] = dict(zip(names, positions))
        self.joints.add(time, [where[name] for name in self.joint_names])

    def add_odometry(self, time: float, x: float, y: float, yaw: float) -> None:
        """Note a pose of the odometry node, m and rad."""
        if self.odometry:
            last = self.odometry.newest[2]
            yaw = last + (yaw - last + np.pi) % (2.0 * np.pi) - np.pi
        self.odometry.add(time, [x, y, yaw])

    def finish(self, wall_time: float) -> Recording:
        """Everything on the clock of the ground truth, starting at 0 with the first command.

        Raises:
            ValueError: a track is empty.
        """
        for name in ("truth", "joints", "odometry", "commands"):
            if not getattr(self, name):
                raise ValueError(f"the run recorded no {name}: is the node that publishes it alive?")
        commanded = self.commands.times
        start, end = commanded[0], commanded[-1]
        time = np.array([t for t in self.truth.times if start <= t <= end])
        truth = self.truth.at(time, hold=True)
        command = self.commands.at(time, hold=True)
        return Recording(
            time=time - start,
            position=truth[:, 0:3],
            orientation=truth[:, 3:7],
            velocity=truth[:, 7:10],
            angular_velocity=truth[:, 10:13],
            command=command[:, :3],
            walking=command[:, 3] > 0.5,
            joint_names=self.joint_names,
            joints=self.joints.at(time),
            odometry=self.odometry.at(time),
            phases=tuple(PhaseMark(mark.time - start, mark.label) for mark in self.phases),
            pushes=tuple(PushMark(mark.time - start, mark.delta, mark.label) for mark in self.pushes),
            wall_time=wall_time,
        )
