"""The permission to move: only a recent heartbeat that allows motion gives it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.safety.config import load_safety_config
from xdog.safety.permission import UNSUPERVISED, SafetyPermission, is_fresh

TIMEOUT = 0.3
MISSING = "the safety supervisor's heartbeat is missing for more than 0.3 s: is it running?"


def permitted(now: float, stamp: float) -> SafetyPermission:
    permission = SafetyPermission(TIMEOUT)
    permission.update(now, stamp, True, "")
    return permission


def test_without_a_heartbeat_motion_is_not_allowed() -> None:
    permission = SafetyPermission(TIMEOUT)
    assert permission.objection(0.0) == permission.refusal == UNSUPERVISED
    assert not permission.is_recent(0.0)


@pytest.mark.parametrize(("age", "objection"), [(0.0, ""), (0.29, ""), (0.31, MISSING), (1e6, MISSING)])
def test_a_heartbeat_counts_for_the_timeout(age: float, objection: str) -> None:
    permission = permitted(10.0, 10.0)
    assert permission.objection(10.0 + age) == objection
    assert permission.is_recent(10.0 + age) == (objection == "")
    assert permission.refusal == "", "whatever its age"


@pytest.mark.parametrize(("stamp", "objection"), [(9.71, ""), (9.69, MISSING), (10.29, ""), (10.31, MISSING)])
def test_a_delayed_heartbeat_is_old_when_it_arrives(stamp: float, objection: str) -> None:
    assert permitted(10.0, stamp).objection(10.0) == objection


def test_after_the_clock_has_jumped_back_only_a_new_heartbeat_counts() -> None:
    permission = permitted(100.0, 100.0)
    assert permission.objection(5.0) == MISSING
    permission.update(5.0, 100.0, True, "")  # sent before the jump, received after it
    assert permission.objection(5.0) == MISSING
    permission.update(5.0, 5.0, True, "")
    assert permission.objection(5.0) == ""


def test_a_refusal_gives_its_reason() -> None:
    permission = permitted(10.0, 10.0)
    permission.update(10.05, 10.05, False, "e-stop: operator")
    assert permission.objection(10.1) == permission.refusal == "motion not allowed: e-stop: operator"
    assert permission.is_recent(10.1)
    permission.update(10.1, 10.1, False, "")
    assert permission.objection(10.1) == "motion not allowed: no reason given"


def test_a_refusal_that_is_old_is_reported_as_missing() -> None:
    permission = permitted(10.0, 10.0)
    permission.update(10.0, 10.0, False, "e-stop: operator")
    assert permission.objection(11.0) == MISSING


TIMES = st.floats(-1e6, 1e6)


@given(TIMES, TIMES, TIMES, st.booleans())
def test_motion_needs_a_heartbeat_that_is_fresh_and_allows_it(
    now: float, arrival: float, stamp: float, allowed: bool
) -> None:
    permission = SafetyPermission(TIMEOUT)
    permission.update(arrival, stamp, allowed, "a reason")
    assert (permission.objection(now) == "") == (allowed and is_fresh(now, arrival, stamp, TIMEOUT))


def test_the_gates_are_quicker_than_the_listeners() -> None:
    config = load_safety_config()
    assert config.gate.heartbeat_timeout < config.listeners.heartbeat_timeout
