"""A real pseudo-terminal delivers every key at once and is restored afterwards."""

import contextlib
import fcntl
import os
import select
import struct
import termios
from pathlib import Path
from typing import Tuple

import pytest

from xdog.teleop.terminal import KeyTerminal, NoTerminalError


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


def test_the_terminal_is_restored_even_after_an_error(terminal: Tuple[int, int]) -> None:
    keyboard, program = terminal
    before = termios.tcgetattr(program)
    with contextlib.suppress(ZeroDivisionError), KeyTerminal(program):
        assert termios.tcgetattr(program)[3] & termios.ICANON == 0
        os.write(keyboard, b"wwww")
        wait_for_keys(program, 4)  # the kernel hands them over in a thread of its own
        raise ZeroDivisionError
    assert termios.tcgetattr(program) == before
    with KeyTerminal(program) as keys:
        assert keys.read(0.0) is None  # unread keys don't reach the shell


def test_a_closed_terminal_reads_as_closed(terminal: Tuple[int, int]) -> None:
    keyboard, program = terminal
    with KeyTerminal(program) as keys:
        os.close(keyboard)
        assert keys.read(5.0) == b""


def test_no_terminal_is_one_clear_message(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+") as file, pytest.raises(NoTerminalError, match="needs a terminal"):
        KeyTerminal(file.fileno()).__enter__()
