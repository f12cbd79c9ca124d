"""A pseudo-terminal for the tests of keyboard teleop."""

import contextlib
import os
import pty
from typing import Iterator, Tuple

import pytest


@pytest.fixture
def terminal() -> Iterator[Tuple[int, int]]:
    """A real pseudo-terminal: the keyboard's side and the program's side."""
    keyboard, program = pty.openpty()
    yield keyboard, program
    for fd in (keyboard, program):
        with contextlib.suppress(OSError):
            os.close(fd)
