"""`./xdog arm`: setup-motors, calibrate, doctor."""

import argparse
import sys
from pathlib import Path
from typing import Optional, Sequence

from xdog.arm_tools import doctor
from xdog.arm_tools.calibrate import calibrate
from xdog.arm_tools.setup_motors import setup_motors
from xdog.arm_tools.terminal import choose_port, enter_pressed
from xdog.core.config_file import ConfigError
from xdog.core.description import JointGroup, load_description
from xdog.core.interfaces import HardwareError
from xdog.doctor import show
from xdog.hardware.so101.calibration import CalibrationError, check_writable, save_calibration
from xdog.hardware.so101.feetech_bus import FeetechBus
from xdog.hardware.so101.servo_health import load_health_config

CALIBRATION = Path("~/.config/xdog/arm.json")
"""Where the calibration of this machine's arm is kept, unless told otherwise; arm.launch says the same."""

DESCRIPTION = """
Brings an SO101 arm to life. In this order, once for a new arm:
  setup-motors   give each new servo its id; one servo at a time is connected to the board
  calibrate      measure the joints' ranges and write the calibration file, in LeRobot's format
  doctor         check everything and name what is wrong with the remedy; changes nothing
An arm that LeRobot calibrated needs neither of the first two: name its file with --calibration, for example
~/.cache/huggingface/lerobot/calibration/robots/so_follower/NAME.json.
docs/use/arm-setup.md leads from the box to moving joints.
"""


def parse(arguments: Optional[Sequence[str]]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="./xdog arm", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["setup-motors", "calibrate", "doctor"])
    parser.add_argument("--port", default="", help="serial port of the arm; needed only if there are several")
    parser.add_argument("--calibration", type=Path, default=CALIBRATION, help=f"calibration file ({CALIBRATION})")
    return parser.parse_args(arguments)


def show_table(text: str) -> None:
    """Draw a table over the one before."""
    print(text + f"\033[{text.count(chr(10)) + 1}A", flush=True)


def run_calibrate(bus: FeetechBus, path: Path, arm: JointGroup) -> int:
    """Calibrate and write the file."""
    check_writable(path)
    bus.open()
    height = "\n" * (len(arm.names) + 1)
    calibration = calibrate(bus, arm, input, lambda text: print(f"{height}{text}"), show_table, enter_pressed)
    save_calibration(path, calibration)
    print(f"{height}Calibrated. The file is {path}; LeRobot reads it too. Next: ./xdog arm doctor")
    return 0


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the program; returns the exit status."""
    options = parse(arguments)
    path = options.calibration.expanduser()
    try:
        arm = load_description().arm
        bus = FeetechBus(choose_port(options.port), {i + 1: joint for i, joint in enumerate(arm.names)})
        if options.what == "doctor":
            missing = show(doctor.findings(bus, arm, path, load_health_config()))
            print("The arm is well." if not missing else f"{missing} to fix.")
            return 1 if missing else 0
        if options.what == "setup-motors":
            setup_motors(bus, arm.names, input, print)
            return 0
        return run_calibrate(bus, path, arm)
    except (ConfigError, HardwareError, CalibrationError, OSError) as error:
        print(f"xdog arm: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("\nStopped. The driver refuses an arm that is half calibrated: calibrate it again.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
