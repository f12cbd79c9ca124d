"""A leader arm on its bus is only read, its torque is off, and what is wrong with it is named."""

from contextlib import suppress
from pathlib import Path
from typing import Iterator, List, Tuple

import numpy as np
import pytest
from servo_bus import CALIBRATION, Servo, ServoBus, calibrated_servos
from servo_time import be_patient

from xdog.core.description import load_description
from xdog.core.interfaces import HardwareError
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.arm import So101Arm
from xdog.hardware.so101.calibration import save_calibration
from xdog_learning.nodes.common.arm_link import ArmLinkError
from xdog_learning.nodes.recorder import open_leader

ROBOT = load_description()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


Writes = List[Tuple[int, int, bytes]]
"""(servo, first address, bytes) of each write that reached a servo."""

TORQUE_OFF = b"\x00"


@pytest.fixture
def wire() -> Iterator[ServoBus]:
    """A leader that was used as a follower: its servos have torque, and settings that LeRobot would change."""
    servos = calibrated_servos()
    for servo in servos:
        servo.poke(reg.TORQUE_ENABLE, 1)
        servo.poke(reg.GOAL_POSITION, servo.position)
    with ServoBus(servos) as emulated:
        yield emulated


def keep_writes(wire: ServoBus) -> Writes:
    """From now on what is written to any servo."""
    writes: Writes = []

    def keep(servo: Servo) -> None:
        write = servo.write

        def note(address: int, data: bytes) -> None:
            writes.append((servo.peek(reg.ID), address, bytes(data)))
            write(address, data)

        servo.write = note  # type: ignore[method-assign]

    for servo in wire.servos:
        keep(servo)
    return writes


def deaf(servo: Servo, times: int) -> None:
    """The next writes are confirmed, and do nothing."""
    write, left = servo.write, [times]

    def miss(address: int, data: bytes) -> None:
        if left[0] > 0:
            left[0] -= 1
        else:
            write(address, data)

    servo.write = miss  # type: ignore[method-assign]


def lead(wire: ServoBus, calibration: Path) -> So101Arm:
    return open_leader(wire.path, calibration, ROBOT)


def read_on(leader: So101Arm) -> None:
    """Read until something is wrong."""
    for _ in range(1000):
        leader.read()


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    save_calibration(tmp_path / "leader.json", CALIBRATION)
    return tmp_path / "leader.json"


def test_a_leader_has_no_torque_and_its_joints_are_read(wire: ServoBus, calibration: Path) -> None:
    writes = keep_writes(wire)
    leader = lead(wire, calibration)
    try:
        before = leader.read().position
        wire.servo(1).shaft += 200.0
        after = leader.read().position
        assert not any(servo.peek(reg.TORQUE_ENABLE) for servo in wire.servos)
        assert after[0] - before[0] == pytest.approx(200 * 2 * np.pi / 4096)
        np.testing.assert_allclose(after[1:], before[1:])
        with pytest.raises(HardwareError, match="is a leader: it is read, and led by hand"):
            leader.write(before)
        with pytest.raises(HardwareError, match="is a leader"):
            leader.set_torque(True)
    finally:
        leader.close()
    assert writes == [(servo, reg.TORQUE_ENABLE.address, TORQUE_OFF) for servo in range(1, 7)]  # no setting, no goal


def test_a_servo_that_missed_the_command_gets_it_again(wire: ServoBus, calibration: Path) -> None:
    deaf(wire.servo(2), 1)
    leader = lead(wire, calibration)
    leader.close()
    assert not any(servo.peek(reg.TORQUE_ENABLE) for servo in wire.servos)


def test_a_servo_that_keeps_its_torque_is_named(wire: ServoBus, calibration: Path) -> None:
    deaf(wire.servo(2), 1000)
    with pytest.raises(
        ArmLinkError, match=r"servo 2 \(shoulder_lift\) keeps its torque: switch the arm's power supply"
    ):
        lead(wire, calibration)


def test_another_arm_receives_no_writes(wire: ServoBus, calibration: Path) -> None:
    writes = keep_writes(wire)
    wire.servo(3).poke(reg.HOMING_OFFSET, 7)
    with pytest.raises(ArmLinkError, match="another arm's"):
        lead(wire, calibration)
    assert writes == []


def test_a_leader_stays_without_torque_after_any_failure(
    wire: ServoBus, calibration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xdog.hardware.so101.arm.RECONNECT_PERIOD", 0.0)
    leader = lead(wire, calibration)
    writes = keep_writes(wire)
    try:
        elbow = wire.servo(3)
        elbow.poke(reg.TORQUE_ENABLE, 1)
        with pytest.raises(HardwareError, match=r"servo 3 \(elbow_flex\) has torque, which must stay off"):
            leader.read()
        leader.read()  # repeats the command
        assert elbow.peek(reg.TORQUE_ENABLE) == 0
        elbow.silent = True
        with pytest.raises(HardwareError, match=r"servo 3 \(elbow_flex\) does not answer"):
            read_on(leader)
        elbow.reset()
        elbow.silent = False
        leader.read()
        wire.unplug()
        with suppress(HardwareError):
            leader.read()
        wire.plug_in()
        leader.read()
    finally:
        leader.close()
    assert {(address, data) for _, address, data in writes} == {(reg.TORQUE_ENABLE.address, TORQUE_OFF)}
    assert not any(servo.peek(reg.TORQUE_ENABLE) or servo.torque_log for servo in wire.servos)


def test_a_missing_leader_is_reported(calibration: Path, tmp_path: Path) -> None:
    with pytest.raises(ArmLinkError, match=r"the leader arm on .*nowhere"):
        open_leader(str(tmp_path / "nowhere"), calibration, ROBOT)
    with pytest.raises(ArmLinkError, match="needs --calibration"):
        open_leader("/dev/ttyACM1", None, ROBOT)
    with pytest.raises(ArmLinkError, match=r"absent\.json"):
        open_leader("/dev/ttyACM1", tmp_path / "absent.json", ROBOT)
