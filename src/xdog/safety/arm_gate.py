"""The arm's gate: the last check between an arm/command and the servos. Without permission to move, it holds the arm.

The methods may be called from different threads: a lock makes each of them atomic.
"""

import threading
from typing import Optional, Sequence, Tuple

import numpy as np

from xdog.core.description import RobotDescription
from xdog.safety.config import ArmGateConfig, GateConfig
from xdog.safety.gate import (
    INVALID_COMMAND,
    JUST_STARTED,
    WORTH_A_WARNING,
    check_command,
    outside,
)
from xdog.safety.permission import SafetyPermission, is_fresh

Array = np.ndarray

LONGEST_STEP = 0.1
"""s. A longer arm cycle counts as this long, so that a stall doesn't turn into a jump of the goals."""


class ArmGate:
    """Decides the servos' goals and their torque limit in every bridge step.

    When motion is not allowed, it holds the arm in place for a while and then reduces the servos' torque gradually: the
    arm sinks instead of dropping, and a person caught in it gets free.

    A goal is valid only while its command is fresh. After that the arm stops on its way and is held at the last goal
    sent, at full strength. This gives a reason only if the sender has not reported that its motion has ended.

    Attributes:
        reason: why the arm was held in the last step; empty if it was not.
        strength: share of their torque that the servos may use, from 1 down to 0.
    """

    def __init__(self, robot: RobotDescription, config: ArmGateConfig, timeouts: GateConfig) -> None:
        self._arm = robot.arm
        self._config = config
        self._timeout = timeouts.command_timeout
        self._max_rate = np.minimum(config.max_rate, robot.arm.velocity)
        self._permission = SafetyPermission(timeouts.heartbeat_timeout)
        self._command: Optional[Tuple[float, float, Array]] = None
        self._ended = True
        self._sent: Optional[Array] = None
        self._applied = 0.0
        self._held_since: Optional[float] = None
        self._fault = ""
        self._last_received = -np.inf
        self._barred = False
        self._forgotten = False
        self._lock = threading.RLock()
        self.reason = JUST_STARTED
        self.strength = 1.0

    def on_safety(self, now: float, stamp: float, motion_allowed: bool, reason: str) -> None:
        """Store a heartbeat of the safety supervisor, stamped ``stamp`` (s) and received at ``now`` (s)."""
        self._permission.update(now, stamp, motion_allowed, reason)

    def on_command(self, now: float, stamp: float, names: Sequence[str], position: Sequence[float]) -> str:
        """Store a commanded arm position, rad for each name, received at ``now`` (s).

        It answers the joint_states of ``stamp`` (s). After a stop, commands are ignored until none has arrived for a
        while.

        Returns:
            What is wrong with it or had to be clipped; empty if nothing. A refused command changes nothing.
        """
        with self._lock:
            return self._accept(now, stamp, names, position)

    def _accept(self, now: float, stamp: float, names: Sequence[str], position: Sequence[float]) -> str:
        pause = self._config.pause
        ignored = f"ignored after a stop: send nothing for {pause:g} s, then command again"
        gap, self._last_received = now - self._last_received, now
        if self._forgotten:  # until the next step, which would discard the command
            return ignored
        try:
            wanted = check_command(self._arm, names, (("position", position),))[0]
        except (TypeError, ValueError) as error:
            return f"{INVALID_COMMAND} {error}"
        problem = self._stamp_problem(now, stamp)
        if problem:
            return problem
        if self._barred and gap < pause:
            return ignored
        goal = np.clip(wanted, self._arm.lower, self._arm.upper)
        self._barred = False
        self._command, self._ended = (now, stamp, goal), False
        return outside(self._arm, "position", np.abs(goal - wanted) > WORTH_A_WARNING)

    def on_rest(self, now: float, stamp: float) -> str:
        """The sender of commands has reported, as of ``stamp`` (s), that its motion has ended.

        Returns:
            Why the report is refused; empty if it is accepted.
        """
        problem = self._stamp_problem(now, stamp)
        with self._lock:
            self._ended = self._ended or not problem
        return problem

    def _stamp_problem(self, now: float, stamp: float) -> str:
        """Why the stamp of a command received at ``now`` is too old or too far ahead; empty if it is neither."""
        if is_fresh(now, now, stamp, self._timeout):
            return ""
        if not stamp:
            return "refused: it has no stamp; use that of the joint_states it answers"
        side = "old" if stamp < now else "ahead of time"
        return f"refused: its stamp is {abs(now - stamp):.2f} s {side} (limit {self._timeout:g} s)"

    def on_faults(self, faults: Sequence[str]) -> None:
        """Store the arm's own faults, because of which it must not move; empty if there are none."""
        self._fault = f"fault: {'; '.join(faults)}" if faults else ""

    def forget(self) -> None:
        """Hold the arm where the next step finds it, as after a stop: it may be moved by hand until then."""
        with self._lock:
            self._forgotten = True

    def on_unreachable(self) -> None:
        """The last step's goals did not reach the servos, which keep holding if they held.

        Time without a connection doesn't count as holding time, so that the arm isn't dropped on reconnection.
        """
        if self.strength > 0.0:
            self._held_since = None

    def apply(self, now: float, measured_position: Array) -> Array:
        """Servo goals, (6,) rad: the next step to the commanded position, or where the arm is if motion is not allowed.

        Args:
            now: s, on the clock of the other calls.
            measured_position: (6,) rad; values that are not finite are replaced by the last goals sent.
        """
        with self._lock:
            return self._next(now, measured_position)

    def _next(self, now: float, measured_position: Array) -> Array:
        last = np.zeros(len(self._arm.names)) if self._sent is None else self._sent
        if self._forgotten:
            self._forgotten, self._command, self._sent, self._barred = False, None, None, True
        here = np.where(np.isfinite(measured_position), measured_position, last)
        here = np.clip(here, self._arm.lower, self._arm.upper)
        elapsed, self._applied = now - self._applied, now
        self.reason = self._permission.objection(now) or self._fault
        if self.reason:
            self._command, self._barred = None, True
            if self._sent is None or self._held_since is None or self.strength <= 0.0:
                self._sent = here
            self.strength = self._holding_strength(now)
            return self._sent
        if self.strength < 1.0:  # it may have sunk
            self._sent = here
        self._held_since, self.strength = None, 1.0
        start, elapsed = (here, 0.0) if self._sent is None else (self._sent, min(max(elapsed, 0.0), LONGEST_STEP))
        goal = start
        if self._command is not None:
            arrival, stamp, wanted = self._command
            if is_fresh(now, arrival, stamp, self._timeout):
                goal = wanted
            elif not self._ended:
                self.reason = f"arm/command is missing for more than {self._timeout:g} s in the middle of a motion"
        step = self._max_rate * elapsed
        self._sent = np.clip(goal, start - step, start + step)
        return self._sent

    def _holding_strength(self, now: float) -> float:
        """The strength of an arm that is held at ``now`` (s)."""
        if self._held_since is None or now < self._held_since:  # a clock that was set back starts the count again
            self._held_since = now
        over = now - self._held_since - self._config.hold
        return float(np.clip(1.0 - over / self._config.relax, 0.0, 1.0))
