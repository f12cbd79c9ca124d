"""The supervisor: what withdraws the permission to move, and what it takes to get it back."""

import math
from typing import Any, Callable, Dict, Tuple

import numpy as np
import pytest
from dog_story import CONFIG, FULL, ROBOT, DogStory, report, rolled
from hypothesis import given, settings
from hypothesis import strategies as st

from xdog.safety.config import load_safety_config
from xdog.safety.gate import INVALID_COMMAND, JUST_STARTED, CommandGate
from xdog.safety.latch import DAMP, ESTOP, OK, RESTARTED, WARN
from xdog.safety.permission import UNSUPERVISED
from xdog.safety.supervisor import Supervisor


def test_the_imu_is_parallel_to_the_trunk() -> None:
    assert ROBOT.joints["imu_joint"].rpy == (0.0, 0.0, 0.0)
    assert ROBOT.joints["imu_joint"].parent == ROBOT.frames["base"]


def test_waits_for_the_first_state_without_latching() -> None:
    story = DogStory()
    verdict = story.supervisor.verdict(story.now)
    assert (verdict.level, verdict.motion_allowed) == (WARN, False)
    assert "waiting for legs/state" in verdict.reasons[0]
    assert story.live(0.005).level == OK


def closed_gate(reason: str) -> Dict[str, Any]:
    return {"active": False, "gate_reason": reason}


@pytest.mark.parametrize("reason", [JUST_STARTED, UNSUPERVISED])
def test_a_first_supervisor_holds_no_stop(reason: str) -> None:
    assert DogStory().live(0.005, **closed_gate(reason)).level == OK


@pytest.mark.parametrize(
    "gate",
    [
        {"active": True, "gate_reason": ""},
        closed_gate("the safety supervisor's heartbeat is missing for more than 0.15 s"),
        closed_gate("motion not allowed: e-stop: asked for by /teleop"),
    ],
)
def test_a_supervisor_that_replaces_another_holds_a_stop(gate: Dict[str, Any]) -> None:
    story = DogStory().live(0.005, **gate)
    assert (story.level, story.reasons) == (DAMP, RESTARTED)
    assert story.live(1.0, **closed_gate("motion not allowed")).level == DAMP
    assert story.supervisor.reset(story.now)[0]
    assert story.live(1.0).level == OK


def test_a_gates_reason_shows_whether_it_ever_had_a_supervisor() -> None:
    gate, stand = CommandGate(ROBOT, load_safety_config().gate), ROBOT.legs.poses["stand"]
    assert gate.apply(1.0, stand).reason == UNSUPERVISED
    gate.on_safety(1.0, 1.0, False, "e-stop")
    assert gate.apply(9.0, stand).reason not in (UNSUPERVISED, JUST_STARTED)


FAULTS: Dict[str, Tuple[Dict[str, Any], str]] = {
    "tilt": ({"orientation": rolled(1.2)}, "fallen: tilted by 1.20 rad"),
    "orientation": ({"orientation": (math.nan, 0.0, 0.0, 1.0)}, "not a rotation"),
    "zero orientation": ({"orientation": (0.0, 0.0, 0.0, 0.0)}, "not a rotation"),
    "imu": ({"imu_stamp": 0.0}, "no IMU measurement for more than"),
    "offline": ({"online": [True] * 11 + [False]}, "joint offline: hind_left_knee_joint"),
    "alarm": ({"alarm": [0, 3] + [0] * 10}, "front_right_hip_joint (code 3)"),
    "temperature": ({"temperature": np.full(12, 75.0)}, "too hot: front_right_abad_joint 75 C"),
    "joint names": ({"names": ("tail_joint", *ROBOT.legs.names[1:])}, "front_right_abad_joint, tail_joint"),
    "repeated joint": ({"names": (*ROBOT.legs.names, ROBOT.legs.names[0])}, "some are repeated"),
    "no joints": ({"names": (), "velocity": np.array([])}, "legs/state has other joints than robot.yaml"),
    "short velocity": ({"velocity": np.zeros(11)}, "legs/state has 11 values of velocity for 12 joints"),
    "short online": ({"online": []}, "legs/state has 0 values of online for 12 joints"),
    "position": ({"position": np.array([0.0] * 11 + [math.nan])}, "not finite: position of hind_left_knee_joint"),
    "velocity": ({"velocity": np.array([math.inf] + [0.0] * 11)}, "not finite: velocity of front_right_abad_joint"),
    "IMU rates": ({"motion": (0.0, 0.0, math.nan, 0.0, 0.0, 9.81)}, "not finite: the IMU's rates"),
    "command": ({"gate_reason": f"{INVALID_COMMAND} position of x is nan"}, "invalid command: position of x is nan"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_latches_and_reset_is_refused_while_it_lasts(fault: str) -> None:
    changes, reason = FAULTS[fault]
    story = DogStory().live(0.1)
    assert story.level == OK
    assert story.live(0.1, **changes).level == DAMP
    assert reason in story.reasons
    granted, message = story.supervisor.reset(story.now)
    assert not granted
    assert message.startswith("the stop stays: ")
    story.live(1.0)
    assert story.level == DAMP  # the cause is over, the stop stays
    assert reason in story.reasons
    granted, message = story.supervisor.reset(story.now)
    assert granted
    assert reason in message
    assert story.level == OK


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"orientation": rolled(0.7)}, "tilted by 0.70 rad"),
        ({"alarm": [11] + [0] * 11}, "desired torque out of limit: front_right_abad_joint"),
        ({"temperature": np.array([70.0] + [30.0] * 11)}, "hot: front_right_abad_joint 70 C"),
    ],
)
def test_what_only_warns(changes: Dict[str, Any], warning: str) -> None:
    story = DogStory().live(1.0, **changes)
    assert (story.level, story.warnings) == (WARN, warning)
    assert story.live(0.005).level == OK


