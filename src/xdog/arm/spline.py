"""Smooth motion through knots: cubic or quintic pieces of joint angles over time."""

import copy
import math
from typing import Optional, Tuple

import numpy as np

Array = np.ndarray

CHECK_PERIOD = 0.005
"""Between the times at which a spline is checked, s."""


class Spline:
    """A polynomial piece between each two knots: cubic, or quintic where accelerations are given. n joints."""

    def __init__(self, times: Array, positions: Array, velocities: Array, accelerations: Optional[Array]) -> None:
        """Args: times (k,) s, rising; positions, velocities and accelerations (k, n), rad, rad/s, rad/s^2."""
        self._times = times
        h = np.diff(times)[:, None]
        p0, p1, v0, v1 = positions[:-1], positions[1:], velocities[:-1] * h, velocities[1:] * h
        step = p1 - p0
        if accelerations is None:
            rows = [p0, v0, 3.0 * step - 2.0 * v0 - v1, v0 + v1 - 2.0 * step]
        else:
            a0, a1 = accelerations[:-1] * h * h, accelerations[1:] * h * h
            rows = [
                p0,
                v0,
                0.5 * a0,
                10.0 * step - 6.0 * v0 - 4.0 * v1 - 1.5 * a0 + 0.5 * a1,
                -15.0 * step + 8.0 * v0 + 7.0 * v1 + 1.5 * a0 - a1,
                6.0 * step - 3.0 * v0 - 3.0 * v1 - 0.5 * a0 + 0.5 * a1,
            ]
        self._coefficients = np.array(rows)  # (degree + 1, k - 1, n) in each piece's own time from 0 to 1

    def columns(self, joints: Array) -> "Spline":
        """The same motion of some of its joints: indices or flags."""
        part = copy.copy(self)
        part._coefficients = self._coefficients[:, :, joints]
        return part

    @property
    def duration(self) -> float:
        """Time of the last knot, s."""
        return float(self._times[-1])

    def sample(self, times: Array) -> Tuple[Array, Array]:
        """Positions and velocities (..., n) in rad and rad/s at times (...) in s; at rest before and after."""
        t = np.clip(times, self._times[0], self._times[-1])
        piece = np.clip(np.searchsorted(self._times, t, side="right") - 1, 0, len(self._times) - 2)
        h = (self._times[piece + 1] - self._times[piece])[..., None]
        s = (t - self._times[piece])[..., None] / h
        position, velocity = np.zeros_like(self._coefficients[0, piece]), np.zeros_like(self._coefficients[0, piece])
        for row in self._coefficients[::-1]:
            velocity = velocity * s + position
            position = position * s + row[piece]
        moving = ((np.asarray(times) >= self._times[0]) & (np.asarray(times) < self._times[-1]))[..., None]
        return position, np.where(moving, velocity / h, 0.0)

    def check_times(self) -> Array:
        """Times (m,) in s along the whole, `CHECK_PERIOD` apart or nearer, both ends included."""
        span = self.duration - float(self._times[0])
        return np.linspace(self._times[0], self._times[-1], 2 + math.ceil(span / CHECK_PERIOD))

    def peak_accelerations(self) -> Array:
        """Largest acceleration of each joint without its sign, (n,) rad/s^2.

        Exact for cubic pieces, whose accelerations are straight lines; a quintic's are looked at in 20 steps.
        """
        s = np.linspace(0.0, 1.0, 21)[:, None, None]
        degrees = range(2, len(self._coefficients))
        bent = sum(k * (k - 1) * self._coefficients[k] * s ** (k - 2) for k in degrees)
        return np.asarray(np.abs(bent / np.diff(self._times)[:, None] ** 2).max(axis=(0, 1)))


def slopes(times: Array, positions: Array, first: Array) -> Array:
    """Velocities (k, n) at the knots of positions alone: no overshoot, zero where a joint turns back and at the end.

    Fritsch and Butland's rule (SIAM J. Sci. Stat. Comput. 5, 1984): a weighted harmonic mean of both sides' slopes.
    """
    h = np.diff(times)[:, None]
    slope = np.diff(positions, axis=0) / h
    velocities = np.zeros_like(positions)
    velocities[0] = first
    before, after = slope[:-1], slope[1:]
    w1, w2 = 2.0 * h[1:] + h[:-1], h[1:] + 2.0 * h[:-1]
    same = before * after > 0.0
    mean = (w1 + w2) / (w1 / np.where(same, before, 1.0) + w2 / np.where(same, after, 1.0))
    velocities[1:-1] = np.where(same, mean, 0.0)
    return velocities
