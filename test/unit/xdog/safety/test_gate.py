"""The gate: what leaves it is finite, within limits and permitted, whatever is commanded."""

import dataclasses
import math
from typing import Any, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdog.core.description import load_description
from xdog.safety.config import load_safety_config
from xdog.safety.gate import INVALID_COMMAND, CommandGate, GateOutput

ROBOT = load_description()
CONFIG = load_safety_config()
LEGS = ROBOT.legs
STAND = LEGS.poses["stand"]
ONES = np.ones(12)
Array = np.ndarray


def command(
    gate: CommandGate,
    now: float,
    position: Array = STAND,
    velocity: Array = 0 * ONES,
    effort: Array = 0 * ONES,
    kp: Array = 20 * ONES,
    kd: Array = ONES,
) -> None:
    gate.on_command(now, now, LEGS.names, position, velocity, effort, kp, kd)


def open_gate() -> CommandGate:
    gate = CommandGate(ROBOT, CONFIG.gate)
    gate.on_safety(0.0, 0.0, True, "")
    command(gate, 0.0)
    return gate


def assert_damping(output: GateOutput) -> None:
    assert not output.active
    assert output.reason
    assert np.all(output.target.kp == 0.0)
    assert np.all(output.target.kd == ROBOT.leg_gains["damp"].kd)
    assert np.all(output.target.velocity == 0.0)
    assert np.all(output.target.effort == 0.0)


def test_follows_a_sound_permitted_command() -> None:
    output = open_gate().apply(0.005, STAND)
    assert output.active
    assert output.reason == ""
    assert output.warning == ""
    np.testing.assert_array_equal(output.target.position, STAND)
    np.testing.assert_array_equal(output.target.kp, 20 * ONES)


def test_before_anything_was_received() -> None:
    gate = CommandGate(ROBOT, CONFIG.gate)
    output = gate.apply(0.0, STAND)
    assert_damping(output)
    assert "heartbeat" in output.reason
    np.testing.assert_array_equal(output.target.position, STAND)
    gate.on_safety(0.0, 0.0, True, "")
    assert "no legs/command yet" in gate.apply(0.005, STAND).reason


def test_joints_are_taken_by_name() -> None:
    gate = open_gate()
    backwards = slice(None, None, -1)
    target = STAND + np.linspace(-0.05, 0.05, 12)
    zero = 0 * ONES
    gate.on_command(0.0, 0.0, LEGS.names[backwards], target[backwards], zero, zero, np.arange(12.0)[backwards], ONES)
    gate.apply(0.0, STAND)
    output = gate.apply(0.005, STAND)  # 0.05 rad is within 40 rad/s * 5 ms = 0.2 rad
    np.testing.assert_allclose(output.target.position, target)
    np.testing.assert_array_equal(output.target.kp, np.arange(12.0))


@pytest.mark.parametrize(("age", "active"), [(0.149, True), (0.151, False)])
def test_heartbeat_timeout(age: float, active: bool) -> None:
    gate = open_gate()
    command(gate, age)
    output = gate.apply(age, STAND)
    assert output.active is active
    assert active or "heartbeat" in output.reason


@pytest.mark.parametrize(("age", "active"), [(0.149, True), (0.151, False)])
def test_command_timeout(age: float, active: bool) -> None:
    gate = open_gate()
    gate.on_safety(age, age, True, "")
    output = gate.apply(age, STAND)
    assert output.active is active
    assert active or "legs/command" in output.reason


@pytest.mark.parametrize(
    ("stamp", "active"), [(10.0, True), (9.86, True), (9.84, False), (10.14, True), (10.16, False)]
)
def test_a_delayed_message_is_old_when_it_arrives(stamp: float, active: bool) -> None:
    values = (STAND, 0 * ONES, 0 * ONES, 20 * ONES, ONES)
    late_command, late_heartbeat = (CommandGate(ROBOT, CONFIG.gate) for _ in range(2))
    late_command.on_safety(10.0, 10.0, True, "")
    late_command.on_command(10.0, stamp, LEGS.names, *values)
    late_heartbeat.on_safety(10.0, stamp, True, "")
    late_heartbeat.on_command(10.0, 10.0, LEGS.names, *values)
    for gate, missing in ((late_command, "legs/command"), (late_heartbeat, "heartbeat")):
        output = gate.apply(10.0, STAND)
        assert output.active is active
        assert active or missing in output.reason


