"""The arm's gate: how fast the arm moves, what stops it, and where it is held."""

import dataclasses
import math
from typing import Any, List

import numpy as np
import pytest

from xdog.core.description import load_description
from xdog.safety.arm_gate import ArmGate
from xdog.safety.config import load_safety_config
from xdog.safety.gate import INVALID_COMMAND

ROBOT = load_description()
CONFIG = load_safety_config()
Array = np.ndarray
ARM = ROBOT.arm


def open_arm() -> ArmGate:
    gate = ArmGate(ROBOT, CONFIG.arm_gate, CONFIG.gate)
    gate.on_safety(0.0, 0.0, True, "")
    return gate


def test_arm_moves_at_a_limited_rate_within_limits() -> None:
    gate, here = open_arm(), ARM.poses["home"]
    wanted = here.copy()
    wanted[0] = 99.0
    gate.apply(0.0, here)
    assert gate.on_command(0.0, 0.0, ARM.names, wanted) == "position out of limits: shoulder_pan"
    pan = [gate.apply(now, here)[0] for now in (0.01, 0.02, 0.04)]
    np.testing.assert_allclose(pan, [0.03, 0.06, 0.12])  # 3 rad/s
    gate.on_safety(1.04, 1.04, True, "")
    gate.on_command(1.04, 1.04, ARM.names, wanted)
    np.testing.assert_allclose(gate.apply(1.04, here)[0], 0.42)  # a stall counts as 0.1 s
    for now in np.arange(1.05, 2.0, 0.01):
        gate.on_safety(now, now, True, "")
        gate.on_command(now, now, ARM.names, wanted)
        last = gate.apply(now, here)[0]
    assert last == ARM.upper[0]


def test_arm_is_never_sent_faster_than_its_joints_turn() -> None:
    gate = ArmGate(ROBOT, dataclasses.replace(CONFIG.arm_gate, max_rate=99.0), CONFIG.gate)
    gate.on_safety(0.0, 0.0, True, "")
    gate.apply(0.0, ARM.poses["home"])
    gate.on_command(0.0, 0.0, ARM.names, ARM.lower)
    moved = gate.apply(0.01, ARM.poses["home"]) - ARM.poses["home"]
    assert np.all(np.abs(moved) <= 0.01 * ARM.velocity + 1e-9)
    assert np.max(np.abs(moved)) == pytest.approx(0.0471)  # 4.71 rad/s


def test_arm_refuses_nonsense_and_stays() -> None:
    gate, here = open_arm(), ARM.poses["stow"]
    assert gate.on_command(0.0, 0.0, ARM.names, math.nan * here) == f"{INVALID_COMMAND} position of shoulder_pan is nan"
    assert gate.on_command(0.0, 0.0, ("tail",), [0.0]).startswith(INVALID_COMMAND)
    np.testing.assert_array_equal(gate.apply(0.01, here), here)
    np.testing.assert_array_equal(gate.apply(0.02, here), here)


FAR = np.where(np.arange(6) == 0, 1.5, 0.0)
"""rad; the first joint needs half a second for it."""


def live(gate: ArmGate, start: int, end: int, here: Array = ARM.poses["home"]) -> List[float]:
    """Goals of the first joint in ticks of 10 ms while the supervisor allows motion."""
    sent = []
    for tick in range(start, end):
        gate.on_safety(tick / 100, tick / 100, True, "")
        sent.append(float(gate.apply(tick / 100, here)[0]))
    return sent


def test_arm_does_not_run_on_when_its_sender_dies() -> None:
    gate, goal = open_arm(), ARM.poses["home"] + FAR
    live(gate, 0, 1)
    assert gate.on_command(0.0, 0.0, ARM.names, goal) == ""
    sent = live(gate, 1, 100)
    assert np.ptp(sent[15:]) == 0.0
    assert sent[-1] == pytest.approx(0.45)  # 0.15 s at 3 rad/s
    assert gate.reason == "arm/command is missing for more than 0.15 s in the middle of a motion"
    assert gate.strength == 1.0
    assert gate.on_command(1.0, 1.0, ARM.names, goal) == ""  # without a pause: there was no stop in between
    assert live(gate, 100, 101)[0] == pytest.approx(0.48)
    assert gate.reason == ""


