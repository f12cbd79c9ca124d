"""A terminal that delivers every key at once and is restored afterwards."""

import contextlib
import os
import select
import termios
from types import TracebackType
from typing import Any, List, Optional, Type

READ_SIZE = 1024


class NoTerminalError(RuntimeError):
    """Standard input is not a terminal."""


class KeyTerminal:
    """Raw key input for the length of a ``with`` block; also over SSH. Output is unchanged.

    Ctrl-C, Ctrl-S and the like arrive as bytes. On exit, the old settings are restored and unread keys discarded,
    so that a key still held doesn't fill the shell's prompt.

    Args:
        fd: file descriptor to read keys from.

    Raises:
        NoTerminalError: on entering, if ``fd`` is not a terminal.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._saved: List[Any] = []

    def __enter__(self) -> "KeyTerminal":
        try:
            self._saved = termios.tcgetattr(self._fd)
        except termios.error as error:
            raise NoTerminalError(
                "keyboard teleop needs a terminal to read keys from: start it in one (over SSH with 'ssh -t')"
            ) from error
        raw = termios.tcgetattr(self._fd)
        raw[0] &= ~(termios.IXON | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP)
        raw[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
        raw[6] = list(raw[6])
        raw[6][termios.VMIN] = 1
        raw[6][termios.VTIME] = 0
        termios.tcsetattr(self._fd, termios.TCSADRAIN, raw)
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        with contextlib.suppress(termios.error):  # the terminal is closed, with the connection
            termios.tcsetattr(self._fd, termios.TCSAFLUSH, self._saved)

    def read(self, timeout: float) -> Optional[bytes]:
        """Keys pressed within ``timeout`` seconds: None if there were none, ``b""`` once the terminal is closed."""
        ready, _, _ = select.select([self._fd], [], [], timeout)
        if not ready:
            return None
        try:
            return os.read(self._fd, READ_SIZE)
        except OSError:  # a hung-up terminal
            return b""