def test_a_command_stamped_ahead_is_not_valid_for_longer() -> None:
    gate = CommandGate(ROBOT, CONFIG.gate)
    gate.on_command(10.0, 10.02, LEGS.names, STAND, 0 * ONES, 0 * ONES, 20 * ONES, ONES)
    gate.on_safety(10.1, 10.1, True, "")
    assert gate.apply(10.149, STAND).active
    assert not gate.apply(10.151, STAND).active


def test_a_clock_that_jumps_back_does_not_keep_an_old_heartbeat_alive() -> None:
    gate = CommandGate(ROBOT, CONFIG.gate)
    gate.on_safety(100.0, 100.0, True, "")
    command(gate, 1.0)
    assert_damping(gate.apply(1.0, STAND))


def test_motion_not_allowed() -> None:
    gate = open_gate()
    gate.on_safety(0.01, 0.01, False, "tilted by 1.20 rad")
    output = gate.apply(0.01, STAND)
    assert_damping(output)
    assert output.reason == "motion not allowed: tilted by 1.20 rad"


NOT_FINITE = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("field", ["position", "velocity", "effort", "kp", "kd"])
@pytest.mark.parametrize("value", NOT_FINITE)
def test_values_that_are_not_finite(field: str, value: float) -> None:
    gate = open_gate()
    values = 0.5 * ONES
    values[3] = value
    command(gate, 0.01, **{field: values})
    output = gate.apply(0.01, STAND)
    assert_damping(output)
    assert output.reason == f"{INVALID_COMMAND} {field} of front_left_abad_joint is {value}"


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (("front_right_tail_joint", *LEGS.names[1:]), "unknown joint front_right_tail_joint"),
        (LEGS.names[:-1], "joint hind_left_knee_joint is missing"),
        (LEGS.names + LEGS.names[:1], "13 names for 12 joints"),
        ((), "is missing"),
    ],
)
def test_wrong_joints(names: Sequence[str], complaint: str) -> None:
    gate = open_gate()
    values = np.zeros(len(names))
    gate.on_command(0.01, 0.01, names, values, values, values, values, values)
    output = gate.apply(0.01, STAND)
    assert_damping(output)
    assert output.reason.startswith(INVALID_COMMAND)
    assert complaint in output.reason


def test_wrong_length() -> None:
    gate = open_gate()
    gate.on_command(0.01, 0.01, LEGS.names, STAND, [], 0 * ONES, ONES, ONES)
    assert gate.apply(0.01, STAND).reason == f"{INVALID_COMMAND} 0 values of velocity for 12 joints"


def test_an_invalid_command_counts_until_the_supervisor_has_stopped_and_was_reset() -> None:
    gate = open_gate()
    command(gate, 0.01, position=math.nan * ONES)
    command(gate, 0.011)  # a valid one right after it must not hide it
    assert gate.apply(0.015, STAND).reason.startswith(INVALID_COMMAND)
    gate.on_safety(0.02, 0.02, True, "")  # a heartbeat that was on its way
    assert gate.apply(0.02, STAND).reason.startswith(INVALID_COMMAND)
    gate.on_safety(0.03, 0.03, False, "invalid command")
    assert gate.apply(0.03, STAND).reason.startswith("motion not allowed")
    command(gate, 0.04)
    gate.on_safety(0.04, 0.04, True, "")
    assert gate.apply(0.04, STAND).active