def test_arm_does_not_run_on_when_its_sender_is_alive_but_at_rest() -> None:
    gate = open_arm()
    live(gate, 0, 1)
    gate.on_command(0.0, 0.0, ARM.names, ARM.poses["home"] + FAR)  # from another sender
    sent = []
    for tick in range(1, 100, 2):
        assert gate.on_rest(tick / 100, tick / 100) == ""
        sent += live(gate, tick, tick + 2)
        assert gate.reason == ""
    assert sent[-1] == pytest.approx(0.45)


def test_no_commands_at_rest_are_fine_and_a_report_of_rest_ends_an_unfinished_motion() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    live(gate, 0, 100)
    assert gate.reason == ""  # no command yet
    gate.on_command(1.0, 1.0, ARM.names, home)
    live(gate, 100, 115)
    assert gate.reason == ""
    live(gate, 115, 120)
    assert "arm/command is missing" in gate.reason  # also at the goal: the next command is overdue
    assert gate.on_rest(1.2, 1.0).startswith("refused: its stamp is 0.20 s old")
    live(gate, 120, 121)
    assert "arm/command is missing" in gate.reason
    assert gate.on_rest(1.21, 1.2) == ""
    live(gate, 121, 200)
    assert gate.reason == ""


@pytest.mark.parametrize(
    ("stamp", "text"),
    [
        (0.84, "refused: its stamp is 0.16 s old (limit 0.15 s)"),
        (1.2, "refused: its stamp is 0.20 s ahead of time (limit 0.15 s)"),
        (0.0, "refused: it has no stamp; use that of the joint_states it answers"),
        (math.nan, "refused: its stamp is nan s ahead of time (limit 0.15 s)"),
    ],
)
def test_arm_command_with_an_old_or_future_stamp_is_refused_and_changes_nothing(stamp: float, text: str) -> None:
    gate, home = open_arm(), ARM.poses["home"]
    live(gate, 0, 100)
    assert gate.on_command(1.0, stamp, ARM.names, home + FAR) == text
    assert live(gate, 100, 110) == [home[0]] * 10
    assert gate.reason == ""


def test_arm_command_ages_by_its_stamp_too() -> None:
    gate = open_arm()
    live(gate, 0, 100)
    assert gate.on_command(1.0, 0.865, ARM.names, ARM.poses["home"] + FAR) == ""  # delayed by 0.135 s
    assert live(gate, 100, 130)[-1] == pytest.approx(0.06)  # at 1.00 and 1.01 s


def test_arm_after_a_stop_waits_until_the_stream_has_paused() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    goal = home.copy()
    goal[0] += 0.3

    def live(start: int, end: int, allowed: bool, streams: bool) -> Array:
        for tick in range(start, end):  # of 10 ms
            now = tick / 100
            gate.on_safety(now, now, allowed, "stop")
            if streams:
                gate.on_command(now, now, ARM.names, goal)
            sent = gate.apply(now, home)
        return sent

    assert live(0, 10, allowed=True, streams=True)[0] > home[0]
    held = live(10, 200, allowed=False, streams=True)
    np.testing.assert_array_equal(live(200, 400, allowed=True, streams=True), held)
    assert gate.on_command(3.99, 3.99, ARM.names, goal).startswith("ignored after a stop: send nothing for 0.5 s")
    np.testing.assert_array_equal(live(400, 448, allowed=True, streams=False), held)  # a pause of 0.49 s is too short
    np.testing.assert_array_equal(live(448, 449, allowed=True, streams=True), held)
    np.testing.assert_array_equal(live(449, 500, allowed=True, streams=False), held)
    np.testing.assert_array_equal(live(500, 530, allowed=True, streams=True), goal)


