"""Records the topics of a run and resamples them to common timestamps."""

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

import numpy as np

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class PushMark:
    """One push: time s, change of velocity (3,) m/s in the world, label of the phase."""

    time: float
    delta: Array
    label: str


@dataclass(frozen=True)
class PhaseMark:
    """Start of a phase: time s, its label."""

    time: float
    label: str


@dataclass(frozen=True, eq=False)
class Recording:
    """A run as n samples with common timestamps.

    Attributes:
        time: (n,) simulated s since the start of the run.
        position: (n, 3) m, trunk in the world.
        orientation: (n, 4) x, y, z, w, trunk in the world.
        velocity: (n, 3) m/s, along the trunk's axes.
        angular_velocity: (n, 3) rad/s, about the trunk's axes.
        command: (n, 3) commanded vx, vy in m/s, wz in rad/s.
        walking: (n,) bool, whether the gait controls the legs.
        joint_names: k names.
        joints: (n, k) rad.
        odometry: (n, 3) x, y in m and yaw in rad, as published by the odometry node.
        phases, pushes: events with their times.
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
    """Time series of rows of numbers. One thread may write while others read."""

    def __init__(self) -> None:
        self._samples: List[Tuple[float, Sequence[float]]] = []

    def __bool__(self) -> bool:
        return bool(self._samples)

    @property
    def latest(self) -> Sequence[float]:
        """The latest row."""
        return self._samples[-1][1]

    @property
    def times(self) -> List[float]:
        """Stamps of all rows, s."""
        return [time for time, _ in list(self._samples)]

    def add(self, time: float, row: Sequence[float]) -> None:
        """Append a row; ignored unless it is newer than the last one."""
        if not self._samples or time > self._samples[-1][0]:
            self._samples.append((time, row))

    def at(self, times: Array, hold: bool = False) -> Array:
        """Rows at the given times (m,), (m, k): interpolated linearly, or the last one before each time if ``hold``."""
        samples = list(self._samples)
        own = np.array([time for time, _ in samples])
        rows = np.array([row for _, row in samples], dtype=float)
        if hold:
            return rows[np.maximum(np.searchsorted(own, times, side="right") - 1, 0)]
        return np.column_stack([np.interp(times, own, column) for column in rows.T])


class CourseRecorder:
    """Collects the messages of a run. Each track may be written by one thread."""

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
        """Add joint angles, rad, in any order."""
        if not self.joint_names:
            self.joint_names = tuple(names)
        angles: Dict[str, float] = dict(zip(names, positions))
        self.joints.add(time, [angles[name] for name in self.joint_names])

    def add_odometry(self, time: float, x: float, y: float, yaw: float) -> None:
        """Add a pose of the odometry node, m and rad; the yaw is unwrapped."""
        if self.odometry:
            last = self.odometry.latest[2]
            yaw = last + (yaw - last + np.pi) % (2.0 * np.pi) - np.pi
        self.odometry.add(time, [x, y, yaw])

    def finish(self, wall_time: float) -> Recording:
        """Resample everything to the timestamps of the ground truth, with 0 at the first command.

        Raises:
            ValueError: a track is empty.
        """
        for name in ("truth", "joints", "odometry", "commands"):
            if not getattr(self, name):
                raise ValueError(f"the run recorded no {name}: is the node that publishes it running?")
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
