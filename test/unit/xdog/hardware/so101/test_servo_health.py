"""When servos are called unwell, cycle by cycle."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from settings_files import refusal

from xdog.core.paths import share_path
from xdog.hardware.so101.servo_health import ServoHealth, ServoSample, load_health_config

NAMES = ("elbow", "gripper")
CONFIG = load_health_config()


class Story:
    """Two servos, one of them a gripper; a sample every 20 ms."""

    def __init__(self) -> None:
        self.health = ServoHealth(NAMES, np.array([False, True]), np.array([0.8, 0.25]), CONFIG)
        self.now = 100.0

    def live(self, seconds: float, joint: int = 0, **changes: Any) -> "Story":
        columns = {"error": 0.0, "current": 0.2, "load": 0.1, "voltage": 12.0, "temperature": 30.0, "alarm": 0}
        table = {name: np.full(2, value) for name, value in columns.items()}
        for name, value in changes.items():
            table[name][joint] = value
        for _ in range(round(seconds / 0.02)):
            self.now += 0.02
            self.health.update(self.now, ServoSample(**table))
        return self


def test_all_is_well() -> None:
    story = Story().live(5.0)
    assert (story.health.faults, story.health.warnings) == ((), ())
    np.testing.assert_array_equal(story.health.torque, [1.0, 1.0])


def test_a_stall_takes_current_and_error_and_time() -> None:
    assert not Story().live(2.0, current=2.0).health.faults
    assert not Story().live(2.0, error=-0.5).health.faults
    assert not Story().live(0.58, current=2.0, error=-0.5).health.faults
    stalled = Story().live(0.64, current=2.0, error=-0.5)
    assert stalled.health.faults == ("elbow is stalled: 2.0 A, 0.50 rad from its goal for 0.6 s; free it",)
    interrupted = Story().live(0.5, current=2.0, error=0.5).live(0.02).live(0.5, current=2.0, error=0.5)
    assert not interrupted.health.faults
    assert not stalled.live(0.02).health.faults


def test_a_gripper_that_holds_something_is_not_stalled_and_goes_on_with_less() -> None:
    story = Story().live(0.9, joint=1, current=1.3, error=0.4, load=0.5)
    np.testing.assert_array_equal(story.health.torque, [1.0, 1.0])
    story.live(0.2, joint=1, current=1.3, error=0.4, load=0.5)  # 1 s above 0.9 of 25 %
    np.testing.assert_allclose(story.health.torque, [1.0, 0.2])  # 0.8 of 25 %
    story.live(60.0, joint=1, current=0.5, error=0.4, load=0.2)
    np.testing.assert_allclose(story.health.torque, [1.0, 0.2])
    assert (story.health.faults, story.health.warnings) == ((), ())
    story.live(0.6, joint=1, load=0.05)  # it was opened: below half of 20 % for 0.5 s
    np.testing.assert_array_equal(story.health.torque, [1.0, 1.0])


def test_an_overload_is_backed_off_from_before_the_servo_trips() -> None:
    story = Story().live(1.1, load=0.75)
    np.testing.assert_allclose(story.health.torque, [0.64, 1.0])
    assert story.health.warnings == ("overloaded, its torque is limited: elbow; take the load off",)
    assert not Story().live(5.0, load=0.7).health.warnings  # below 0.9 of 80 %


def test_temperature() -> None:
    assert not Story().live(0.1, temperature=54.0).health.warnings
    assert Story().live(0.1, temperature=55.0).health.warnings == ("elbow is hot: 55 C",)
    hot = Story().live(0.1, temperature=65.0).health
    assert (hot.faults, hot.warnings) == (("elbow is too hot: 65 C; let it cool",), ())


def test_voltage_sag() -> None:
    assert not Story().live(0.4, voltage=8.0).health.faults  # a quick motion
    assert Story().live(0.6, voltage=10.0).health.warnings == ("the arm's supply is low: 10.0 V at elbow",)
    assert "too low: 8.0 V at gripper (limit 9.5)" in Story().live(0.6, joint=1, voltage=8.0).health.faults[0]


def test_a_servos_alarm_is_a_fault() -> None:
    assert "elbow's servo reports overload" in Story().live(0.02, alarm=32).health.faults[0]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "temperature_warn: 55.0",
            "temperature_warn: 65.0",
            "health: temperature_warn would come after temperature_fault",
        ),
        (
            "voltage_warn: 10.5",
            "voltage_warn: 9.5",
            "health: voltage_warn would come after voltage_fault: it must be above",
        ),
        ("backoff_share: 0.8", "backoff_share: 80", "health.backoff_share is 80; it must be a number from 0 to 1"),
    ],
)
def test_wrong_limits_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    shipped = share_path("launch", "config", "so101.yaml")
    assert refusal(load_health_config, shipped, old, new, tmp_path).startswith(complaint)
