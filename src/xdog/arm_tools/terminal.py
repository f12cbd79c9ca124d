"""What the programs of ./xdog arm share: finding the port, asking, and waiting for Enter while something goes on."""

import glob
import select
import sys
from typing import Callable, List

from xdog.hardware.so101.feetech_bus import PortError

Ask = Callable[[str], object]
"""Shows a text and waits for Enter."""


def serial_ports() -> List[str]:
    """The serial ports of USB adapters on this machine."""
    return sorted(glob.glob("/dev/ttyACM*") + glob.glob("/dev/ttyUSB*"))


def choose_port(wanted: str, ports: Callable[[], List[str]] = serial_ports) -> str:
    """The port to use: the one wanted, or the only one there is.

    Raises:
        PortError: there are none or several.
    """
    if wanted:
        return wanted
    found = ports()
    if len(found) == 1:
        return found[0]
    if not found:
        raise PortError("no serial port found: plug the arm's USB cable in, or name it with --port")
    raise PortError(f"several serial ports, name the arm's with --port: {' '.join(found)}")


def enter_pressed() -> bool:
    """Whether a line was entered on this terminal since the last call; does not wait. A closed input counts as one."""
    if not select.select([sys.stdin], [], [], 0.0)[0]:
        return False
    sys.stdin.readline()
    return True
