"""Setpoints that stream in from a policy or a teacher: where the arm should be next, one after the other."""

from typing import Optional, Sequence, Tuple

import numpy as np

from xdog.arm.config import ArmConfig
from xdog.arm.motions import ArmMeasurement, Reference
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
        self._last_setpoint = -np.inf
        self._barred = False
        self._behind = HoldTimer()
        self._warning = ""

    @property
    def alive(self) -> bool:
        """Whether setpoints are followed."""
        return self._goal is not None

    def end(self, now: float) -> None:
        """Follow no more setpoints, until their sender has paused."""
        self._barred = self._barred or self.alive or now - self._last_setpoint < self._config.stream.timeout
        self._goal, self._behind = None, HoldTimer()

    def forget(self) -> None:
        """Take no note of what came in before: its times are those of another clock."""
        self._last_setpoint, self._goal, self._behind = -np.inf, None, HoldTimer()

    def on_setpoint(
        self, now: float, names: Sequence[str], positions: Sequence[float], duration: float, objection: str
    ) -> str:
        """Take note of a setpoint: rad for each name, to be reached ``duration`` s from ``now``.

        Args:
            objection: why none may be followed now; empty if it may.

        Returns:
            Why it is refused or what was cut down, empty if nothing. With a refused setpoint the stream stands still.
        """
        silent, self._last_setpoint = now - self._last_setpoint, now
        if objection:
            self._barred, self._goal = True, None
            return f"refused: {objection}"
        if self._barred and silent < self._config.stream.timeout:
            return f"refused: the stream was ended: send nothing for {self._config.stream.timeout:g} s, then go on"
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

    def lag(self, measured: ArmMeasurement, command: Array) -> str:
        """Why the arm, which was sent to ``command`` (6,) rad, does not follow the stream; empty if it does.

        The gripper may hold something, so it doesn't count.
        """
        behind = np.abs(command - measured.position)[:5] > self._config.tolerances.path
        if not self._behind.update(measured.stamp, bool(behind.any()), self._config.stream.follow_time):
            return ""
        return f"the arm does not follow: {', '.join(name for name, flag in zip(self._arm.names, behind) if flag)}"

    def step(self, now: float, command: Array, period: float) -> Tuple[Optional[Reference], str]:
        """What commands follow on the way from the last one, (6,) rad, to the setpoint, and a note for people.

        When no setpoint has come in for too long at ``now`` (s), the stream ends and there is nothing to follow.
        """
        timeout = self._config.stream.timeout
        if self._goal is None or now - self._last_setpoint > timeout:
            self._goal = None
            return None, f"no setpoint for {timeout:g} s"
        left = max(self._due - now + period, period)
        speed = np.abs(self._goal - command) / left if left > 0.0 else np.zeros_like(command)
        return Reference(self._goal, np.zeros_like(command), speed), self._warning
