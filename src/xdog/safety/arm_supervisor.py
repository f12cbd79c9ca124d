"""The supervisor of an arm without a dog: decides whether it may move, and keeps a stop until it is cleared."""

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from xdog.safety.config import SupervisorConfig
from xdog.safety.latch import LatchingStop


@dataclass(frozen=True)
class ArmReport:
    """What the supervisor needs from an arm/state.

    Attributes:
        stamp: s, on the bridge's clock.
        faults: why the arm must not move; empty if it may.
        warnings: what needs attention.
        active: True while the gate follows commands.
        gate_reason: why the gate holds the arm.
    """

    stamp: float
    faults: Tuple[str, ...]
    warnings: Tuple[str, ...]
    active: bool
    gate_reason: str


class ArmSupervisor(LatchingStop):
    """Handles e-stops and the arm's own faults. Times are in s on one clock, given by the caller."""

    def __init__(self, config: SupervisorConfig) -> None:
        super().__init__("arm/state", config.state_timeout, "The arm stays where it is until it gets a new command")
        self._report: Optional[ArmReport] = None

    def on_arm(self, now: float, report: ArmReport) -> None:
        """An arm/state was received at ``now``. It counts as new unless it repeats the last stamp."""
        self._on_state(now, report.stamp, report.active, report.gate_reason)
        self._report = report
        for fault in report.faults:
            self._latch({fault.split(":")[0]: fault})  # the text after the colon contains values that change

    def _blind(self) -> bool:
        return self._report is None

    def _problems(self, now: float) -> List[str]:
        if self._report is None:
            return []
        held = ["the arm still follows commands: call again when it is held"] if self._report.active else []
        return [*self._report.faults, *held]

    def _warnings(self, now: float) -> Sequence[str]:
        return self._report.warnings if self._report else ()
