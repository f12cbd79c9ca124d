"""./xdog arm doctor on emulated servos: a sound arm, and each thing that may be wrong, with its remedy."""

import dataclasses
from pathlib import Path
from typing import List

import pytest
from servo_bus import CALIBRATION, ServoBus, calibrated_servos

from xdog.arm_tools.doctor import findings
from xdog.core.description import load_description
from xdog.doctor import MISSING
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.arm import servo_names
from xdog.hardware.so101.calibration import save_calibration
from xdog.hardware.so101.feetech_bus import FeetechBus
from xdog.hardware.so101.servo_health import load_health_config

ROBOT = load_description()


def diagnose(wire: ServoBus, path: Path) -> List[str]:
    bus = FeetechBus(wire.path, servo_names(CALIBRATION))
    found = findings(bus, ROBOT.arm, path, load_health_config())
    lines = [f"{finding.what} -> {finding.remedy}" for finding in found if finding.level == MISSING]
    bus.close()
    return lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "arm.json"
    save_calibration(made, CALIBRATION)
    return made


def test_doctor_finds_a_sound_arm_and_changes_nothing(wire: ServoBus, path: Path) -> None:
    before = [bytes(servo.memory[:56]) for servo in wire.servos]
    assert diagnose(wire, path) == []
    assert [bytes(servo.memory[:56]) for servo in wire.servos] == before


def test_doctor_names_what_is_wrong(wire: ServoBus, path: Path) -> None:
    wire.servo(2).poke(reg.PRESENT_VOLTAGE, 71)
    wire.servo(3).alarm = 32
    wire.servo(4).poke(reg.MODEL_NUMBER, 5)
    wire.servo(5).silent = True
    text = "\n".join(diagnose(wire, path))
    assert "servo 2 (shoulder_lift): 7.1 V, 30 C, firmware 3.10: below 9.5 V -> look at the power supply" in text
    assert "servo 3 (elbow_flex): 12.1 V, 30 C, firmware 3.10: reports overload -> take the load off" in text
    assert "servo 4 (wrist_flex): 12.1 V, 30 C, firmware 3.10: model 5 is no STS3215" in text
    assert "servo 5 (wrist_roll) does not answer -> check its cable" in text


def test_doctor_knows_another_arms_calibration(wire: ServoBus, path: Path) -> None:
    wire.servo(1).poke(reg.HOMING_OFFSET, 5)
    assert "another arm's" in diagnose(wire, path)[0]


def test_doctor_names_joints_that_are_calibrated_over_another_range_than_the_bodys(tmp_path: Path) -> None:
    ranges = {"elbow_flex": (0, 4095), "shoulder_pan": (2000, 2057)}
    wrong = {
        name: dataclasses.replace(entry, range_min=ranges[name][0], range_max=ranges[name][1])
        if name in ranges
        else entry
        for name, entry in CALIBRATION.items()
    }
    path = tmp_path / "arm.json"
    save_calibration(path, wrong)
    with ServoBus(calibrated_servos(wrong)) as wire:
        lines = diagnose(wire, path)
    remedy = "calibrate again with ./xdog arm calibrate, and move it to both its ends and no further"
    assert lines == [
        f"shoulder_pan is calibrated over 5 degrees, urdf/xdog.urdf gives it 220 -> {remedy}",
        f"elbow_flex is calibrated over 360 degrees, urdf/xdog.urdf gives it 194 -> {remedy}",
    ]


def test_doctor_finds_no_power_and_no_cable(wire: ServoBus, path: Path) -> None:
    wire.servos = []
    assert diagnose(wire, path)[-1] == "no servo answers at all -> is the arm's power supply on?"
    wire.unplug()
    assert "there is no such device" in diagnose(wire, path)[0]
