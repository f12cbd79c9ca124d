"""A program in a pseudo-terminal of its own: real keys in, what it shows out."""

import os
import pty
import subprocess
import termios
import threading
from typing import Dict, List


class Terminal:
    """Starts a program in a new pseudo-terminal.

    Args:
        command: the program and its arguments.
        environment: of the program.
        news: notified whenever something was shown, and held while `shown` changes.

    Attributes:
        news: as given.
        keyboard: file descriptor of the user's side.
        program: file descriptor of the program's side.
        before: the terminal's settings before the program changed them.
        shown: everything that the program has shown.
        process: the program.
    """

    def __init__(self, command: List[str], environment: Dict[str, str], news: threading.Condition) -> None:
        self.news = news
        self.keyboard, self.program = pty.openpty()
        self.before = termios.tcgetattr(self.program)
        self.shown = ""
        self.process = subprocess.Popen(
            command,
            stdin=self.program,
            stdout=self.program,
            stderr=self.program,
            env=environment,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.keyboard, 4096)
            except OSError:
                return
            with self.news:
                self.shown += data.decode(errors="replace")
                self.news.notify_all()

    def press(self, keys: bytes) -> None:
        """Send bytes as the keyboard does."""
        os.write(self.keyboard, keys)

    def close(self) -> None:
        """End the program, however far it got."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        os.close(self.program)