def test_arm_whose_torque_was_off_is_held_where_it_is_found() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    gate.on_command(0.0, 0.0, ARM.names, home)
    gate.apply(0.0, home)
    gate.forget()
    assert gate.on_command(0.02, 0.02, ARM.names, home).startswith("ignored")
    np.testing.assert_array_equal(gate.apply(0.02, home + 0.1), home + 0.1)
    np.testing.assert_array_equal(gate.apply(0.03, home + 0.2), home + 0.1)


def test_a_slow_stream_while_the_torque_is_off_is_no_pause() -> None:
    """One command in 0.3 s: the one that arrives before the next step counts as sending, too."""
    gate, home = open_arm(), ARM.poses["home"]
    gate.on_command(0.0, 0.0, ARM.names, home)
    gate.apply(0.0, home)
    gate.forget()
    assert gate.on_command(0.3, 0.3, ARM.names, home + 0.1).startswith("ignored")
    gate.on_safety(0.3, 0.3, True, "")
    gate.apply(0.31, home)
    assert gate.on_command(0.6, 0.6, ARM.names, home + 0.1).startswith("ignored")
    gate.on_safety(0.6, 0.6, True, "")
    np.testing.assert_array_equal(gate.apply(0.61, home), home)


def test_arm_whose_torque_is_switched_off_during_a_step_is_held_where_it_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, home = open_arm(), ARM.poses["home"]
    gate.on_command(0.0, 0.0, ARM.names, home + 0.1)
    gate.apply(0.0, home)
    clip = np.clip

    def clip_while_forgetting(*args: Any) -> Array:
        gate.forget()
        return np.asarray(clip(*args))

    monkeypatch.setattr(np, "clip", clip_while_forgetting)
    assert np.all(gate.apply(0.01, home) > home)  # it had begun before
    monkeypatch.undo()
    assert gate.on_command(0.02, 0.02, ARM.names, home + 0.1).startswith("ignored")
    np.testing.assert_array_equal(gate.apply(0.02, home - 0.1), home - 0.1)
    np.testing.assert_array_equal(gate.apply(0.03, home - 0.15), home - 0.1)
    assert gate.on_command(0.04, 0.04, ARM.names, home + 0.1).startswith("ignored")
    gate.on_safety(0.6, 0.6, True, "")
    assert gate.on_command(0.6, 0.6, ARM.names, home + 0.1) == ""


def test_arm_holds_where_it_is_when_motion_is_not_allowed() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    gate.on_command(0.0, 0.0, ARM.names, home + 0.1)
    gate.apply(0.01, home)
    gate.on_safety(0.02, 0.02, False, "estop")
    held = gate.apply(0.02, home + 0.02)
    np.testing.assert_allclose(held, home + 0.02)
    np.testing.assert_allclose(gate.apply(0.03, home - 0.05), held)  # a sagging arm doesn't walk away step by step
    gate.on_command(0.03, 0.03, ARM.names, home + 0.1)
    np.testing.assert_allclose(gate.apply(0.04, home - 0.1), held)  # a command during the stop is not followed
    gate.on_safety(0.05, 0.05, True, "")
    np.testing.assert_allclose(gate.apply(0.05, home), held)  # nor after the release


def test_held_arm_is_relaxed_gradually_and_held_again_where_it_has_sunk() -> None:
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


def test_an_arm_that_was_unreachable_is_held_where_it_is_found_and_relaxed_from_then_on() -> None:
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
    assert gate.strength == 0.0  # an arm without torque stays without


def test_a_fault_of_the_arm_holds_it_and_is_named() -> None:
    gate, home = open_arm(), ARM.poses["home"]
    gate.apply(0.0, home)
    gate.on_faults(["elbow_flex is stalled", "elbow_flex is too hot"])
    gate.on_command(0.02, 0.02, ARM.names, home + 0.5)
    np.testing.assert_array_equal(gate.apply(0.02, home + 0.1), home + 0.1)
    assert gate.reason == "fault: elbow_flex is stalled; elbow_flex is too hot"
    gate.on_faults([])
    np.testing.assert_array_equal(gate.apply(0.04, home), home + 0.1)  # where it was held; the command was dropped
    assert gate.reason == ""
