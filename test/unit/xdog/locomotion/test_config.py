"""locomotion.yaml: every value is a number above zero."""

from pathlib import Path

from settings_files import refusal

from xdog.core.paths import share_path
from xdog.locomotion.config import load_locomotion_config


def test_a_negative_time_is_refused(tmp_path: Path) -> None:
    shipped = share_path("launch", "config", "locomotion.yaml")
    message = refusal(load_locomotion_config, shipped, "push_time: 1.5", "push_time: -1.5", tmp_path)
    assert message == "stance.push_time is -1.5; it must be a number above 0"
