"""From a commanded target to a torque: delay, ramp, PD control and torque limits of the legs, backlash of the arm."""

from collections import deque
from typing import Deque, Optional, Tuple

import numpy as np

from xdog.core.interfaces import LegsTarget

Array = np.ndarray


def torque_limits(velocity: Array, peak: Array, corner_speed: float, top_speed: Array) -> Tuple[Array, Array]:
    """Lowest and highest torque that a motor can produce at a given speed.

    Along the motion: ``peak`` up to ``corner_speed``, then linearly down to zero at ``top_speed`` and zero beyond.
    Against the motion (braking): ``peak`` at any speed.

    Args:
        velocity: (..., n) rad/s.
        peak: (n,) Nm.
        corner_speed: rad/s, below ``top_speed``.
        top_speed: (n,) rad/s.

    Returns:
        lowest (zero or negative) and highest (zero or positive) torque, (..., n) Nm.
    """
    slope = peak / (top_speed - corner_speed)
    highest = np.minimum(np.maximum(slope * (top_speed - velocity), 0.0), peak)
    lowest = np.maximum(np.minimum(-slope * (top_speed + velocity), 0.0), -peak)
    return lowest, highest


class LegActuators:
    """Controllers of the twelve leg actuators, evaluated once per physics step. All arrays (12,), as in LegsTarget."""

    def __init__(
        self, step: float, effort: Array, speed: Array, corner_speed: float, ramp: float, delay: float
    ) -> None:
        """Args: physics step (s), peak torque (Nm), top speed and corner speed (rad/s), ramp and delay (s)."""
        if not 0.0 <= corner_speed < float(np.min(speed)):
            raise ValueError(f"corner speed {corner_speed} rad/s must lie below the top speed {np.min(speed)} rad/s")
        self._effort, self._speed, self._corner_speed = effort, speed, corner_speed
        self._ramp_steps = max(round(ramp / step), 1)
        self._delay_steps = round(delay / step)
        self._now = 0
        self._waiting: Deque[Tuple[int, LegsTarget]] = deque()
        self._target: Optional[LegsTarget] = None
        self._position = np.zeros_like(effort)
        self._increment = np.zeros_like(effort)
        self._ramp_left = 0

    def write(self, target: LegsTarget) -> None:
        """Send targets; they take effect after the delay."""
        self._waiting.append((self._now + self._delay_steps, target))

    def restart(self, target: LegsTarget) -> None:
        """Discard pending targets and apply ``target`` at once, without a ramp."""
        self._waiting.clear()
        self._target = target
        self._position = np.array(target.position, dtype=float)
        self._ramp_left = 0

    def _accept(self, target: LegsTarget) -> None:
        old, self._target = self._target, target
        if old is None:
            self._position = np.array(target.position, dtype=float)
        elif not np.array_equal(old.position, target.position):
            self._ramp_left = self._ramp_steps
            self._increment = (target.position - self._position) / self._ramp_steps

    def torque(self, position: Array, velocity: Array) -> Array:
        """Torques (Nm) for this physics step from the measured position (rad) and velocity (rad/s)."""
        while self._waiting and self._waiting[0][0] <= self._now:
            self._accept(self._waiting.popleft()[1])
        self._now += 1
        target = self._target
        if target is None:
            return np.zeros_like(position)
        if self._ramp_left:
            self._ramp_left -= 1
            self._position = self._position + self._increment if self._ramp_left else np.asarray(target.position)
        wanted = target.kp * (self._position - position) + target.kd * (target.velocity - velocity) + target.effort
        low, high = -self._effort, self._effort
        if np.abs(velocity).max() > self._corner_speed:
            low, high = torque_limits(velocity, self._effort, self._corner_speed, self._speed)
        return np.minimum(np.maximum(wanted, low), high)


class ServoGoals:
    """Profiles goals as the arm's servos do: limited speed and acceleration, then backlash in the gears.

    The output shaft follows the gear only after the gear has crossed the gap. It therefore stops up to ``backlash``
    short of the goal, on the side it came from.
    """

    def __init__(self, step: float, speed: Array, acceleration: float, backlash: float) -> None:
        """Args: physics step (s), limits of speed (n,) (rad/s) and acceleration (rad/s^2), backlash per side (rad)."""
        self._step, self._speed, self._acceleration = step, speed, acceleration
        self._backlash = backlash
        self.restart(np.zeros_like(speed))

    def restart(self, position: Array) -> None:
        """Put the servos at rest at ``position``, (n,) rad, in the middle of their backlash."""
        self._goal = self._gear = self._output = np.array(position, dtype=float)
        self._velocity = np.zeros_like(self._gear)
        self._arrived = True

    def write(self, goal: Array) -> None:
        """Set new goals, (n,) rad."""
        self._goal = np.array(goal, dtype=float)
        self._arrived = False

    def advance(self) -> Array:
        """Output positions (n,) rad for this physics step."""
        if self._arrived:
            return self._output
        distance = self._goal - self._gear
        increment = self._acceleration * self._step  # of the speed, in one physics step
        # The speed from which the servo can still stop at the goal, braking in whole physics steps.
        stopping = np.sqrt(2.0 * self._acceleration * np.abs(distance) + 0.25 * increment * increment) - 0.5 * increment
        wanted = np.sign(distance) * np.minimum(np.minimum(stopping, self._speed), np.abs(distance) / self._step)
        self._velocity += np.minimum(np.maximum(wanted - self._velocity, -increment), increment)
        near = (np.abs(distance) <= increment * self._step) & (np.abs(self._velocity) <= 2.0 * increment)
        self._gear = np.where(near, self._goal, self._gear + self._velocity * self._step)
        self._velocity[near] = 0.0
        self._arrived = bool(near.all())
        self._output = np.minimum(np.maximum(self._output, self._gear - self._backlash), self._gear + self._backlash)
        return self._output