def test_unmeasured_temperatures_are_no_fault() -> None:
    assert DogStory().live(0.1, temperature=np.full(12, math.nan)).level == OK


@pytest.mark.parametrize(("seconds", "level"), [(0.055, WARN), (0.07, DAMP)])
def test_tilt_counts_after_60_ms(seconds: float, level: int) -> None:
    assert DogStory().live(0.1).live(seconds, orientation=rolled(1.2)).level == level


def test_short_tilts_do_not_add_up() -> None:
    story = DogStory()
    for _ in range(5):
        story.live(0.05, orientation=rolled(1.2)).live(0.005)
    assert story.level == OK


def test_missing_states() -> None:
    story = DogStory().live(0.1)
    story.now += 0.099
    assert story.level == OK
    story.now += 0.002
    assert story.level == DAMP
    assert "no legs/state for more than 0.1 s" in story.reasons
    assert "still missing" in story.supervisor.reset(story.now)[1]
    assert story.live(0.1).level == DAMP
    assert story.supervisor.reset(story.now)[0]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_first_state_stops_and_reset_answers(fault: str) -> None:
    story = DogStory().live(0.1, **FAULTS[fault][0])
    assert (story.level, story.supervisor.reset(story.now)[0]) == (DAMP, False)


def test_states_whose_stamp_does_not_change_are_stale() -> None:
    story = DogStory().live(0.1)
    last = story.now
    for _ in range(30):
        story.now += 0.005
        story.supervisor.on_legs(story.now, report(last))
    assert story.level == DAMP
    assert "no legs/state for more than 0.1 s" in story.reasons
    assert "still missing" in story.supervisor.reset(story.now)[1]


def test_after_a_bridge_restarted_its_clock_a_reset_is_possible() -> None:
    story = DogStory().live(0.1)
    for step in range(100):
        story.now += 0.005
        story.supervisor.on_legs(story.now, report(0.02 + 0.005 * step, active=False))
    assert story.supervisor.reset(story.now)[0]
    assert story.level == OK


def test_after_a_clock_was_set_back_an_invalid_command_is_long_ago() -> None:
    story = DogStory()
    story.now = 100.0
    story.live(0.1, gate_reason=f"{INVALID_COMMAND} position of x is nan")
    story.now = 10.0
    story.live(0.1)
    granted, message = story.supervisor.reset(story.now)
    assert granted, message


def battery(story: DogStory, seconds: int, voltage: float) -> DogStory:
    for _ in range(seconds):
        story.live(1.0)
        story.supervisor.on_battery(story.now, voltage)
    return story


@pytest.mark.parametrize("unknown", [math.nan, 0.0])
def test_no_battery_alarm_before_the_first_valid_reading(unknown: float) -> None:
    story = battery(DogStory(), 10, unknown)
    assert (story.level, story.warnings) == (OK, "")


def test_battery_sag_is_debounced() -> None:
    story = battery(DogStory(), 2, FULL)
    assert battery(story, 4, 20.0).level == OK  # four readings span 3 s
    assert battery(story, 1, FULL).level == OK
    assert battery(story, 5, 20.0).level == OK  # five span 4 s
    assert battery(story, 1, 20.0).level == DAMP  # six span 5 s
    assert "battery at 20.0 V (2.86 V a cell)" in story.reasons
    assert "battery" in story.supervisor.reset(story.now)[1]
    battery(story, 1, FULL)
    assert story.supervisor.reset(story.now)[0]


def test_a_gauge_that_stops_publishing_warns() -> None:
    story = battery(DogStory(), 2, FULL)
    assert story.live(9.9).warnings == ""
    story.supervisor.on_battery(story.now, math.nan)  # not a measurement
    assert story.live(0.2).warnings == "no battery reading for 10 s: check the gauge"
    assert story.level == WARN
    assert battery(story, 1, FULL).level == OK


def test_low_battery_warns_first() -> None:
    story = battery(DogStory(), 6, 23.5)  # 3.36 V a cell, between 3.25 and 3.4
    assert (story.level, story.warnings) == (WARN, "battery at 23.5 V (3.36 V a cell)")