def test_clamps_with_a_warning() -> None:
    gate = open_gate()
    position, velocity, effort, kp, kd = STAND.copy(), 0 * ONES, 0 * ONES, 20 * ONES, ONES.copy()
    position[2], velocity[4], effort[5], kp[6], kd[7] = 99.0, -99.0, 99.0, 99.0, -1.0
    command(gate, 0.0, position, velocity, effort, kp, kd)
    gate.apply(0.0, STAND)
    target = gate.apply(0.1, STAND)
    assert target.active
    assert target.warning == (
        "position out of limits: front_right_knee_joint; velocity out of limits: front_left_hip_joint; "
        "effort out of limits: front_left_knee_joint; kp out of limits: hind_right_abad_joint; "
        "kd out of limits: hind_right_hip_joint"
    )
    assert target.target.position[2] == LEGS.upper[2]
    assert target.target.velocity[4] == -LEGS.velocity[4]
    assert target.target.effort[5] == LEGS.effort[5]
    assert target.target.kp[6] == 60.0
    assert target.target.kd[7] == 0.0


def test_noise_beyond_a_limit_is_clipped_without_a_warning() -> None:
    gate = open_gate()
    command(gate, 0.0, position=LEGS.upper + 0.005)
    gate.apply(0.0, LEGS.upper)
    output = gate.apply(0.005, LEGS.upper)
    assert output.warning == ""
    np.testing.assert_array_equal(output.target.position, LEGS.upper)


def test_target_starts_at_the_measured_position_and_moves_at_40_rad_per_s() -> None:
    gate = CommandGate(ROBOT, CONFIG.gate)
    lie = LEGS.poses["lie"]
    gate.apply(0.0, lie)  # still closed
    gate.on_safety(0.0, 0.0, True, "")
    command(gate, 0.0)
    knee = [gate.apply(0.005 * k, lie).target.position[2] for k in (1, 2, 3)]
    np.testing.assert_allclose(knee, [2.7, 2.7 - 0.2, 2.7 - 0.4])  # 40 rad/s * 5 ms = 0.2 rad


def test_measured_positions_that_are_not_finite() -> None:
    gate = open_gate()
    gate.apply(0.0, STAND)
    broken = STAND.copy()
    broken[0] = math.nan
    output = gate.apply(0.005, broken)
    assert_damping(output)
    np.testing.assert_array_equal(output.target.position, STAND)


numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)
names = st.one_of(
    st.just(list(LEGS.names)),
    st.permutations(LEGS.names),
    st.lists(st.sampled_from((*LEGS.names, "tail_joint")), max_size=14),
)
columns = st.one_of(
    st.lists(st.floats(-1e3, 1e3), min_size=12, max_size=12),
    st.lists(numbers, min_size=12, max_size=12),
    st.lists(numbers, max_size=14),
)
events = st.one_of(
    st.tuples(st.just("safety"), st.booleans()),
    st.tuples(st.just("command"), names, columns, columns, columns, columns, columns),
    st.tuples(st.just("apply"), st.lists(numbers, min_size=12, max_size=12)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.3, 0.3), events), max_size=25))
def test_whatever_is_commanded_what_leaves_is_finite_and_within_limits(story: Any) -> None:
    gate = CommandGate(ROBOT, CONFIG.gate)
    now, allowed = 10.0, False
    for elapsed, (kind, *rest) in [*story, (0.005, ("apply", STAND))]:
        now += elapsed
        if kind == "safety":
            allowed = rest[0]
            gate.on_safety(now, now, allowed, "test")
        elif kind == "command":
            gate.on_command(now, now, *rest)
        else:
            output = gate.apply(now, np.array(rest[0]))
            target = output.target
            for field in dataclasses.fields(target):
                values = getattr(target, field.name)
                assert values.shape == (12,), field.name
                assert np.all(np.isfinite(values)), field.name
            assert np.all((LEGS.lower <= target.position) & (target.position <= LEGS.upper))
            assert np.all(np.abs(target.velocity) <= LEGS.velocity)
            assert np.all(np.abs(target.effort) <= LEGS.effort)
            assert np.all((target.kp >= 0) & (target.kp <= ROBOT.max_kp))
            assert np.all((target.kd >= 0) & (target.kd <= ROBOT.max_kd))
            assert output.active == (not output.reason)
            if output.active:
                assert allowed
            else:
                assert_damping(output)
