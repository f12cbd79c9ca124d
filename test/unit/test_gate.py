"""The gate: what leaves it is finite, within limits and permitted, whatever is commanded."""

import dataclasses
import math
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdog.description import load_description
from xdog.safety.config import SafetyConfigError, load_safety_config
from xdog.safety.gate import INVALID_COMMAND, ArmGate, CommandGate, GateOutput

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


def test_before_anything_was_heard() -> None:
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
def test_what_hung_on_its_way_is_old_when_it_arrives(stamp: float, active: bool) -> None:
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


def test_a_command_stamped_ahead_lives_no_longer() -> None:
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


def test_an_invalid_command_holds_until_the_supervisor_took_notice_and_was_reset() -> None:
    gate = open_gate()
    command(gate, 0.01, position=math.nan * ONES)
    command(gate, 0.011)  # a sound one right behind must not hide it
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


def test_noise_beyond_a_limit_is_cut_without_a_word() -> None:
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


ARM = ROBOT.arm


def open_arm() -> ArmGate:
    gate = ArmGate(ROBOT, CONFIG.arm_gate, CONFIG.gate.heartbeat_timeout)
    gate.on_safety(0.0, 0.0, True, "")
    return gate


def test_arm_moves_at_a_limited_rate_within_limits() -> None:
    gate, here = open_arm(), ARM.poses["home"]
    wanted = here.copy()
    wanted[0] = 99.0
    gate.apply(0.0, here)
    assert gate.on_command(0.0, ARM.names, wanted) == "position out of limits: shoulder_pan"
    pan = [gate.apply(now, here)[0] for now in (0.01, 0.02, 0.04)]
    np.testing.assert_allclose(pan, [0.03, 0.06, 0.12])  # 3 rad/s
    gate.on_safety(1.04, 1.04, True, "")
    np.testing.assert_allclose(gate.apply(1.04, here)[0], 0.42)  # a stall counts as 0.1 s
    for now in np.arange(1.05, 2.0, 0.01):
        gate.on_safety(now, now, True, "")
        last = gate.apply(now, here)[0]
    assert last == ARM.upper[0]


def test_arm_is_never_sent_faster_than_its_joints_turn() -> None:
    gate = ArmGate(ROBOT, dataclasses.replace(CONFIG.arm_gate, max_rate=99.0), CONFIG.gate.heartbeat_timeout)
    gate.on_safety(0.0, 0.0, True, "")
    gate.apply(0.0, ARM.poses["home"])
    gate.on_command(0.0, ARM.names, ARM.lower)
    moved = gate.apply(0.01, ARM.poses["home"]) - ARM.poses["home"]
    assert np.all(np.abs(moved) <= 0.01 * ARM.velocity + 1e-9)
    assert np.max(np.abs(moved)) == pytest.approx(0.0471)  # 4.71 rad/s


def test_arm_refuses_nonsense_and_stays() -> None:
    gate, here = open_arm(), ARM.poses["stow"]
    assert gate.on_command(0.0, ARM.names, math.nan * here) == f"{INVALID_COMMAND} position of shoulder_pan is nan"
    assert gate.on_command(0.0, ("tail",), [0.0]).startswith(INVALID_COMMAND)
    np.testing.assert_array_equal(gate.apply(0.01, here), here)
    np.testing.assert_array_equal(gate.apply(0.02, here), here)


def test_arm_after_a_stop_waits_until_the_stream_has_paused() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    goal = home.copy()
    goal[0] += 0.3

    def live(start: int, end: int, allowed: bool, streams: bool) -> Array:
        for tick in range(start, end):  # of 10 ms
            now = tick / 100
            gate.on_safety(now, now, allowed, "stop")
            if streams:
                gate.on_command(now, ARM.names, goal)
            sent = gate.apply(now, home)
        return sent

    assert live(0, 10, allowed=True, streams=True)[0] > home[0]
    held = live(10, 200, allowed=False, streams=True)
    np.testing.assert_array_equal(live(200, 400, allowed=True, streams=True), held)
    assert gate.on_command(3.99, ARM.names, goal).startswith("ignored after a stop: send nothing for 0.5 s")
    np.testing.assert_array_equal(live(400, 448, allowed=True, streams=False), held)  # a pause of 0.49 s is too short
    np.testing.assert_array_equal(live(448, 449, allowed=True, streams=True), held)
    np.testing.assert_array_equal(live(449, 500, allowed=True, streams=False), held)
    np.testing.assert_array_equal(live(500, 530, allowed=True, streams=True), goal)


def test_arm_that_was_let_go_stays_where_it_is_found() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    gate.on_command(0.0, ARM.names, home)
    gate.apply(0.0, home)
    gate.forget()
    assert gate.on_command(0.02, ARM.names, home).startswith("ignored")
    np.testing.assert_array_equal(gate.apply(0.02, home + 0.1), home + 0.1)
    np.testing.assert_array_equal(gate.apply(0.03, home + 0.2), home + 0.1)


