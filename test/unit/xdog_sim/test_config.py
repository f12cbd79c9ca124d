"""sim/hardware.yaml, and the same robot without imperfections."""

from pathlib import Path

import pytest

from xdog.core.config_file import ConfigError
from xdog.core.paths import share_path
from xdog_sim.config import load_sim_config


def test_shipped_file_loads() -> None:
    config = load_sim_config()
    assert config.physics_step == 0.001
    assert config.legs.ramp == 0.020


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("physics_step: 0.001", "physics_step: 0.02", "physics_step is 0.02; it must be a number from 0.0001 to 0.005"),
        ("backlash: 0.00873", "backlash: -0.1", "arm.backlash is -0.1; it must be a number of 0 or above"),
        ("gripper_torque: 0.5", "gripper_torque: 1.5", "arm.gripper_torque is 1.5; it must be a number from 0 to 1"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    text = share_path("sim", "hardware.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "hardware.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_sim_config(path)
    assert str(caught.value) == f"{path}: {complaint}"


def test_perfect_keeps_limits_and_drops_flaws() -> None:
    config = load_sim_config()
    perfect = config.perfect()
    assert perfect.legs.corner_speed == config.legs.corner_speed
    assert perfect.legs.contact_force == config.legs.contact_force
    assert perfect.legs.ramp == perfect.legs.command_delay == perfect.legs.encoder_offset == 0.0
    assert perfect.imu.delay == perfect.imu.gyro_bias == perfect.arm.backlash == 0.0
