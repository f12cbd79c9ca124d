"""The supervisor of an arm on a table, and how the dog's supervisor treats faults of its arm."""

from typing import Any

import pytest
from dog_story import DogStory

from xdog.safety.arm_supervisor import ArmReport, ArmSupervisor
from xdog.safety.config import load_safety_config
from xdog.safety.gate import JUST_STARTED
from xdog.safety.latch import DAMP, ESTOP, OK, RESTARTED, WARN
from xdog.safety.permission import UNSUPERVISED

CONFIG = load_safety_config().supervisor
FAULT = "elbow_flex is stalled: 2.0 A, 0.50 rad from its goal for 0.6 s; free it"


class Story:
    """An arm/state every 20 ms; the gate follows commands while the supervisor allows it."""

    def __init__(self) -> None:
        self.supervisor = ArmSupervisor(CONFIG)
        self.now = 10.0

    def live(self, seconds: float, **changes: Any) -> "Story":
        for _ in range(round(seconds / 0.02)):
            allowed = self.supervisor.verdict(self.now).motion_allowed
            self.now += 0.02
            report = {"faults": (), "warnings": (), "active": allowed, "gate_reason": "" if allowed else UNSUPERVISED}
            self.supervisor.on_arm(self.now, ArmReport(stamp=self.now, **{**report, **changes}))
        return self

    @property
    def level(self) -> int:
        verdict = self.supervisor.verdict(self.now)
        assert verdict.motion_allowed == (not verdict.reasons) == (verdict.level in (OK, WARN) and self.now > 10.0)
        return verdict.level

    @property
    def reasons(self) -> str:
        return "; ".join(self.supervisor.verdict(self.now).reasons)


def test_nothing_moves_before_the_first_state() -> None:
    story = Story()
    assert (story.level, story.reasons) == (WARN, "waiting for arm/state: start the bridge")
    assert not story.supervisor.verdict(10.0).motion_allowed
    assert story.live(0.02).level == OK


def test_a_fault_of_the_arm_is_named_and_stays_until_it_is_cleared() -> None:
    story = Story().live(1.0).live(0.02, faults=(FAULT,))
    assert (story.level, story.reasons) == (DAMP, FAULT)
    story.live(0.1, faults=(FAULT,), active=False, gate_reason="fault")
    refused, why = story.supervisor.reset(story.now)
    assert (refused, why) == (False, f"the stop stays: {FAULT}")
    assert story.live(5.0).level == DAMP
    cleared, what = story.supervisor.reset(story.now)
    assert cleared
    assert "stays where it is until it gets a new command" in what
    assert story.level == OK


def test_warnings_are_passed_on() -> None:
    story = Story().live(0.1, warnings=("wrist_roll is hot: 57 C",))
    assert story.level == WARN
    assert story.supervisor.verdict(story.now).warnings == ("wrist_roll is hot: 57 C",)
    assert story.live(0.02).level == OK


def test_estop_stays_and_is_not_cleared_while_the_arm_still_follows() -> None:
    story = Story().live(0.1)
    story.supervisor.estop("operator")
    assert (story.level, story.reasons) == (ESTOP, "e-stop: operator")
    assert story.supervisor.reset(story.now) == (
        False,
        "the stop stays: the arm still follows commands: call again when it is held",
    )
    story.live(0.02)
    assert story.supervisor.reset(story.now)[0]
    assert story.supervisor.reset(story.now) == (True, "no stop was latched")


@pytest.mark.parametrize("stands_still", [False, True])
def test_a_bridge_that_stops_publishing_or_hangs_is_a_stop(stands_still: bool) -> None:
    story = Story().live(0.1)
    if stands_still:
        stamp = story.now
        for _ in range(6):
            story.now += 0.02
            story.supervisor.on_arm(story.now, ArmReport(stamp, (), (), False, UNSUPERVISED))
    else:
        story.now += 0.11
    missing = "no arm/state for more than 0.1 s: check the bridge, and how busy its computer is"
    assert (story.level, story.reasons) == (DAMP, missing)
    assert story.supervisor.reset(story.now) == (
        False,
        "the stop stays: arm/state is still missing: check the bridge",
    )
    assert story.live(0.02).supervisor.reset(story.now)[0]


@pytest.mark.parametrize(
    ("active", "reason", "stopped"),
    [
        (False, JUST_STARTED, False),
        (False, UNSUPERVISED, False),
        (True, "", True),
        (False, "motion not allowed: e-stop: operator", True),
    ],
)
def test_a_supervisor_that_replaces_another_holds_a_stop(active: bool, reason: str, stopped: bool) -> None:
    story = Story().live(0.02, active=active, gate_reason=reason)
    assert story.reasons == (RESTARTED if stopped else "")


def test_reset_before_the_first_state_is_refused() -> None:
    story = Story()
    story.supervisor.estop("early")
    assert story.supervisor.reset(story.now) == (
        False,
        "the stop stays: waiting for arm/state: start the bridge",
    )


def test_a_dog_goes_on_with_a_faulty_arm_and_warns_for_a_while() -> None:
    story = DogStory().live(0.1)
    story.supervisor.on_arm(story.now, [FAULT])
    story.supervisor.on_arm(story.now, [])
    assert (story.level, story.warnings) == (WARN, f"arm: {FAULT}")
    assert story.live(1.01).level == OK


def test_a_dog_without_legs_state_is_not_moved_by_its_arm() -> None:
    story = DogStory()
    story.supervisor.on_arm(story.now, [])
    assert not story.supervisor.verdict(story.now).motion_allowed
