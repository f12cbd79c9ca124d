"""policies/gait.yaml: the shipped settings, the ranges of commands that follow, and what is refused by name."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from gait_learners import write_settings

from xdog_sim.tasks.gait_config import GaitConfigError, load_gait_config

CONFIG = load_gait_config()


def test_the_shipped_settings_fit_together() -> None:
    control, command = CONFIG.control, CONFIG.command
    for timestep in (CONFIG.train_timestep, CONFIG.evaluate_timestep):
        assert control.period / timestep == pytest.approx(round(control.period / timestep))
    assert command.stand + command.single + command.run + command.spin < 1.0
    assert all(low <= 0.0 <= high for low, high in command.ranges.values())


def test_command_ranges_include_running_and_spinning() -> None:
    command = dataclasses.replace(
        CONFIG.command, vx=(-0.3, 0.5), vy=(-0.2, 0.2), wz=(-1.0, 1.0), run_vx=0.9, spin_wz=1.7
    )
    assert command.ranges == {"vx": (-0.3, 0.9), "vy": (-0.2, 0.2), "wz": (-1.7, 1.7)}
    slow = dataclasses.replace(command, run_vx=0.1, spin_wz=0.2)
    assert slow.ranges == {"vx": (-0.3, 0.5), "vy": (-0.2, 0.2), "wz": (-1.0, 1.0)}


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
