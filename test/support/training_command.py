"""A training command of ./xdog, called in this process."""

from pathlib import Path
from typing import Callable, List, Tuple

import pytest


class TrainingCommand:
    """Calls a command with the words of a tiny training, in a run folder whose name rich could misread as markup.

    Args:
        main: of the command.
        folder: for the run.
        words: that make the training tiny.

    Attributes:
        run: folder of the run.
    """

    def __init__(
        self,
        main: Callable[[], int],
        folder: Path,
        words: List[str],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture,
    ) -> None:
        self.run = folder / "run[old] [/1]"
        self._main, self._words = main, ["--run", str(self.run), *words, "--threads", "1"]
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *words: str) -> Tuple[int, str]:
        """Train; returns the exit status and all output."""
        return self.plain(*self._words, *words)

    def plain(self, *words: str) -> Tuple[int, str]:
        """Call the command with these words alone; returns the exit status and all output."""
        self._monkeypatch.setattr("sys.argv", ["train", *words])
        status = self._main()
        printed = self._capsys.readouterr()
        return status, printed.out + printed.err
