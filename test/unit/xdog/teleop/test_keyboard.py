"""Keyboard teleop: what keys do, and that the robot stops after any input."""

import os
from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.safety.mux_config import Planar
from xdog.teleop.config import load_teleop_config
from xdog.teleop.drive import DIRECTIONS, ZERO, Velocity
from xdog.teleop.keyboard import ESTOP, ESTOP_RESET, HELP_TEXT, KeyboardTeleop
from xdog.teleop.terminal import KeyTerminal

CONFIG, LIMITS = load_teleop_config(), Planar(vx=1.0, vy=0.4, wz=1.5)


@pytest.fixture
def teleop() -> KeyboardTeleop:
    return KeyboardTeleop(CONFIG, LIMITS)


# Holding and releasing


def test_a_tap_drives_for_the_initial_delay_then_zeros_then_stops_publishing(teleop: KeyboardTeleop) -> None:
    assert teleop.next_velocity(9.9) is None
    teleop.feed(b"w", 10.0)
    assert teleop.next_velocity(10.0) == teleop.next_velocity(10.59) == Velocity(0.5, 0.0, 0.0)
    assert [teleop.next_velocity(10.6 + 0.05 * k) for k in range(12)] == [ZERO] * 10 + [None] * 2  # 0.5 s at 20 Hz


def test_zeros_are_sent_even_if_the_program_was_delayed(teleop: KeyboardTeleop) -> None:
    teleop.feed(b"w", 10.0)
    teleop.feed(b"x", 10.1)
    assert not teleop.finished(60.0)
    assert [teleop.next_velocity(60.0) for _ in range(11)] == [ZERO] * 10 + [None]
    assert teleop.finished(60.0)


def test_a_held_key_bridges_the_initial_delay_and_stops_soon_after_its_last_repeat(teleop: KeyboardTeleop) -> None:
    teleop.feed(b"w", 10.0)
    now = 10.5
    while now < 12.0:  # repeats at 30 Hz
        assert teleop.next_velocity(now) == Velocity(0.5, 0.0, 0.0)
        teleop.feed(b"w", now)
        now += 1.0 / 30.0
    last = now - 1.0 / 30.0
    assert teleop.next_velocity(last + 0.19) == Velocity(0.5, 0.0, 0.0)
    assert teleop.next_velocity(last + 0.21) == ZERO


def test_another_key_takes_over_with_its_own_initial_delay(teleop: KeyboardTeleop) -> None:
    teleop.feed(b"www", 10.0)
    teleop.feed(b"q", 10.1)
    assert teleop.next_velocity(10.69) == Velocity(0.0, 0.0, 0.75)
    assert teleop.next_velocity(10.71) == ZERO


@pytest.mark.parametrize(
    ("key", "velocity"),
    [
        (b"w", Velocity(0.5, 0.0, 0.0)),
        (b"s", Velocity(-0.5, 0.0, 0.0)),
        (b"a", Velocity(0.0, 0.2, 0.0)),
        (b"d", Velocity(0.0, -0.2, 0.0)),
        (b"q", Velocity(0.0, 0.0, 0.75)),
        (b"e", Velocity(0.0, 0.0, -0.75)),
        (b"\x1b[A", Velocity(0.5, 0.0, 0.0)),
        (b"\x1b[B", Velocity(-0.5, 0.0, 0.0)),
        (b"\x1b[D", Velocity(0.0, 0.0, 0.75)),
        (b"\x1b[C", Velocity(0.0, 0.0, -0.75)),
    ],
)
def test_directions(teleop: KeyboardTeleop, key: bytes, velocity: Velocity) -> None:
    teleop.feed(key, 0.0)
    assert teleop.next_velocity(0.0) == velocity


def test_scale_keeps_its_limits(teleop: KeyboardTeleop) -> None:
    for _ in range(9):
        teleop.feed(b"+", 0.0)
    assert teleop.full_speed() == Velocity(1.0, 0.4, 1.5)
    for _ in range(20):
        teleop.feed(b"-", 0.0)
    assert teleop.scale == pytest.approx(0.1)
    assert teleop.full_speed() == Velocity(pytest.approx(0.1), pytest.approx(0.04), pytest.approx(0.15))


