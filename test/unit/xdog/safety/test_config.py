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


def test_a_timeout_of_zero_is_refused(tmp_path: Path) -> None:
    shipped = share_path("launch", "config", "safety.yaml")
    message = refusal(load_safety_config, shipped, "heartbeat_timeout: 0.15", "heartbeat_timeout: 0", tmp_path)
    assert message == "gate.heartbeat_timeout is 0; it must be a number above 0"
