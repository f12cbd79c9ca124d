import contextlib
import fcntl
import os
import pty
import select
import struct
import termios
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.safety.mux_config import Planar
from xdog.teleop.config import load_teleop_config
from xdog.teleop.drive import DIRECTIONS, ZERO, Velocity
from xdog.teleop.keyboard import ESTOP, ESTOP_RESET, HELP_TEXT, KeyboardTeleop
from xdog.teleop.keys import KeyDecoder
from xdog.teleop.status import RobotStatus, battery_text, status_line
from xdog.teleop.terminal import KeyTerminal, NoTerminalError

CONFIG, LIMITS = load_teleop_config(), Planar(vx=1.0, vy=0.4, wz=1.5)


@pytest.fixture
def teleop() -> KeyboardTeleop:
    return KeyboardTeleop(CONFIG, LIMITS)


@pytest.fixture
def terminal() -> Iterator[Tuple[int, int]]:
    """A real pseudo-terminal: the keyboard's side and the program's side."""
    keyboard, program = pty.openpty()
    yield keyboard, program
    for fd in (keyboard, program):
        with contextlib.suppress(OSError):
            os.close(fd)


# Keys


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"w", ["w"]),
        (b"W", ["w"]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1bOA", ["up"]),  # application cursor mode
        (b"\x1b[3~w", ["w"]),  # the Delete key
        (b"\x1b[1;5Aw", ["w"]),  # Ctrl and an arrow
        (b"\x1bww", ["w"]),  # Alt-w, then w
        (b"\xc3\xa9w", ["w"]),  # a letter outside ASCII
        (b"\x1b \x1b[ ", [" ", " "]),  # space stops even inside a sequence
        (b"\x1b\x03", ["\x03"]),
    ],
)
def test_bytes_become_keys(data: bytes, keys: List[str]) -> None:
    assert KeyDecoder().feed(data) == keys


@given(st.lists(st.sampled_from([b"w", b" ", b"\x1b[A", b"\x1b[3~", b"\x1bOB", b"1"]), max_size=20), st.data())
def test_keys_do_not_depend_on_how_bytes_are_cut(pieces: List[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    cut = data.draw(st.integers(0, len(stream)))
    decoder = KeyDecoder()
    assert decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) == KeyDecoder().feed(stream)


# Holding and releasing


def test_a_tap_drives_for_the_initial_delay_then_zeros_then_silence(teleop: KeyboardTeleop) -> None:
    assert teleop.next_velocity(9.9) is None
    teleop.feed(b"w", 10.0)
    assert teleop.next_velocity(10.0) == teleop.next_velocity(10.59) == Velocity(0.5, 0.0, 0.0)
    assert [teleop.next_velocity(10.6 + 0.05 * k) for k in range(12)] == [ZERO] * 10 + [None] * 2  # 0.5 s at 20 Hz


def test_zeros_are_sent_even_if_the_program_was_held_up(teleop: KeyboardTeleop) -> None:
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
def test_whatever_is_typed_the_robot_is_stopped_and_the_line_silent_after_the_last_byte(
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


def test_estop_comes_alone_and_kills_the_driving_keys_until_a_reset_succeeded(teleop: KeyboardTeleop) -> None:
    teleop.feed(b"w", 0.0)
    assert teleop.feed(b"2 w", 0.1) == [ESTOP]
    assert teleop.next_velocity(0.1) == ZERO
    teleop.feed(b"w", 0.2)
    assert [teleop.next_velocity(0.2) for _ in range(10)] == [ZERO] * 9 + [None]
    assert teleop.feed(b"r", 1.0) == [ESTOP_RESET]
    teleop.feed(b"w", 1.1)
    assert teleop.next_velocity(1.1) is None  # asked for, not yet granted
    teleop.unblock()
    teleop.feed(b"w", 1.2)
    assert teleop.next_velocity(1.2) == Velocity(0.5, 0.0, 0.0)


def test_pasted_text_asks_for_nothing_and_stops_the_robot(teleop: KeyboardTeleop) -> None:
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


def test_keys_arrive_at_once_unechoed_and_without_signals(terminal: Tuple[int, int]) -> None:
    keyboard, program = terminal
    with KeyTerminal(program) as keys:
        os.write(keyboard, b"w")
        assert keys.read(5.0) == b"w"  # no newline needed
        os.write(keyboard, b"\x03\x1a\x13\r")
        assert keys.read(5.0) == b"\x03\x1a\x13\r"  # Ctrl-C, Ctrl-Z, Ctrl-S and Return are bytes
        assert keys.read(0.0) is None
    os.set_blocking(keyboard, False)
    with pytest.raises(BlockingIOError):
        os.read(keyboard, 100)  # nothing was echoed


def wait_for_keys(fd: int, count: int) -> None:
    """Return once ``count`` bytes are there to be read."""
    waiting = b"\0" * 4
    while struct.unpack("i", waiting)[0] < count:
        assert select.select([fd], [], [], 5.0)[0], "the keys don't arrive"
        waiting = fcntl.ioctl(fd, termios.FIONREAD, waiting)


def test_the_terminal_is_put_back_whatever_happens(terminal: Tuple[int, int]) -> None:
    keyboard, program = terminal
    before = termios.tcgetattr(program)
    with contextlib.suppress(ZeroDivisionError), KeyTerminal(program):
        assert termios.tcgetattr(program)[3] & termios.ICANON == 0
        os.write(keyboard, b"wwww")
        wait_for_keys(program, 4)  # the kernel hands them over in a thread of its own
        raise ZeroDivisionError
    assert termios.tcgetattr(program) == before
    with KeyTerminal(program) as keys:
        assert keys.read(0.0) is None  # the keys that nobody read don't reach the shell


def test_a_closed_terminal_reads_as_closed(terminal: Tuple[int, int]) -> None:
    keyboard, program = terminal
    with KeyTerminal(program) as keys:
        os.close(keyboard)
        assert keys.read(5.0) == b""


def test_no_terminal_is_one_clear_message(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+") as file, pytest.raises(NoTerminalError, match="needs a terminal"):
        KeyTerminal(file.fileno()).__enter__()


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


# Status line and settings


def test_status_line_tells_what_matters_within_the_width() -> None:
    status = RobotStatus("walking", "WARN", ("battery low", "front_left_knee_joint warm"), 22.44, 0.155)
    speed = Velocity(0.5, 0.2, 0.75)
    line = status_line(status, speed, 0.5, Velocity(0.5, 0.0, 0.0), False, 200)
    assert line == "walking | WARN | 22.4 V 16 % | sent +0.50 +0.00 +0.00 | battery low | front_left_knee_joint warm"
    short = status_line(status, speed, 0.5, None, False, 40)
    assert len(short) == 40
    assert short.startswith("walking | WARN | 22.4 V 16 % | 50 %: ")
    assert "E-STOP" in status_line(RobotStatus(), speed, 0.5, None, True, 80)
    assert status_line(RobotStatus(), speed, 0.5, None, False, 80).startswith("no robot | no safety | battery ?")


def test_battery_without_a_measurement() -> None:
    assert battery_text(float("nan"), 0.5) == "battery ?"
    assert battery_text(25.0, float("nan")) == "25.0 V"
