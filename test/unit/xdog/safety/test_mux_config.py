"""mux.yaml: every source has its own priority, every limit is positive."""

from pathlib import Path

import pytest
from settings_files import refusal

from xdog.core.paths import share_path
from xdog.safety.mux_config import load_mux_config


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("joy: 100", "joy: 90", "two sources have the same priority: give each its own"),
        ("joy: 100", "joy: high", "priorities.joy is 'high'; it must be a whole number"),
        ("timeout: 0.5", "timeout: 500", "timeout is 500; it must be a number from 0.001 to 1"),
        ("vx: 2.0", "vx: -2.0", "acceleration.vx is -2.0; it must be a number above 0"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert refusal(load_mux_config, share_path("launch", "config", "mux.yaml"), old, new, tmp_path) == complaint
