"""LeRobot's calibration file: read exactly, written exactly, and refused with file, entry and remedy."""

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servo_bus import CALIBRATION

from xdog.core.description import load_description
from xdog.hardware.so101.calibration import (
    CalibrationError,
    JointCalibration,
    check_writable,
    load_calibration,
    range_problems,
    save_calibration,
)

JOINTS = tuple(CALIBRATION)
# As LeRobot writes it: draccus.dump(..., indent=4) of {motor: MotorCalibration}.
LEROBOTS = """{
    "shoulder_pan": {
        "id": 1,
        "drive_mode": 0,
        "homing_offset": -1470,
        "range_min": 758,
        "range_max": 3291
    }
}"""


def content() -> Dict[str, Any]:
    return {joint: dataclasses.asdict(entry) for joint, entry in CALIBRATION.items()}


def test_reads_what_lerobot_writes(tmp_path: Path) -> None:
    path = tmp_path / "arm.json"
    path.write_text(LEROBOTS)
    assert load_calibration(path, ["shoulder_pan"]) == {"shoulder_pan": JointCalibration(1, 0, -1470, 758, 3291)}


def test_writes_what_lerobot_writes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "arm.json"
    save_calibration(path, {"shoulder_pan": CALIBRATION["shoulder_pan"]})
    assert path.read_text() == LEROBOTS


def test_the_one_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "arm.json"
    path.write_text("before")
    save_calibration(path, CALIBRATION)
    assert (tmp_path / "arm.json.before").read_text() == "before"
    assert load_calibration(path, JOINTS) == CALIBRATION
    assert sorted(p.name for p in tmp_path.iterdir()) == ["arm.json", "arm.json.before"]


@given(st.integers(-2047, 2047), st.integers(0, 2000), st.integers(2001, 4095))
def test_any_sound_calibration_survives(offset: int, low: int, high: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "arm.json"
        written = {"gripper": JointCalibration(6, 0, offset, low, high)}
        save_calibration(path, written)
        assert load_calibration(path, ["gripper"]) == written


def test_joints_come_in_the_order_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "arm.json"
    path.write_text(json.dumps(dict(reversed(list(content().items())))))
    assert tuple(load_calibration(path, JOINTS)) == JOINTS


@pytest.mark.parametrize(
    ("entry", "value", "told"),
    [
        ("homing_offset", -2048, "elbow_flex: homing_offset is -2048, not a whole number of -2047 to 2047"),
        ("homing_offset", 0.5, "elbow_flex: homing_offset is 0.5"),
        ("range_min", True, "elbow_flex: range_min is True"),
        ("range_max", 4096, "elbow_flex: range_max is 4096"),
        ("range_min", 3090, "elbow_flex: range_min 3090 is not below range_max"),
        ("drive_mode", 2, "elbow_flex: drive_mode is 2"),
        ("id", 1, "two joints have the same id"),
        ("id", "3", "elbow_flex: id is '3'"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, entry: str, value: Any, told: str) -> None:
    path = tmp_path / "arm.json"
    wrong = content()
    wrong["elbow_flex"][entry] = value
    path.write_text(json.dumps(wrong))
    assert_refused(path, told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "it holds list"),
        ('{"left_arm": {}}', "it holds left_arm"),
        (json.dumps({**content(), "gripper": {"id": 6}}), "gripper must hold exactly id, drive_mode, homing_offset"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "arm.json"
    path.write_text(text)
    assert_refused(path, told)


def test_ranges_that_are_not_the_bodys_are_named() -> None:
    arm = load_description().arm
    assert range_problems(CALIBRATION, arm) == []

    def over(joint: str, low: int, high: int) -> List[str]:
        return range_problems({joint: dataclasses.replace(CALIBRATION[joint], range_min=low, range_max=high)}, arm)

    # elbow_flex: 3.38 rad in the URDF, 2203 positions; 0.6 rad are 391.
    assert over("elbow_flex", 500, 500 + 2203 - 390) == []
    assert over("elbow_flex", 500, 500 + 2203 + 390) == []
    assert len(over("elbow_flex", 500, 500 + 2203 - 393)) == 1
    (text,) = over("elbow_flex", 0, 4095)
    assert "elbow_flex is calibrated over 360 degrees, urdf/xdog.urdf gives it 194: calibrate again" in text
    assert over("wrist_roll", 0, 4095) == []  # LeRobot does not measure it
    assert len(over("wrist_roll", 1000, 3000)) == 1


def test_looking_whether_the_file_can_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "new" / "arm.json"
    check_writable(path)
    assert list(path.parent.iterdir()) == []
    save_calibration(path, CALIBRATION)
    before = path.read_bytes()
    check_writable(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert_refused(tmp_path / "none.json", "there is no calibration file")


def assert_refused(path: Path, told: str) -> None:
    with pytest.raises(CalibrationError) as caught:
        load_calibration(path, JOINTS)
    message = str(caught.value)
    assert told in message
    assert str(path) in message
    assert "./xdog arm calibrate" in message
