"""policies/gait.yaml: the shipped settings and the ranges of commands that follow from them."""

import dataclasses

import pytest

from xdog_sim.tasks.gait_config import load_gait_config

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
