"""Shipped settings files with one change, and the errors of their readers."""

from pathlib import Path
from typing import Any, Callable

import pytest

from xdog.core.config_file import ConfigError


def refusal(load: Callable[[Path], Any], shipped: Path, old: str, new: str, folder: Path) -> str:
    """The error of ``load``, without the file name, for a copy of a shipped file with ``new`` instead of ``old``."""
    text = shipped.read_text(encoding="utf-8")
    assert old in text, f"{shipped} has no '{old}'"
    path = folder / shipped.name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message[len(f"{path}: ") :]