@given(st.lists(st.tuples(st.floats(0.001, 1.0), st.binary(min_size=1, max_size=6)), max_size=30))
def test_after_any_input_the_robot_is_stopped_and_publishing_ends(
    typed: List[Tuple[float, bytes]],
) -> None:
    teleop = KeyboardTeleop(CONFIG, LIMITS)
    now = 0.0
    for wait, data in typed:
        now += wait
        teleop.feed(data, now)
        sent = teleop.next_velocity(now)
        if sent is not None:
            assert abs(sent.vx) <= 1.0
            assert abs(sent.vy) <= 0.4
            assert abs(sent.wz) <= 1.5
    after = [teleop.next_velocity(now + 0.61 + 0.05 * k) for k in range(11)]
    assert after[0] in (ZERO, None)
    assert after[10] is None


# Requests


def test_service_keys(teleop: KeyboardTeleop) -> None:
    asked = [teleop.feed(key, 0.0) for key in (b"1", b"2", b"3", b"0", b"r", b"h")]
    assert asked == [["stand"], ["walk"], ["lie_down"], ["damp"], [ESTOP_RESET], ["help"]]


def test_any_key_that_does_not_drive_stops_at_once(teleop: KeyboardTeleop) -> None:
    teleop.feed(b"w", 0.0)
    teleop.feed(b"k", 0.1)
    assert teleop.next_velocity(0.1) == ZERO


def test_estop_comes_alone_and_blocks_the_driving_keys_until_a_reset_succeeded(teleop: KeyboardTeleop) -> None:
    teleop.feed(b"w", 0.0)
    assert teleop.feed(b"2 w", 0.1) == [ESTOP]
    assert teleop.next_velocity(0.1) == ZERO
    teleop.feed(b"w", 0.2)
    assert [teleop.next_velocity(0.2) for _ in range(10)] == [ZERO] * 9 + [None]
    assert teleop.feed(b"r", 1.0) == [ESTOP_RESET]
    teleop.feed(b"w", 1.1)
    assert teleop.next_velocity(1.1) is None  # requested, not yet granted
    teleop.unblock()
    teleop.feed(b"w", 1.2)
    assert teleop.next_velocity(1.2) == Velocity(0.5, 0.0, 0.0)


def test_pasted_text_requests_nothing_and_stops_the_robot(teleop: KeyboardTeleop) -> None:
    teleop.feed(b"w", 0.0)
    assert teleop.feed(b"sudo-rm-1230\nwasdqe", 0.1) == []
    assert teleop.next_velocity(0.1) == ZERO
    assert not teleop.quitting


def test_pasted_text_with_a_space_is_an_estop(teleop: KeyboardTeleop) -> None:
    assert teleop.feed(b"stand 1 walk 2", 0.0) == [ESTOP]


@pytest.mark.parametrize("data", [b"x", b"\x03", b"\x04", b""])
def test_quitting_while_driving_sends_zeros_first(teleop: KeyboardTeleop, data: bytes) -> None:
    teleop.feed(b"w", 0.0)
    teleop.feed(data, 0.1)
    assert teleop.next_velocity(0.1) == ZERO
    teleop.feed(b"w", 0.2)  # too late
    assert [teleop.next_velocity(0.2) for _ in range(8)] == [ZERO] * 8
    assert not teleop.finished(0.3)
    assert teleop.next_velocity(0.3) == ZERO
    assert teleop.finished(0.3)


def test_quitting_at_rest_is_immediate(teleop: KeyboardTeleop) -> None:
    teleop.feed(b"x", 0.0)
    assert teleop.finished(0.0)


def test_help_names_every_key() -> None:
    for key in ("q", "w", "e", "a", "s", "d", "1", "2", "3", "0", "r", "SPACE", "+ -", "h", "x"):
        assert f" {key} " in HELP_TEXT
    assert {"w", "a", "s", "d", "q", "e"} <= set(DIRECTIONS)


# A real terminal


def test_bytes_through_a_terminal_drive_and_stop(terminal: Tuple[int, int], teleop: KeyboardTeleop) -> None:
    keyboard, program = terminal
    with KeyTerminal(program) as keys:
        os.write(keyboard, b"\x1b[A")
        data = keys.read(5.0)
        assert data is not None
        teleop.feed(data, 0.0)
        assert teleop.next_velocity(0.0) == Velocity(0.5, 0.0, 0.0)
        os.close(keyboard)
        data = keys.read(5.0)
        assert data is not None
        teleop.feed(data, 0.1)
    assert [teleop.next_velocity(0.1) for _ in range(10)] == [ZERO] * 10
    assert teleop.finished(0.1)
