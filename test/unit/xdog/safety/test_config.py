"""safety.yaml: no warning may come after its stop."""

from pathlib import Path

import pytest
from settings_files import refusal

from xdog.core.paths import share_path
from xdog.safety.config import load_safety_config


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("tilt_warn: 0.6", "tilt_warn: 1.0", "tilt_warn would come after tilt_damp: it must be below"),
        ("temperature_warn: 65.0", "temperature_warn: 75.0", "temperature_warn would come after temperature_damp: it"),
        ("voltage_warn: 3.4", "voltage_warn: 3.25", "cell_voltage_warn would come after cell_voltage_damp: it must be"),
    ],
)
def test_thresholds_in_the_wrong_order_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    message = refusal(load_safety_config, share_path("launch", "config", "safety.yaml"), old, new, tmp_path)
    assert message.startswith(f"supervisor: {complaint}")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "heartbeat_timeout: 0.15",
            "heartbeat_timeout: 0",
            "gate.heartbeat_timeout is 0; it must be a number from 0.001",
        ),
        (
            "command_timeout: 0.15",
            "command_timeout: 150",
            "gate.command_timeout is 150; it must be a number from 0.001 to 1",
        ),
        ("heartbeat_timeout: 0.3", "heartbeat_timeout: 300", "listeners.heartbeat_timeout is 300; it must be"),
        ("imu_timeout: 0.1", "imu_timeout: 100", "supervisor.imu_timeout is 100; it must be"),
        ("tilt_damp: 1.0", "tilt_damp: 60", "supervisor.tilt_damp is 60; it must be a number from 0.1 to 1.5"),
        ("temperature_damp: 75.0", "temperature_damp: 167", "supervisor.temperature_damp is 167; it must be"),
        ("cell_voltage_damp: 3.25", "cell_voltage_damp: 0.1", "supervisor.cell_voltage_damp is 0.1; it must be"),
    ],
)
def test_a_limit_in_another_unit_that_would_never_act_is_refused(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    shipped = share_path("launch", "config", "safety.yaml")
    assert refusal(load_safety_config, shipped, old, new, tmp_path).startswith(complaint)
