"""Shipped settings files with one change, and what their readers say about it."""

from pathlib import Path
from typing import Any, Callable

import pytest

from xdog.core.config_file import ConfigError


def refusal(load: Callable[[Path], Any], shipped: Path, old: str, new: str, folder: Path) -> str:
    """What ``load`` says, after the name of the file, about a copy of a shipped one with ``new`` instead of ``old``."""
    text = shipped.read_text(encoding="utf-8")
    assert old in text, f"{shipped} has no '{old}'"
    path = folder / shipped.name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message[len(f"{path}: ") :]
