"""The supervisor of an arm without a dog: decides whether it may move, and keeps a stop until somebody clears it."""

from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from xdog.safety.config import SupervisorConfig
from xdog.safety.gate import JUST_STARTED, UNSUPERVISED
from xdog.safety.supervisor import DAMP, ESTOP, OK, RESTARTED, WARN, Verdict

WAITING = "waiting for arm/state: start the bridge"


@dataclass(frozen=True)
class ArmReport:
    """What the supervisor needs of an arm/state.

    Attributes:
        stamp: s, on the bridge's clock.
        faults: why the arm must not move; empty if it may.
        warnings: what wants attention.
        active: True while the gate follows commands.
        gate_reason: why the gate holds the arm.
    """

    stamp: float
    faults: Tuple[str, ...]
    warnings: Tuple[str, ...]
    active: bool
    gate_reason: str


class ArmSupervisor:
    """Knows e-stops and the arm's own faults. Times are in s on one clock, given by the caller.

    It holds the same rules as `Supervisor`: a stop outlives its cause, clearing it is refused while a cause persists,
    and a supervisor that finds traces of another one before it holds a stop.
    """

    def __init__(self, config: SupervisorConfig) -> None:
        self._config = config
        self._report: Optional[ArmReport] = None
        self._arrival = 0.0
        self._latched: Dict[str, str] = {}

    def on_arm(self, now: float, report: ArmReport) -> None:
        """An arm/state came in at ``now``. It is news only if its stamp is later than that of the one before."""
        last = self._report
        if last is None and (report.active or report.gate_reason not in (JUST_STARTED, UNSUPERVISED)):
            self._latch("restart", RESTARTED)  # an earlier supervisor spoke to this gate and may have held a stop
        if last is None or report.stamp > last.stamp:
            self._arrival = now
        self._report = report
        for fault in report.faults:
            self._latch(fault.split(":")[0], fault)  # what follows holds figures that change while it lasts

    def estop(self, who: str) -> None:
        """Stop now and stay stopped. ``who`` is shown as the reason."""
        self._latch("estop", f"e-stop: {who}")

    def reset(self, now: float) -> Tuple[bool, str]:
        """Clear a stop if all its causes have gone.

        Returns:
            Whether no stop is latched any more, and what was done or stands in the way.
        """
        if not self._latched:
            return True, "no stop was latched"
        obstacles = self._obstacles(now)
        if obstacles:
            return False, "the stop stays: " + "; ".join(obstacles)
        cleared = "; ".join(self._latched.values())
        self._latched.clear()
        return True, f"cleared: {cleared}. The arm stays where it is until it is commanded anew"

    def verdict(self, now: float) -> Verdict:
        """What holds at ``now``."""
        if self._stale(now):
            self._latch("state", f"no arm/state for more than {self._config.state_timeout:g} s: look at the bridge")
        warnings = self._report.warnings if self._report else ()
        reasons = tuple(self._latched.values()) or ((WAITING,) if self._report is None else ())
        if "estop" in self._latched:
            level = ESTOP
        elif self._latched:
            level = DAMP
        else:
            level = WARN if warnings or reasons else OK
        return Verdict(level, not reasons, reasons, warnings)

    def _latch(self, cause: str, text: str) -> None:
        self._latched.setdefault(cause, text)

    def _stale(self, now: float) -> bool:
        return self._report is not None and now - self._arrival > self._config.state_timeout

    def _obstacles(self, now: float) -> List[str]:
        if self._report is None:
            return [WAITING]
        if self._stale(now):
            return ["arm/state is still missing: look at the bridge"]
        held = ["the arm still follows commands: call again when it is held"] if self._report.active else []
        return [*self._report.faults, *held]
