"""Keyboard teleop without ROS and without a terminal: bytes and time in, requests and velocities out."""

from typing import List, Mapping, Optional

from xdog.safety.mux_config import Planar
from xdog.teleop.config import TeleopConfig
from xdog.teleop.drive import DIRECTIONS, HeldKey, Velocity
from xdog.teleop.keys import SPACE, KeyDecoder, is_paste

ESTOP = "estop"
ESTOP_RESET = "estop_reset"
HELP = "help"

REQUESTS: Mapping[str, str] = {
    SPACE: ESTOP,
    "r": ESTOP_RESET,
    "1": "stand",
    "2": "walk",
    "3": "lie_down",
    "0": "damp",
    "h": HELP,
}
"""What a key requests: a service of the graph, or help."""
QUIT_KEYS = ("x", "\x03", "\x04")  # x, Ctrl-C, Ctrl-D
SCALE_KEYS: Mapping[str, int] = {"+": 1, "=": 1, "-": -1, "_": -1}

HELP_TEXT = """\
  drive while a key is held        ask the robot
    q  w  e   turn / forward         1  stand      2  walk
    a  s  d   left / back / right    3  lie down   0  damp (sink down)
    arrows    forward, back, turn    r  reset the e-stop
  SPACE  e-stop   + -  faster, slower   h  this help   x  quit"""


class KeyboardTeleop:
    """The meaning of the keys. All times are in s on one monotonic clock.

    After an e-stop the driving keys are blocked until a reset succeeded, whether or not the robot received the e-stop.

    Args:
        config: of teleop.
        limits: the mux's, m/s and rad/s: the speeds at full scale.
    """

    def __init__(self, config: TeleopConfig, limits: Planar) -> None:
        self._decoder = KeyDecoder()
        self._held = HeldKey(config, limits)
        self.blocked = False
        self.quitting = False

    def feed(self, data: bytes, now: float) -> List[str]:
        """Process bytes from the terminal; empty bytes mean that it was closed.

        Returns:
            Names of services to call (and HELP), in order, an e-stop first and alone.
        """
        if not data:
            self.quit(now)
            return []
        keys = self._decoder.feed(data)
        if SPACE in keys:
            self.blocked = True
            self._held.release(now)
            return [ESTOP]
        if is_paste(keys):
            self._held.release(now)
            return []
        requests = []
        for key in keys:
            if key in DIRECTIONS:
                if not (self.blocked or self.quitting):
                    self._held.press(key, now)
            elif key in SCALE_KEYS:
                self._held.faster(SCALE_KEYS[key])
            else:
                self._held.release(now)
                if key in REQUESTS:
                    requests.append(REQUESTS[key])
                elif key in QUIT_KEYS:
                    self.quit(now)
        return requests

    def unblock(self) -> None:
        """The e-stop was reset: driving keys count again."""
        self.blocked = False

    def quit(self, now: float) -> None:
        """Stop, and finish when the zeros have been sent."""
        self.quitting = True
        self._held.release(now)

    def next_velocity(self, now: float) -> Optional[Velocity]:
        """What to publish in this period, None for nothing. Call it once a period: it counts the zeros."""
        return self._held.next(now)

    def finished(self, now: float) -> bool:
        """Whether teleop may end: it was asked to, and the zeros after the last key have been sent."""
        return self.quitting and self._held.at_rest(now)

    @property
    def scale(self) -> float:
        """The keys' share of the full speeds."""
        return self._held.scale

    def full_speed(self) -> Velocity:
        """The keys' speeds at the present scale."""
        return self._held.full_speed()
