"""What the SO101's servos keep: LeRobot's settings, the calibration, and how both are compared and written."""

from typing import Dict, Mapping

from xdog.core.interfaces import HardwareError
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.calibration import JointCalibration
from xdog.hardware.so101.feetech_bus import BusError, FeetechBus
from xdog.hardware.so101.registers import Register

GRIPPER = "gripper"
"""The joint whose servo LeRobot keeps weaker."""

SETTINGS: Mapping[Register, int] = {
    reg.RETURN_DELAY: 0,
    reg.OPERATING_MODE: 0,
    reg.P_GAIN: 16,
    reg.I_GAIN: 0,
    reg.D_GAIN: 32,
    reg.MAX_ACCELERATION: 254,
}
"""What LeRobot's SO101 follower sets in every servo (so_follower.py, configure)."""

GRIPPER_SETTINGS: Mapping[Register, int] = {reg.MAX_TORQUE: 500, reg.PROTECTION_CURRENT: 250, reg.OVERLOAD_TORQUE: 25}
"""What it sets in the gripper's servo on top of that."""

ACCELERATION = 254
"""LeRobot's: as fast as the servo can."""


class WrongArmError(HardwareError):
    """The servos hold another calibration than the file: it is another arm's, or an old one."""


class ServoTable:
    """What a servo holds in its EEPROM, by register."""

    def __init__(self, bus: FeetechBus, servo: int) -> None:
        self.servo = servo
        self.values: Dict[Register, int] = {}
        for start, length in reg.EEPROM:
            block = bus.read_block(servo, start, length).data
            self.values.update({r: r.decode(block, start) for r in reg.KEPT if r.inside(start, length)})


def calibrated(calibration: JointCalibration) -> Dict[Register, int]:
    """What the servo of a calibrated joint holds."""
    return {
        reg.HOMING_OFFSET: calibration.homing_offset,
        reg.MIN_POSITION: calibration.range_min,
        reg.MAX_POSITION: calibration.range_max,
    }


def check_arm(tables: Mapping[str, ServoTable], calibration: Mapping[str, JointCalibration], bus: FeetechBus) -> None:
    """Compare the joints' servos with a calibration.

    Raises:
        WrongArmError: a servo is another model, or belongs to another calibration.
    """
    differences = []
    for name, table in tables.items():
        model = table.values[reg.MODEL_NUMBER]
        if model != reg.MODEL:
            raise WrongArmError(f"{bus.name(table.servo)} has model number {model}; an STS3215 has {reg.MODEL}")
        for register, value in calibrated(calibration[name]).items():
            if table.values[register] != value:
                differences.append(f"{name} {register.name}: servo {table.values[register]}, file {value}")
    if differences:
        raise WrongArmError(
            f"the calibration is another arm's, or an old one ({'; '.join(differences[:3])}"
            f"{'; ...' if len(differences) > 3 else ''}): name this arm's file, or make it: ./xdog arm calibrate"
        )


def configure(bus: FeetechBus, name: str, table: ServoTable) -> None:
    """Give a joint's servo LeRobot's settings. What it holds already is not written: its EEPROM wears out.

    Raises:
        BusError: the servo does not answer or does not keep them.
    """
    wanted = {**SETTINGS, **(GRIPPER_SETTINGS if name == GRIPPER else {})}
    changes = {register: value for register, value in wanted.items() if table.values[register] != value}
    if changes:
        write_settings(bus, table.servo, changes)
        table.values.update(changes)
    bus.write(table.servo, reg.ACCELERATION, ACCELERATION)


def write_settings(bus: FeetechBus, servo: int, settings: Mapping[Register, int]) -> None:
    """Write a servo's EEPROM, for which its torque is switched off, and read it back.

    Raises:
        BusError: the servo does not answer or does not keep what was written.
    """
    bus.write(servo, reg.TORQUE_ENABLE, 0)
    bus.write(servo, reg.LOCK, 0)
    for register, value in settings.items():
        bus.write(servo, register, value)
    bus.write(servo, reg.LOCK, 1)
    for register, value in settings.items():
        found = bus.read(servo, register)
        if found != value:
            raise BusError(f"{bus.name(servo)} does not keep {register.name} {value}, it shows {found}: is it broken?")
