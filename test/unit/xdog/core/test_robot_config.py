"""robot.yaml names every pose, gain, frame and rate that the code uses."""

import copy
from typing import Any, Callable, Dict

import pytest

from xdog.core.config_file import ConfigError, parse, read
from xdog.core.paths import share_path
from xdog.core.robot_config import RobotConfig

CONTENT: Dict[str, Any] = read(share_path("launch", "config", "robot.yaml"))


@pytest.mark.parametrize(
    ("corrupt", "complaint"),
    [
        (lambda c: c["legs"]["poses"].pop("lie"), "legs: poses must include stand, lie; missing: lie"),
        (lambda c: c["legs"]["gains"].pop("damp"), "legs: gains must include stand, damp; missing: damp"),
        (lambda c: c["arm"]["poses"].pop("stow"), "arm: poses must include stow, home; missing: stow"),
        (lambda c: c["legs"]["gains"]["damp"].update(kd=-0.5), "legs.gains.damp.kd is -0.5; it must be a number of 0"),
        (lambda c: c["legs"].update(max_kp=0), "legs.max_kp is 0; it must be a number above 0"),
        (lambda c: c["rates"].pop("control"), "rates.control is missing. Known entries: state, joint_states, control"),
        (lambda c: c["battery"].update(cells=7.5), "battery.cells is 7.5; it must be a whole number above 0"),
    ],
)
def test_missing_and_wrong_entries_are_named(corrupt: Callable[[Dict[str, Any]], Any], complaint: str) -> None:
    content = copy.deepcopy(CONTENT)
    corrupt(content)
    with pytest.raises(ConfigError) as caught:
        parse(RobotConfig, content, "robot.yaml")
    assert str(caught.value).startswith(f"robot.yaml: {complaint}")


def test_further_poses_are_accepted() -> None:
    content = copy.deepcopy(CONTENT)
    content["arm"]["poses"]["wave"] = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    assert parse(RobotConfig, content, "robot.yaml").arm.poses["wave"] == (0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
