"""The latching stop by itself: what latches, how the level follows, when a reset is granted."""

from typing import List

import pytest

from xdog.safety.gate import JUST_STARTED
from xdog.safety.latch import DAMP, ESTOP, OK, RESTARTED, WARN, LatchingStop
from xdog.safety.permission import UNSUPERVISED


class ScriptedStop(LatchingStop):
    """A supervisor whose problems and warnings the test sets."""

    def __init__(self) -> None:
        super().__init__("device/state", 0.1, "It stays where it is")
        self.blind = True
        self.problems: List[str] = []
        self.warnings: List[str] = []

    def state(self, now: float, gate_reason: str = JUST_STARTED, active: bool = False) -> None:
        self.blind = False
        self._on_state(now, now, active, gate_reason)

    def fault(self, cause: str, text: str) -> None:
        self._latch({cause: text})

    def _blind(self) -> bool:
        return self.blind

    def _problems(self, now: float) -> List[str]:
        return self.problems

    def _warnings(self, now: float) -> List[str]:
        return self.warnings


@pytest.fixture
def stop() -> ScriptedStop:
    supervisor = ScriptedStop()
    supervisor.state(1.0)
    return supervisor


def test_it_waits_for_the_first_state() -> None:
    verdict = ScriptedStop().verdict(0.0)
    assert (verdict.level, verdict.motion_allowed) == (WARN, False)
    assert verdict.reasons == ("waiting for device/state: start the bridge",)


def test_states_allow_motion_and_warnings_do_not_forbid_it(stop: ScriptedStop) -> None:
    assert stop.verdict(1.05).level == OK
    stop.warnings = ["warm"]
    verdict = stop.verdict(1.05)
    assert (verdict.level, verdict.motion_allowed, verdict.warnings) == (WARN, True, ("warm",))


@pytest.mark.parametrize(("age", "level"), [(0.09, OK), (0.11, DAMP)])
def test_missing_states_latch_after_the_timeout(stop: ScriptedStop, age: float, level: int) -> None:
    assert stop.verdict(1.0 + age).level == level


def test_missing_states_latch_after_a_clock_was_set_back_too() -> None:
    stop = ScriptedStop()
    stop.state(100.0)
    stop.state(5.0)
    assert stop.verdict(5.09).level == OK
    assert stop.verdict(5.11).level == DAMP


def test_a_latched_fault_outlives_its_cause_until_reset(stop: ScriptedStop) -> None:
    stop.fault("tilt", "tilted by 1.20 rad")
    stop.fault("tilt", "tilted by 0.10 rad")  # the first report of a cause stays
    assert stop.verdict(1.05).reasons == ("tilted by 1.20 rad",)
    stop.problems = ["still tilted"]
    assert stop.reset(1.05) == (False, "the stop stays: still tilted")
    stop.problems = []
    assert stop.reset(1.05) == (True, "cleared: tilted by 1.20 rad. It stays where it is")
    assert stop.verdict(1.05).level == OK
    assert stop.reset(1.05) == (True, "no stop was latched")


def test_an_estop_has_the_highest_level_and_names_who_asked(stop: ScriptedStop) -> None:
    stop.fault("tilt", "tilted")
    stop.estop("asked for by the test")
    verdict = stop.verdict(1.05)
    assert (verdict.level, verdict.reasons) == (ESTOP, ("tilted", "e-stop: asked for by the test"))


def test_a_stop_cannot_be_cleared_while_states_are_missing(stop: ScriptedStop) -> None:
    stop.estop("asked for by the test")
    assert stop.reset(1.2) == (False, "the stop stays: device/state is still missing: check the bridge")


@pytest.mark.parametrize(
    ("active", "reason", "restarted"),
    [(False, JUST_STARTED, False), (False, UNSUPERVISED, False), (True, "", True), (False, "e-stop", True)],
)
def test_the_gate_shows_whether_an_earlier_supervisor_existed(active: bool, reason: str, restarted: bool) -> None:
    stop = ScriptedStop()
    stop.state(1.0, reason, active)
    assert (stop.verdict(1.0).reasons == (RESTARTED,)) == restarted
