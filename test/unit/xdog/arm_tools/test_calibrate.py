"""./xdog arm calibrate on emulated servos: middle, ends, and an arm that the driver accepts."""

from pathlib import Path
from typing import Callable, List

import numpy as np
import pytest
from repository import ROOT
from servo_bus import ServoBus

from xdog.arm_tools.calibrate import MIDDLE_POSE, Ranges, calibrate
from xdog.core.description import load_description
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.arm import So101Arm
from xdog.hardware.so101.calibration import load_calibration, save_calibration
from xdog.hardware.so101.feetech_bus import BusError, FeetechBus
from xdog.hardware.so101.servo_health import load_health_config

ROBOT = load_description()


TURN = reg.RESOLUTION / (2.0 * np.pi)
RANGES = dict(zip(ROBOT.arm.names, (ROBOT.arm.upper - ROBOT.arm.lower) * TURN))
"""Positions, by joint."""


class Hands:
    """A person who puts the arm in the middle, then moves each joint to both ends."""

    def __init__(self, wire: ServoBus) -> None:
        self.wire = wire
        self.asked: List[str] = []
        self.said: List[str] = []
        self.tables: List[str] = []
        self.places: List[float] = []
        """Next places of all joints, as shares of their ranges from the middle."""

    def ask(self, text: str) -> None:
        self.asked.append(text)
        assert all(servo.peek(reg.TORQUE_ENABLE) == 0 for servo in self.wire.servos)
        if "middle" in text:
            for servo in self.wire.servos:
                servo.shaft = 1000.0 + 100 * servo.peek(reg.ID)
                servo.measure(0.0, 0.0)
            self.places = [0.0, 0.55, 0.0, -0.45]

    def enough(self) -> bool:
        if not self.places:
            return True
        away = self.places.pop()
        for servo in self.wire.servos:
            number = servo.peek(reg.ID)
            servo.shaft = 1000.0 + 100 * number + round(away * RANGES[ROBOT.arm.names[number - 1]])
            servo.measure(0.0, 0.0)
        return False

    def run(self, bus: FeetechBus, enough: Callable[[], bool]) -> dict:
        return calibrate(bus, ROBOT.arm, self.ask, self.said.append, self.tables.append, enough)


def test_calibration_finds_middle_and_ends_and_the_driver_accepts_it(
    wire: ServoBus, bus: FeetechBus, tmp_path: Path
) -> None:
    hands = Hands(wire)
    made = hands.run(bus, hands.enough)
    assert "hold it" in hands.asked[0]
    assert MIDDLE_POSE in hands.asked[1]
    for joint, entry in made.items():
        assert entry.homing_offset == 1000 + 100 * entry.id - 2047
        ends = [2047 + round(share * RANGES[joint]) for share in (-0.45, 0.55)]
        assert [entry.range_min, entry.range_max] == ([0, 4095] if joint == "wrist_roll" else ends)
    assert "elbow_flex" in hands.tables[-1]
    path = tmp_path / "arm.json"
    save_calibration(path, made)
    bus.close()
    arm = So101Arm(ROBOT, bus, load_calibration(path, ROBOT.arm.names), load_health_config())
    arm.connect()
    arm.close()


def test_the_page_describes_the_same_middle() -> None:
    page = ROOT / "docs" / "use" / "arm-setup.md"
    assert f"to the middle of its range: {MIDDLE_POSE}." in " ".join(page.read_text().split())


def test_a_joint_that_was_not_moved_is_asked_for(wire: ServoBus, bus: FeetechBus) -> None:
    hands = Hands(wire)
    pressed = [True, False, False, False, False, True]

    def enough() -> bool:
        return pressed.pop(0) if pressed[0] else hands.enough() and pressed.pop(0)

    hands.run(bus, enough)
    assert "Not yet: move shoulder_pan, shoulder_lift, elbow_flex, wrist_flex, gripper to both ends" in hands.said[1]


def test_a_joint_that_saw_one_end_only_is_asked_for() -> None:
    ranges = Ranges(ROBOT.arm, {"elbow_flex": 2047})
    ranges.update({"elbow_flex": 2047 + round(0.5 * RANGES["elbow_flex"])})
    assert ranges.incomplete() == ["elbow_flex"]
    assert "move it to both ends" in ranges.table({"elbow_flex": 2047})
    ranges.update({"elbow_flex": 2047 - round(0.4 * RANGES["elbow_flex"])})
    assert ranges.incomplete() == []


def test_a_joint_that_passes_the_end_of_its_encoder_is_noticed() -> None:
    ranges = Ranges(ROBOT.arm, {"elbow_flex": 4000, "wrist_roll": 4000})
    ranges.update({"elbow_flex": 4090, "wrist_roll": 20})  # wrist_roll may
    with pytest.raises(BusError, match="elbow_flex went past the end of its encoder: start again"):
        ranges.update({"elbow_flex": 10, "wrist_roll": 20})


def test_calibration_without_a_servo_changes_nothing(wire: ServoBus, bus: FeetechBus) -> None:
    wire.servo(4).silent = True
    hands = Hands(wire)
    with pytest.raises(BusError, match=r"servo 4 \(wrist_flex\) does not answer"):
        hands.run(bus, hands.enough)
    assert all(not servo.writes for servo in wire.servos)
