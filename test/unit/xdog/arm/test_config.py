"""arm.yaml must agree with itself, with safety.yaml and with the URDF."""

from functools import partial
from pathlib import Path

import pytest
from settings_files import refusal

from xdog.arm.config import load_arm_config
from xdog.core.description import load_description
from xdog.core.paths import share_path
from xdog.safety.config import load_safety_config

ROBOT = load_description()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "max_speed: 2.5",
            "max_speed: 3.0",
            "motion.max_speed is 3; it must be below 3, the lower one of arm_gate.max_",
        ),
        ("move_speed: 1.0", "move_speed: 2.7", "motion: move_speed is above max_speed: lower it"),
        ("speed: 1.5", "speed: 2.7", "gripper.speed is above motion.max_speed: lower it"),
        ("[-1.2, 0.3, 0.9]", "[-1.2, 0.3]", "via[1] is [-1.2, 0.3]; it must be a list of 3 entries"),
        ("[-1.2, 0.3, 0.9]", "[9, 0.3, 0.9]", "via[1] is [9.0, 0.3, 0.9]; it must be within the joint limits"),
        ("margin: 0.002", "margin: -1", "motion.margin is -1; it must be a number above 0"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    load = partial(load_arm_config, ROBOT)
    assert refusal(load, share_path("launch", "config", "arm.yaml"), old, new, tmp_path).startswith(complaint)


def test_the_gates_times_are_those_of_safety_yaml() -> None:
    config, safety = load_arm_config(ROBOT), load_safety_config()
    assert config.pause == safety.arm_gate.pause
    assert config.heartbeat_timeout == safety.gate.heartbeat_timeout
