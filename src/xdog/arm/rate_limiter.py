"""Commands that follow a reference with limited speed and acceleration and stop without overshoot. n joints."""

from typing import Tuple

import numpy as np

Array = np.ndarray

ARRIVED = 1e-9
"""rad. A command this near to a reference at rest is set to it: what is left are rounding errors."""


class RateLimiter:
    """Limits the change of commands from one control period to the next.

    Args:
        max_speed: rad/s.
        max_acceleration: rad/s^2: the speed changes by no more than this times the period.
    """

    def __init__(self, max_speed: float, max_acceleration: float) -> None:
        self._max_speed, self._max_acceleration = max_speed, max_acceleration

    def next(
        self, position: Array, speed: Array, reference: Tuple[Array, Array], limit: Array, period: float
    ) -> Tuple[Array, Array]:
        """The next command and its speed.

        A reference that keeps within the limits itself is followed exactly. A joint that is off its reference gets
        there as fast as is allowed, with as much speed as it can still take off on the way.

        Args:
            position, speed: (n,) rad and rad/s, the last command and the speed at which it moved.
            reference: positions and speeds (n,) at the end of this period, rad and rad/s.
            limit: (n,) rad/s, highest speeds wanted.
            period: s since the last command. With zero nothing moves.
        """
        if period <= 0.0:
            return position, speed
        gain = self._max_acceleration * period
        goal, moving = reference
        behind = goal - position - moving * period
        wanted = moving + np.sign(behind) * _braking_speed(np.abs(behind) / (gain * period)) * gain
        limit = np.minimum(limit, self._max_speed)
        wanted = np.clip(np.clip(wanted, -limit, limit), speed - gain, speed + gain)
        reached = position + wanted * period
        arrived = (moving == 0.0) & (np.abs(reached - goal) < ARRIVED) & (np.abs(wanted) <= gain)
        return np.where(arrived, goal, reached), wanted

    def braking(self, position: Array, speed: Array, period: float) -> Array:
        """Commands (k, n) of the periods in which all joints come to rest; the last ones are where they do."""
        gain = self._max_acceleration * period
        count = int(np.ceil(np.max(np.abs(speed)) / gain)) if gain > 0.0 else 0
        left = np.maximum(np.abs(speed) - gain * np.arange(1, count + 1)[:, None], 0.0)
        return np.asarray(position + np.cumsum(np.sign(speed) * left, axis=0) * period)

    def rest(self, position: Array, speed: Array, period: float) -> Array:
        """Where the joints (n,) come to rest when they brake from now on, rad."""
        return np.asarray(np.vstack([position, self.braking(position, speed, period)])[-1])


def _braking_speed(distance: Array) -> Array:
    """The highest speed from which a joint stops at a distance when it slows down by 1 in every period.

    Distance and speed are in units of gain times period and gain: with whole periods n and a rest f below 1 the way of
    speeds n + f, n - 1 + f, ..., f is (n + 1) (n / 2 + f).
    """
    whole = np.floor(0.5 * (np.sqrt(1.0 + 8.0 * distance) - 1.0))
    return np.asarray(distance / (whole + 1.0) + 0.5 * whole)
