"""What all supervisors share: a stop outlives its cause until it is cleared, which is refused while the cause lasts."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from xdog.safety.gate import JUST_STARTED
from xdog.safety.permission import UNSUPERVISED

OK, WARN, DAMP, ESTOP = 0, 1, 2, 3
"""Levels of the verdict, as in SafetyState.msg."""

RESTARTED = "the safety supervisor was restarted and has lost its state: check the robot"


@dataclass(frozen=True)
class Verdict:
    """The supervisor's verdict: a level, whether the robot may move, why not, and what needs attention."""

    level: int
    motion_allowed: bool
    reasons: Tuple[str, ...]
    warnings: Tuple[str, ...]


class LatchingStop(ABC):
    """Collects what is wrong, by cause. Times are in s on one clock, given by the caller.

    Its verdict must not be published before the first state has been received: the gate's reason in that state shows
    whether another supervisor ran before.

    Args:
        topic: of the bridge's states.
        timeout: s without a new state after which it stops.
        afterwards: what the robot does after a stop was cleared.
    """

    def __init__(self, topic: str, timeout: float, afterwards: str) -> None:
        self._topic, self._timeout, self._afterwards = topic, timeout, afterwards
        self._stamp: Optional[float] = None
        self._arrival = 0.0
        self._latched: Dict[str, str] = {}

    def estop(self, who: str) -> None:
        """Stop now and stay stopped. ``who`` is shown as the reason."""
        self._latch({"estop": f"e-stop: {who}"})

    def reset(self, now: float) -> Tuple[bool, str]:
        """Clear a stop if none of its causes is left.

        Returns:
            Whether no stop is latched any more, and what was cleared or prevents it.
        """
        if not self._latched:
            return True, "no stop was latched"
        obstacles = self._obstacles(now)
        if obstacles:
            return False, "the stop stays: " + "; ".join(obstacles)
        cleared = "; ".join(self._latched.values())
        self._latched.clear()
        return True, f"cleared: {cleared}. {self._afterwards}"

    def verdict(self, now: float) -> Verdict:
        """The verdict at ``now``."""
        if self._stale(now):
            missing = f"no {self._topic} for more than {self._timeout:g} s"
            self._latch({"state": f"{missing}: check the bridge, and how busy its computer is"})
        warnings = tuple(self._warnings(now))
        reasons = tuple(self._latched.values()) or ((self._waiting(),) if self._blind() else ())
        if "estop" in self._latched:
            level = ESTOP
        elif self._latched:
            level = DAMP
        else:
            level = WARN if warnings or reasons else OK
        return Verdict(level, not reasons, reasons, warnings)

    # For subclasses, which know what is wrong.

    @abstractmethod
    def _blind(self) -> bool:
        """Whether no usable state has been received yet."""

    @abstractmethod
    def _problems(self, now: float) -> Sequence[str]:
        """What prevents clearing a stop at ``now``, as far as the states show it."""

    @abstractmethod
    def _warnings(self, now: float) -> Sequence[str]:
        """What needs attention at ``now``."""

    def _on_state(self, now: float, stamp: float, active: bool, gate_reason: str) -> None:
        """A state was received at ``now``. It counts as new unless it repeats the previous stamp.

        An earlier stamp counts as new, too: the clock was set back.
        """
        if self._stamp is None and (active or gate_reason not in (JUST_STARTED, UNSUPERVISED)):
            self._latch({"restart": RESTARTED})  # an earlier supervisor controlled this gate and may have held a stop
        if stamp != self._stamp:
            self._arrival = now
        self._stamp = stamp

    def _latch(self, causes: Dict[str, str]) -> None:
        for cause, text in causes.items():
            self._latched.setdefault(cause, text)

    def _waiting(self) -> str:
        return f"waiting for {self._topic}: start the bridge"

    def _stale(self, now: float) -> bool:
        return not self._blind() and now - self._arrival > self._timeout

    def _obstacles(self, now: float) -> List[str]:
        """Everything that prevents clearing a stop at ``now``."""
        if self._stale(now):
            return [f"{self._topic} is still missing: check the bridge"]
        return list(self._problems(now)) or ([self._waiting()] if self._blind() else [])
