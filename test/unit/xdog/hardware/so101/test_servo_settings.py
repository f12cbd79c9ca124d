"""What servos keep, on an emulated bus: compared with a calibration, written only where it differs."""

from typing import Dict

import pytest
from servo_bus import CALIBRATION, ServoBus
from servo_time import be_patient

from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.feetech_bus import FeetechBus
from xdog.hardware.so101.servo_settings import (
    GRIPPER,
    GRIPPER_SETTINGS,
    SETTINGS,
    ServoTable,
    WrongArmError,
    check_arm,
    configure,
    write_settings,
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


def tables(bus: FeetechBus) -> Dict[str, ServoTable]:
    return {name: ServoTable(bus, entry.id) for name, entry in CALIBRATION.items()}


def test_a_calibrated_arm_fits_its_file(bus: FeetechBus) -> None:
    check_arm(tables(bus), CALIBRATION, bus)


def test_another_arms_calibration_is_named_by_joint_and_register(bus: FeetechBus, wire: ServoBus) -> None:
    joint, entry = next(iter(CALIBRATION.items()))
    wire.servo(entry.id).poke(reg.MIN_POSITION, entry.range_min + 7)
    with pytest.raises(WrongArmError, match=f"{joint} Min_Position_Limit: servo {entry.range_min + 7}, file "):
        check_arm(tables(bus), CALIBRATION, bus)


def test_another_model_is_named(bus: FeetechBus, wire: ServoBus) -> None:
    wire.servo(3).poke(reg.MODEL_NUMBER, 1540)
    with pytest.raises(WrongArmError, match="has model number 1540; an STS3215 has 777"):
        check_arm(tables(bus), CALIBRATION, bus)


@pytest.mark.parametrize("name", ["elbow_flex", GRIPPER])
def test_only_what_differs_is_written(bus: FeetechBus, wire: ServoBus, name: str) -> None:
    number = CALIBRATION[name].id
    wanted = {**SETTINGS, **(GRIPPER_SETTINGS if name == GRIPPER else {})}
    for register, value in wanted.items():
        wire.servo(number).poke(register, value)
    wire.servo(number).poke(reg.P_GAIN, 32)
    wire.servo(number).poke(reg.TORQUE_ENABLE, 1)
    table = ServoTable(bus, number)
    configure(bus, name, table)
    assert {register: wire.servo(number).peek(register) for register in wanted} == wanted
    assert (wire.servo(number).peek(reg.TORQUE_ENABLE), wire.servo(number).peek(reg.LOCK)) == (0, 1)
    wire.servo(number).poke(reg.TORQUE_ENABLE, 1)
    configure(bus, name, table)  # nothing differs now: the EEPROM is not touched, the torque stays on
    assert wire.servo(number).peek(reg.TORQUE_ENABLE) == 1


def test_settings_are_read_back(bus: FeetechBus, wire: ServoBus) -> None:
    write_settings(bus, 2, {reg.HOMING_OFFSET: -5, reg.MAX_POSITION: 3000})
    assert (wire.servo(2).peek(reg.HOMING_OFFSET), wire.servo(2).peek(reg.MAX_POSITION)) == (-5, 3000)
