"""pick.yaml: whole numbers of attempts and detections, poses of five joints."""

from pathlib import Path

import pytest
from settings_files import refusal

from xdog.core.paths import share_path
from xdog.grasp.config import load_pick_config


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("attempts: 3", "attempts: 0", "attempts is 0; it must be a whole number above 0"),
        ("sightings: 5", "sightings: 2.5", "looking.sightings is 2.5; it must be a whole number above 0"),
        ("carry: [0.0, ", "carry: [", "poses.carry is [-1.2, 1.2, 0.6, -1.52]; it must be a list of 5 entries"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert refusal(load_pick_config, share_path("launch", "config", "pick.yaml"), old, new, tmp_path) == complaint
