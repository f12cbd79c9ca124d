"""Setpoints that stream in from a policy or a teacher: where the arm should be next, one after the other."""

from typing import Optional, Sequence, Tuple

import numpy as np

from xdog.arm.config import ArmConfig
from xdog.arm.motions import ArmMeasurement
from xdog.core.description import JointGroup
from xdog.core.timers import HoldTimer
from xdog.safety.gate import WORTH_A_WARNING, check_command

Array = np.ndarray


class SetpointStream:
    """Takes setpoints and spreads each over the time it was given. Times are stamps, in s.

    After the stream was ended setpoints count again only when none has come in for a while, as for the bridge's gate:
    a program that goes on sending moves nothing.
    """

    def __init__(self, arm: JointGroup, config: ArmConfig) -> None:
        self._arm, self._config = arm, config
        self._goal: Optional[Array] = None
        self._due = 0.0
        self._heard = -np.inf
        self._barred = False
        self._behind = HoldTimer()
        self._warning = ""

    @property
    def alive(self) -> bool:
        """Whether setpoints are followed."""
        return self._goal is not None

    def end(self, now: float) -> None:
        """Follow no more setpoints, until their sender has paused."""
        self._barred = self._barred or self.alive or now - self._heard < self._config.stream.timeout
        self._goal, self._behind = None, HoldTimer()

    def on_setpoint(
        self, now: float, names: Sequence[str], positions: Sequence[float], duration: float, objection: str
    ) -> str:
        """Take note of a setpoint: rad for each name, to be reached ``duration`` s from ``now``.

        Args:
            objection: why none may be followed now; empty if it may.

        Returns:
            Why it is refused or what was cut down, empty if nothing. With a refused setpoint the stream stands still.
        """
        silent, self._heard = now - self._heard, now
        if objection:
            self._barred, self._goal = True, None
            return f"refused: {objection}"
        if self._barred and silent < self._config.stream.timeout:
            return f"refused: the stream was ended: send nothing for {self._config.stream.timeout:g} s, then begin anew"
        try:
            wanted = check_command(self._arm, names, (("position", positions),))[0]
            if not (np.isfinite(duration) and duration >= 0.0):
                raise ValueError(f"time_from_start is {duration}")
        except (TypeError, ValueError) as error:
            self.end(now)
            return f"refused: {error}"
        self._barred = False
        self._goal, self._due = np.clip(wanted, self._arm.lower, self._arm.upper), now + duration
        beyond = np.abs(self._goal - wanted) > WORTH_A_WARNING
        cut = [name for name, flag in zip(self._arm.names, beyond) if flag]
        self._warning = f"cut to the limits: {', '.join(cut)}" if cut else ""
        return self._warning

    def lag(self, measured: ArmMeasurement, target: Array) -> str:
        """Why the arm, which was sent to ``target`` (6,) rad, does not follow the stream; empty if it does.

        The gripper may hold something, so it doesn't count.
        """
        behind = np.abs(target - measured.position)[:5] > self._config.tolerances.path
        if not self._behind.update(measured.stamp, bool(behind.any()), self._config.stream.follow_time):
            return ""
        return f"the arm does not follow: {', '.join(name for name, flag in zip(self._arm.names, behind) if flag)}"

    def step(self, now: float, target: Array, period: float) -> Tuple[Array, str]:
        """Next goals (6,) rad on the way from ``target`` (6,) to the setpoint, and what is to be said about it.

        When no setpoint has come in for too long at ``now`` (s), the stream ends where it is.
        """
        timeout = self._config.stream.timeout
        if self._goal is None or now - self._heard > timeout:
            self._goal = None
            return target, f"no setpoint for {timeout:g} s"
        share = min(period / max(self._due - now + period, period), 1.0) if period > 0.0 else 0.0
        return target + share * (self._goal - target), self._warning