def test_a_late_command_warns_for_a_second() -> None:
    story = DogStory().live(0.01)
    for stamp in (1.0, 1.02, 1.06):  # 40 ms apart is still in time
        story.supervisor.on_command(story.now, stamp)
    assert story.level == OK
    story.supervisor.on_command(story.now, 1.11)
    assert story.warnings == "legs/command arrived 50 ms after the previous one"
    assert story.live(1.005).level == OK


def test_gaps_while_damping_are_no_overrun() -> None:
    story = DogStory().live(0.005, active=False)
    story.supervisor.on_command(story.now, 1.0)
    story.supervisor.on_command(story.now, 5.0)
    assert story.level == OK


def test_estop_stays_until_reset() -> None:
    story = DogStory().live(0.1)
    story.supervisor.estop("service estop")
    assert story.live(5.0).level == ESTOP
    assert story.reasons == "e-stop: service estop"
    granted, message = story.supervisor.reset(story.now)
    assert granted
    assert "do not move until stand is called" in message
    assert story.level == OK


def test_estop_before_the_first_state() -> None:
    story = DogStory()
    story.supervisor.estop("early")
    assert story.supervisor.verdict(story.now).level == ESTOP
    assert not story.supervisor.reset(story.now)[0]


Obstruct = Callable[[DogStory], object]


@pytest.mark.parametrize(
    ("obstruct", "obstacle"),
    [
        (lambda story: story.supervisor.on_inputs_neutral(story.now, False), "let go of it"),
        (lambda story: story.live(0.005, velocity=np.array([0.0] * 11 + [-0.6])), "hind_left_knee_joint still moves"),
        (lambda story: story.live(0.005, velocity=np.full(12, math.nan)), "still moves"),
        (lambda story: story.live(0.02, orientation=rolled(0.8)), "set the robot upright"),
        (lambda story: story.live(0.02, orientation=rolled(1.1)), "set the robot upright"),
        (lambda story: None, "still follow commands"),  # the stop has not reached the bridge yet
        (lambda story: story.live(0.02, active=True), "still follow commands"),
    ],
)
def test_reset_is_refused(obstruct: Obstruct, obstacle: str) -> None:
    story = DogStory().live(0.1)
    story.supervisor.estop("test")
    obstruct(story)
    granted, message = story.supervisor.reset(story.now)
    assert not granted
    assert obstacle in message
    assert story.level == ESTOP


def test_reset_needs_a_report_that_inputs_are_neutral() -> None:
    supervisor = Supervisor(ROBOT, CONFIG)
    supervisor.on_legs(1.0, report(1.0))
    supervisor.estop("test")
    granted, message = supervisor.reset(1.0)
    assert not granted
    assert "start velocity_mux" in message


@pytest.mark.parametrize(("age", "granted"), [(0.499, True), (0.501, False)])
def test_the_report_of_a_mux_that_died_expires(age: float, granted: bool) -> None:
    story = DogStory().live(0.1)
    story.supervisor.estop("test")
    story.live(0.1)
    last = story.now
    for share in (0.5, 1.0):
        story.now = last + age * share
        story.supervisor.on_legs(story.now, report(story.now, active=False))
    answer = story.supervisor.reset(story.now)
    assert answer[0] is granted
    assert granted or "start velocity_mux" in answer[1]


def test_all_causes_are_named() -> None:
    story = DogStory().live(0.1, orientation=rolled(1.5), online=[False] * 12)
    story.supervisor.on_inputs_neutral(story.now, False)
    message = story.supervisor.reset(story.now)[1]
    assert all(part in message for part in ("fallen", "offline", "let go"))


events = st.one_of(
    st.sampled_from([("fault", name) for name in FAULTS]),
    st.tuples(st.just("live"), st.floats(0.005, 0.2)),
    st.tuples(st.just("silence"), st.floats(0.0, 0.3)),
    st.just(("estop", "")),
    st.tuples(st.just("battery"), st.floats(allow_nan=True)),
    st.tuples(st.just("neutral"), st.booleans()),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(events, max_size=15))
def test_a_latched_stop_stays_until_reset(happenings: Any) -> None:
    story = DogStory().live(0.1)
    stopped = False
    for kind, value in happenings:
        if kind == "fault":
            story.live(0.02, **FAULTS[value][0])
        elif kind == "live":
            story.live(value)
        elif kind == "silence":
            story.now += value
        elif kind == "estop":
            story.supervisor.estop("property")
        elif kind == "battery":
            story.supervisor.on_battery(story.now, value)
        else:
            story.neutral = value
        verdict = story.supervisor.verdict(story.now)
        assert verdict.motion_allowed == (not verdict.reasons) == (verdict.level < DAMP)
        assert not (stopped and verdict.motion_allowed)
        assert kind != "estop" or verdict.level == ESTOP
        stopped = not verdict.motion_allowed
    granted, message = story.supervisor.reset(story.now)
    assert message
    assert story.supervisor.verdict(story.now).motion_allowed == granted
