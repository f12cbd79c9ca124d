"""sim/hardware.yaml: every wrong entry is named."""

import copy
from pathlib import Path
from typing import Any, Dict

import pytest
import yaml

from xdog.core.paths import share_path
from xdog_sim.config import SimConfigError, load_sim_config, parse_sim_config


@pytest.fixture
def content() -> Dict[str, Any]:
    return copy.deepcopy(yaml.safe_load(share_path("sim", "hardware.yaml").read_text(encoding="utf-8")))


def test_shipped_file_loads() -> None:
    config = load_sim_config()
    assert config.physics_step == 0.001
    assert config.legs.ramp == 0.020


def test_wrong_entries_are_named(content: Dict[str, Any]) -> None:
    cases = (
        ("legs", "corner_sped", 1.0, "legs must hold exactly .*unknown corner_sped"),
        ("imu", "delay", -0.1, "imu.delay is -0.1; it must be a number, zero or above"),
        ("arm", "backlash", "small", "arm.backlash is 'small'"),
        ("battery", "electronics", True, "battery.electronics is True"),
        ("legs", "ramp", float("nan"), "legs.ramp is nan"),
    )
    for section, key, value, message in cases:
        wrong = copy.deepcopy(content)
        wrong[section][key] = value
        with pytest.raises(SimConfigError, match=message):
            parse_sim_config(wrong)


def test_missing_parts_are_named(content: Dict[str, Any]) -> None:
    del content["imu"]["delay"]
    with pytest.raises(SimConfigError, match=r"imu must hold exactly .*missing delay"):
        parse_sim_config(content)
    del content["imu"]
    with pytest.raises(SimConfigError, match=r"hardware\.yaml must hold exactly .*missing imu"):
        parse_sim_config(content)


def test_step_must_suit_the_actuators(content: Dict[str, Any]) -> None:
    content["physics_step"] = 0.02
    with pytest.raises(SimConfigError, match=r"physics_step is 0\.02 s"):
        parse_sim_config(content)


def test_files_that_are_no_mapping_are_named(tmp_path: Path) -> None:
    path = tmp_path / "hardware.yaml"
    for text, message in (("[1, 2]", "expected a mapping"), ("a: [", "not valid YAML")):
        path.write_text(text)
        with pytest.raises(SimConfigError, match=message) as error:
            load_sim_config(path)
        assert str(path) in str(error.value)


def test_perfect_keeps_limits_and_drops_flaws() -> None:
    config = load_sim_config()
    perfect = config.perfect()
    assert perfect.legs.corner_speed == config.legs.corner_speed
    assert perfect.legs.contact_force == config.legs.contact_force
    assert perfect.legs.ramp == perfect.legs.command_delay == perfect.legs.encoder_offset == 0.0
    assert perfect.imu.delay == perfect.imu.gyro_bias == perfect.arm.backlash == 0.0
