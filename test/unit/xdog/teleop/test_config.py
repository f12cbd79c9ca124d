"""teleop.yaml: scales are shares of the mux's limits, a held key outlasts the keyboard's delay."""

from pathlib import Path

import pytest
from settings_files import refusal

from xdog.core.paths import share_path
from xdog.teleop.config import load_teleop_config


def test_a_key_counts_as_held_until_a_usual_keyboard_repeats_it() -> None:
    hold = load_teleop_config().hold
    assert hold.initial > 0.5 > hold.repeating  # s, the usual initial delay


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("start: 0.5", "start: 2", "scale: start is 2; it must be from smallest, 0.1, to 1"),
        ("start: 0.5", "start: 0.05", "scale: start is 0.05; it must be from smallest, 0.1, to 1"),
        ("rate: 20", "rate: 0", "rate is 0; it must be a number above 0"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert refusal(load_teleop_config, share_path("launch", "config", "teleop.yaml"), old, new, tmp_path) == complaint
