"""The settings of policies/gait.yaml: what is malformed is refused by name."""

from pathlib import Path
from typing import Any

import pytest
from gait_learners import write_settings

from xdog_sim.tasks.gait_config import GaitConfigError, load_gait_config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reward": {"glide": 1.0}}, "unknown reward terms: glide"),
        ({"observation": [{"name": "smell", "scale": 1.0}]}, "unknown observation terms: smell"),
        ({"episode": "long"}, "could not convert string to float"),
        ({"command": {"vx": [0.0, 1.0]}}, "missing or malformed entry: 'vy'"),
    ],
)
def test_malformed_settings_are_refused_by_name(tmp_path: Path, changes: Any, message: str) -> None:
    path = write_settings(tmp_path, **changes)
    with pytest.raises(GaitConfigError, match=message) as caught:
        load_gait_config(path)
    assert str(path) in str(caught.value)
