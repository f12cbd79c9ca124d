"""`./xdog arm doctor`: what is wrong with the arm, and the remedy. Changes nothing."""

import time
from pathlib import Path
from typing import Dict, Iterator, List, Sequence

import numpy as np

from xdog.core.description import JointGroup
from xdog.core.interfaces import HardwareError
from xdog.doctor import MISSING, NOTE, OK, Finding
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.calibration import CalibrationError, load_calibration, range_problems
from xdog.hardware.so101.feetech_bus import FeetechBus, PortError, ServoReply, describe_error
from xdog.hardware.so101.servo_health import HealthConfig
from xdog.hardware.so101.servo_settings import ServoTable, check_arm

READS = 200
"""Sync reads that are timed."""

PERIOD_MS = 20.0
"""What a cycle at 50 Hz has."""


def check_servo(bus: FeetechBus, servo: int, health: HealthConfig) -> Finding:
    """Ask one servo for its voltage, temperature, firmware, model and alarms."""
    if not bus.ping(servo):
        remedy = "check its cable; a new servo has no id of its own: ./xdog arm setup-motors"
        return Finding(MISSING, f"{bus.name(servo)} does not answer", remedy)
    table = ServoTable(bus, servo)
    answer = bus.read_block(servo, *reg.CYCLIC)
    start = reg.CYCLIC[0]
    voltage = reg.PRESENT_VOLTAGE.decode(answer.data, start) / 10.0
    temperature = reg.PRESENT_TEMPERATURE.decode(answer.data, start)
    firmware = f"{table.values[reg.FIRMWARE_MAJOR]}.{table.values[reg.FIRMWARE_MINOR]}"
    text = f"{bus.name(servo)}: {voltage:.1f} V, {temperature} C, firmware {firmware}"
    if table.values[reg.MODEL_NUMBER] != reg.MODEL:
        return Finding(MISSING, f"{text}: model {table.values[reg.MODEL_NUMBER]} is no STS3215", "replace the servo")
    if answer.error:
        remedy = "take the load off, then switch the arm's power supply off and on"
        return Finding(MISSING, f"{text}: reports {describe_error(answer.error)}", remedy)
    if voltage < health.voltage_fault:
        remedy = "look at the power supply; for a 7.4 V arm set the limits in launch/config/so101.yaml"
        return Finding(MISSING, f"{text}: below {health.voltage_fault:g} V", remedy)
    if temperature >= health.temperature_warn:
        return Finding(NOTE, f"{text}: hot", "let it cool")
    return Finding(OK, text)


def check_calibration(bus: FeetechBus, path: Path, arm: JointGroup) -> Iterator[Finding]:
    """Compare the calibration file with what the servos hold, and with the ranges of the URDF."""
    try:
        calibration = load_calibration(path, arm.names)
        tables: Dict[str, ServoTable] = {name: ServoTable(bus, calibration[name].id) for name in arm.names}
        check_arm(tables, calibration, bus)
    except CalibrationError as error:
        yield Finding(MISSING, "no usable calibration", str(error))
    except HardwareError as error:
        yield Finding(MISSING, f"calibration {path} does not fit", str(error))
    else:
        yield Finding(OK, f"calibration {path} is this arm's")
        for problem in range_problems(calibration, arm):
            what, remedy = problem.split(": ", 1)
            yield Finding(MISSING, what, remedy)


def check_timing(bus: FeetechBus, servos: Sequence[int]) -> Finding:
    """Time the sync read of a control cycle."""
    spent: List[float] = []
    lost = 0
    for _ in range(READS):
        start = time.monotonic()
        answers: Dict[int, ServoReply] = bus.sync_read(servos, *reg.CYCLIC)
        spent.append(1000.0 * (time.monotonic() - start))
        lost += len(answers) < len(servos)
    slow = float(np.percentile(spent, 99))
    text = f"a sync read takes {np.median(spent):.1f} ms, 99 % below {slow:.1f} ms; {lost} of {READS} incomplete"
    if slow > PERIOD_MS / 2 or lost > READS // 100:
        remedy = "use a short USB cable straight into the computer; an FTDI adapter needs latency_timer 1"
        return Finding(NOTE, text, remedy)
    return Finding(OK, text)


def findings(bus: FeetechBus, arm: JointGroup, path: Path, health: HealthConfig) -> Iterator[Finding]:
    """Check everything, in the order in which it must work."""
    try:
        bus.open()
    except PortError as error:
        yield Finding(MISSING, f"port {bus.path}", str(error))
        return
    yield Finding(OK, f"port {bus.path}")
    servos = range(1, len(arm.names) + 1)
    try:
        found = [check_servo(bus, servo, health) for servo in servos]
        yield from found
        if all(finding.what.endswith("does not answer") for finding in found):
            yield Finding(MISSING, "no servo answers at all", "is the arm's power supply on?")
            return
        yield from check_calibration(bus, path, arm)
        if not any(finding.level == MISSING for finding in found):
            yield check_timing(bus, list(servos))
    except HardwareError as error:
        yield Finding(MISSING, "the arm stopped answering", str(error))