def test_arm_that_is_let_go_during_a_step_stays_where_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, home = open_arm(), ARM.poses["home"]
    gate.on_command(0.0, ARM.names, home + 0.1)
    gate.apply(0.0, home)
    clip = np.clip

    def clip_while_forgetting(*args: Any) -> Array:
        gate.forget()
        return np.asarray(clip(*args))

    monkeypatch.setattr(np, "clip", clip_while_forgetting)
    assert np.all(gate.apply(0.01, home) > home)  # it had begun before
    monkeypatch.undo()
    assert gate.on_command(0.02, ARM.names, home + 0.1).startswith("ignored")
    np.testing.assert_array_equal(gate.apply(0.02, home - 0.1), home - 0.1)
    np.testing.assert_array_equal(gate.apply(0.03, home - 0.15), home - 0.1)
    assert gate.on_command(0.04, ARM.names, home + 0.1).startswith("ignored")
    gate.on_safety(0.6, 0.6, True, "")
    assert gate.on_command(0.6, ARM.names, home + 0.1) == ""


def test_arm_holds_where_it_is_when_motion_is_not_allowed() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    gate.on_command(0.0, ARM.names, home + 0.1)
    gate.apply(0.01, home)
    gate.on_safety(0.02, 0.02, False, "estop")
    held = gate.apply(0.02, home + 0.02)
    np.testing.assert_allclose(held, home + 0.02)
    np.testing.assert_allclose(gate.apply(0.03, home - 0.05), held)  # a sagging arm doesn't walk away step by step
    gate.on_command(0.03, ARM.names, home + 0.1)
    np.testing.assert_allclose(gate.apply(0.04, home - 0.1), held)  # what came in meanwhile is not followed
    gate.on_safety(0.05, 0.05, True, "")
    np.testing.assert_allclose(gate.apply(0.05, home), held)  # nor after the release


def test_held_arm_is_relaxed_little_by_little_and_held_again_where_it_has_sunk() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    gate.apply(0.0, home)
    held = gate.apply(1.0, home + 0.1)  # the heartbeat is missing for more than 0.15 s
    assert (gate.strength, "heartbeat" in gate.reason) == (1.0, True)
    sunk = home - 0.1
    for now, strength in ((11.0, 1.0), (12.0, 0.8), (13.5, 0.5), (15.0, 0.2)):  # 10 s of holding, 5 s of relaxing
        np.testing.assert_array_equal(gate.apply(now, sunk), held)
        assert gate.strength == pytest.approx(strength)
    gate.apply(16.0, sunk)
    assert gate.strength == 0.0
    np.testing.assert_array_equal(gate.apply(17.0, sunk), sunk)
    gate.on_safety(17.5, 17.5, True, "")
    np.testing.assert_array_equal(gate.apply(17.5, sunk - 0.05), sunk - 0.05)
    assert (gate.strength, gate.reason) == (1.0, "")


def test_an_arm_that_is_released_while_it_is_relaxed_does_not_jump_back_up() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    gate.apply(0.0, home)
    gate.apply(1.0, home)
    gate.apply(13.0, home - 0.1)
    gate.on_safety(13.1, 13.1, True, "")
    np.testing.assert_array_equal(gate.apply(13.1, home - 0.15), home - 0.15)


def test_an_arm_that_was_out_of_reach_is_held_where_it_is_found_and_relaxed_from_then_on() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    gate.apply(0.0, home)
    gate.on_faults(["unplugged"])
    for now in np.arange(1.0, 21.0, 0.02):  # longer than hold and relax together
        gate.apply(now, math.nan * home)
        assert gate.strength == 1.0
        gate.on_unreachable()
    gate.on_faults([])
    gate.forget()
    found = home - 0.1
    np.testing.assert_array_equal(gate.apply(21.0, found), found)
    assert "heartbeat" in gate.reason
    for now, strength in ((31.0, 1.0), (33.5, 0.5), (36.0, 0.0)):
        gate.apply(now, found)
        assert gate.strength == pytest.approx(strength)
    gate.on_unreachable()
    gate.apply(40.0, found)
    assert gate.strength == 0.0  # whoever was let go is not taken hold of


def test_a_fault_of_the_arm_holds_it_and_is_named() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    gate.apply(0.0, home)
    gate.on_faults(["elbow_flex is stalled", "elbow_flex is too hot"])
    gate.on_command(0.02, ARM.names, home + 0.5)
    np.testing.assert_array_equal(gate.apply(0.02, home + 0.1), home + 0.1)
    assert gate.reason == "fault: elbow_flex is stalled; elbow_flex is too hot"
    gate.on_faults([])
    np.testing.assert_array_equal(gate.apply(0.04, home), home + 0.1)  # where it was held; the command is forgotten
    assert gate.reason == ""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gate: [1]", "'gate' is missing or no mapping"),
        ("gate: {heartbeat_timeout: 0.1}", "check command_timeout, max_target_rate"),
        ("gate: {heartbeat_timeout: -1, command_timeout: 1, max_target_rate: 1}", "gate.heartbeat_timeout is -1"),
        ("gate: {heartbeat_timeout: .nan, command_timeout: 1, max_target_rate: 1}", "gate.heartbeat_timeout is nan"),
        ("gate: {", "not valid YAML"),
        ("", "expected a mapping"),
    ],
)
def test_bad_figures_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "safety.yaml"
    path.write_text(text)
    with pytest.raises(SafetyConfigError, match=complaint) as caught:
        load_safety_config(path)
    assert str(path) in str(caught.value)
