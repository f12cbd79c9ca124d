"""Metrics of the demo: how well a recorded run followed its commands and recovered from pushes."""

from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np

from xdog.core.rotations import tilt_angle, yaw_angle
from xdog_sim.demo.recording import Recording

Array = np.ndarray

SETTLING = 1.0
"""s after a change of the command that are left out of the errors."""
PUSH_WINDOW = 2.0
"""s after a push that are left out of the errors."""
FALL_TILT = 1.0
"""rad between the vertical axes of trunk and world. Beyond it the robot has fallen, as for the safety supervisor."""
PUSH_REPORT = 3.0
"""s after a push over which the largest tilt is taken."""
CALM_TILT, CALM_ERROR, CALM_TIME = 0.15, 0.15, 0.5
"""The robot has recovered once tilt (rad) and mean velocity error (m/s) stay below these values for this time (s)."""
STRIDE = 0.4
"""s, about one stride. Averages over a stride show the motion without the sway of the gait."""


@dataclass(frozen=True)
class PushMetrics:
    """Result of one push: label of its phase, size (m/s), largest tilt (rad), time to recover (s; None: never)."""

    label: str
    size: float
    largest_tilt: float
    recovery: Optional[float]


@dataclass(frozen=True)
class CourseMetrics:
    """Metrics of one run.

    Attributes:
        velocity_rmse: m/s, RMS of the length of the planar velocity error, without settling times and pushes.
        yaw_rate_rmse: rad/s, on the same samples.
        falls: number of times that the tilt exceeded FALL_TILT.
        pushes: one entry per push.
        odometry_drift: m between odometry and ground truth at the end, with the same start pose.
        odometry_drift_yaw: rad, likewise.
        path_length: m walked.
        duration: simulated s.
        real_time_factor: simulated time divided by wall time.
    """

    velocity_rmse: float
    yaw_rate_rmse: float
    falls: int
    pushes: Tuple[PushMetrics, ...]
    odometry_drift: float
    odometry_drift_yaw: float
    path_length: float
    duration: float
    real_time_factor: float

    def errors_text(self) -> str:
        """Both errors in one line."""
        if np.isnan(self.velocity_rmse):
            return "no velocity was followed"
        return f"{self.velocity_rmse:.3f} m/s and {self.yaw_rate_rmse:.3f} rad/s"

    @property
    def succeeded(self) -> bool:
        """Whether the robot never fell and recovered from every push."""
        return self.falls == 0 and all(push.recovery is not None for push in self.pushes)


def rising_edges(flags: Array) -> int:
    """Number of times that a condition (n,) became true; true at the start counts as one."""
    return int(flags[:1].sum() + (flags[1:] & ~flags[:-1]).sum())


def counted_samples(time: Array, command: Array, walking: Array, pushes: Tuple[float, ...]) -> Array:
    """Samples that count towards the errors, (n,) bool: walking, settled after a change of command, not just pushed.

    Args:
        time: (n,) s, increasing.
        command: (n, 3).
        walking: (n,) bool.
        pushes: times of pushes, s.
    """
    changed = np.any(command[1:] != command[:-1], axis=1) | (walking[1:] != walking[:-1])
    starts = np.concatenate([time[:1], time[1:][changed]])
    since_change = time - starts[np.searchsorted(starts, time, side="right") - 1]
    counted = walking & (since_change >= SETTLING)
    for push in pushes:
        counted &= (time < push) | (time >= push + PUSH_WINDOW)
    return counted


def rms(values: Array) -> float:
    """Root mean square of values (n,), or of the lengths of rows (n, k). NaN without rows."""
    if len(values) == 0:
        return float("nan")
    return float(np.sqrt(np.mean(np.sum(np.reshape(values, (len(values), -1)) ** 2, axis=1))))


def moving_average(time: Array, values: Array, window: float) -> Array:
    """Mean of values (n, k) over a window (s) centred on each of the times (n,)."""
    first = np.searchsorted(time, time - 0.5 * window, side="left")
    last = np.searchsorted(time, time + 0.5 * window, side="right")
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return (sums[last] - sums[first]) / (last - first)[:, None]


def recovery_time(time: Array, tilt: Array, error: Array, push: float) -> Optional[float]:
    """Seconds from a push until the robot is calm and stays calm for CALM_TIME; None if it never is.

    Args:
        time: (n,) s, increasing.
        tilt: (n,) rad.
        error: (n, 2) m/s, averaged planar velocity error.
        push: s.
    """
    calm = (tilt < CALM_TILT) & (np.linalg.norm(error, axis=1) < CALM_ERROR)
    for start in np.flatnonzero(calm & (time >= push)):
        until = np.searchsorted(time, time[start] + CALM_TIME)
        if until == len(time):
            return None
        if np.all(calm[start : until + 1]):
            return float(time[start] - push)
    return None


def odometry_drift(truth: Array, odometry: Array) -> Tuple[float, float]:
    """Distance (m) and angle (rad) between the last poses after aligning the first ones.

    Args:
        truth, odometry: (n, 3) x, y in m and yaw in rad.
    """

    def relative(poses: Array) -> Array:
        dx, dy = poses[-1, :2] - poses[0, :2]
        c, s = np.cos(poses[0, 2]), np.sin(poses[0, 2])
        return np.array([c * dx + s * dy, c * dy - s * dx, poses[-1, 2] - poses[0, 2]])

    difference = relative(odometry) - relative(truth)
    yaw = (difference[2] + np.pi) % (2.0 * np.pi) - np.pi
    return float(np.hypot(difference[0], difference[1])), float(abs(yaw))


def compute_metrics(run: Recording) -> CourseMetrics:
    """Compute all metrics of a run."""
    tilt = tilt_angle(run.orientation)
    error = run.command[:, :2] - run.velocity[:, :2]
    yaw_error = run.command[:, 2] - run.angular_velocity[:, 2]
    counted = counted_samples(run.time, run.command, run.walking, tuple(push.time for push in run.pushes))
    average = moving_average(run.time, error, 0.5 * STRIDE)  # over one step, so that it still shows a push
    pushes = []
    for push in run.pushes:
        window = (run.time >= push.time) & (run.time <= push.time + PUSH_REPORT)
        pushes.append(
            PushMetrics(
                label=push.label,
                size=float(np.linalg.norm(push.delta)),
                largest_tilt=float(np.max(tilt[window], initial=0.0)),
                recovery=recovery_time(run.time, tilt, average, push.time),
            )
        )
    truth = np.column_stack([run.position[:, :2], yaw_angle(run.orientation)])
    drift, drift_yaw = odometry_drift(truth, run.odometry)
    duration = float(run.time[-1] - run.time[0])
    return CourseMetrics(
        velocity_rmse=rms(error[counted]),
        yaw_rate_rmse=rms(yaw_error[counted]),
        falls=rising_edges(tilt > FALL_TILT),
        pushes=tuple(pushes),
        odometry_drift=drift,
        odometry_drift_yaw=drift_yaw,
        path_length=float(np.sum(np.linalg.norm(np.diff(run.position[:, :2], axis=0), axis=1))),
        duration=duration,
        real_time_factor=duration / run.wall_time,
    )
