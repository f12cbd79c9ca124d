#!/usr/bin/env python3
"""The arm's bus cycle on emulated servos: is 50 Hz kept, and how long does a cycle take?

Runs the real driver against the servo-bus emulator, which is a process of its own and speaks real bytes over a
pseudo-terminal. A cycle is what the bridge does with the arm: one sync read, one sync write.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Union

import numpy as np

from xdog.core.description import load_description
from xdog.core.interfaces import HardwareError
from xdog.core.timers import RateTimer, claim_priority
from xdog.hardware.so101.arm import So101Arm, servo_names
from xdog.hardware.so101.calibration import load_calibration
from xdog.hardware.so101.feetech_bus import FeetechBus
from xdog.hardware.so101.servo_health import load_health_config

EMULATOR = Path(__file__).resolve().parents[1] / "support" / "servo_bus.py"
SWING = 0.3
"""rad by which all joints swing, and how fast: rad/s of phase."""
REPORT_EVERY = 30.0
"""s between two lines of progress."""


def run(arm: So101Arm, rate: float, seconds: float) -> Dict[str, Union[int, float]]:
    """Drive the arm for so long.

    Returns:
        bus_cycles; bus_missed: the sum of bus_late, cycles that a whole period went by without, and bus_unread, cycles
        in which a servo was not read in two attempts; bus_cycle_p99_ms: 99th percentile of the time that a cycle took,
        ms, and bus_cycle_max_ms.
    """
    middle = arm.read().position
    spent = []
    cycle = RateTimer(1.0 / rate)
    before = arm.bus.counts.incomplete

    def unread() -> int:
        return arm.bus.counts.incomplete - before

    start = time.monotonic()
    reported = start
    while time.monotonic() - start < seconds:
        cycle.wait()
        begin = time.monotonic()
        with contextlib.suppress(HardwareError):  # servos that are not read are counted by the bus
            arm.read()
            arm.write(middle + SWING * np.sin(begin - start))
        end = time.monotonic()
        spent.append(1000.0 * (end - begin))
        if end - reported >= REPORT_EVERY:
            reported = end
            print(
                f"{end - start:.0f} of {seconds:.0f} s: {cycle.missed} late, {unread()} unread",
                file=sys.stderr,
                flush=True,
            )
    return {
        "bus_cycles": cycle.beats,
        "bus_missed": cycle.missed + unread(),
        "bus_late": cycle.missed,
        "bus_unread": unread(),
        "bus_cycle_p99_ms": round(float(np.percentile(spent, 99)), 2),
        "bus_cycle_max_ms": round(max(spent), 2),
    }


def bench(seconds: float) -> Dict[str, Union[int, float]]:
    """Start the emulator, connect, and measure for ``seconds``."""
    robot = load_description()
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "tty"
        with subprocess.Popen(
            [sys.executable, str(EMULATOR), str(link)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as emulator:
            try:
                assert emulator.stdout is not None
                emulator.stdout.readline()  # wait until it is ready
                calibration = load_calibration(Path(f"{link}.json"), robot.arm.names)
                arm = So101Arm(
                    robot, FeetechBus(str(link), servo_names(calibration)), calibration, load_health_config()
                )
                claim_priority()
                arm.connect()
                return run(arm, robot.rates["control"], seconds)
            finally:
                emulator.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long (600)")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    metrics = bench(options.seconds)
    for name, value in metrics.items():
        print(f"{name:<18} {value}")
    if options.json:
        print(json.dumps(metrics))


if __name__ == "__main__":
    main()
