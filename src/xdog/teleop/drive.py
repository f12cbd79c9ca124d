"""From held keys to a velocity that stops by itself."""

import math
from dataclasses import dataclass
from typing import Mapping, Optional, Tuple

from xdog.safety.mux_config import Planar
from xdog.teleop.config import TeleopConfig


@dataclass(frozen=True)
class Velocity:
    """A velocity in the base frame: vx, vy in m/s (forward, left), wz in rad/s (counterclockwise)."""

    vx: float
    vy: float
    wz: float


ZERO = Velocity(0.0, 0.0, 0.0)

DIRECTIONS: Mapping[str, Tuple[int, int, int]] = {
    "w": (1, 0, 0),
    "s": (-1, 0, 0),
    "a": (0, 1, 0),
    "d": (0, -1, 0),
    "q": (0, 0, 1),
    "e": (0, 0, -1),
    "up": (1, 0, 0),
    "down": (-1, 0, 0),
    "left": (0, 0, 1),
    "right": (0, 0, -1),
}
"""Signs of (vx, vy, wz) for every driving key."""


class HeldKey:
    """Which driving key is held, inferred from a terminal that reports only presses and repeats. Times in s.

    Args:
        config: of teleop.
        limits: the mux's, m/s and rad/s: the speeds at full scale.
    """

    def __init__(self, config: TeleopConfig, limits: Planar) -> None:
        self._config, self._limits = config, limits
        self._key = ""
        self._until = 0.0
        self._zeros_left = 0
        self.scale = config.scale.start

    def press(self, key: str, now: float) -> None:
        """A byte of a driving key arrived: the first, or a repeat while it is held."""
        repeating = key == self._key and now < self._until
        self._key = key
        self._until = now + (self._config.hold.repeating if repeating else self._config.hold.initial)
        self._zeros_left = math.ceil(self._config.hold.zeros * self._config.rate)

    def release(self, now: float) -> None:
        """Stop at once."""
        self._until = min(self._until, now)

    def faster(self, steps: int) -> None:
        """Change the scale of all speeds by ``steps`` (negative: slower), within its limits."""
        wanted = self.scale + steps * self._config.scale.step
        self.scale = round(min(1.0, max(self._config.scale.smallest, wanted)), 6)

    def full_speed(self) -> Velocity:
        """The keys' speeds at the present scale."""
        limits = self._limits
        return Velocity(limits.vx * self.scale, limits.vy * self.scale, limits.wz * self.scale)

    def next(self, now: float) -> Optional[Velocity]:
        """What to publish in this period: a velocity while a key is held, then zeros, then None (nothing).

        Zeros are counted, not timed: a program that was delayed must still send them.
        """
        if now < self._until:
            vx, vy, wz = DIRECTIONS[self._key]
            speed = self.full_speed()
            return Velocity(vx * speed.vx, vy * speed.vy, wz * speed.wz)
        if self._zeros_left:
            self._zeros_left -= 1
            return ZERO
        return None

    def at_rest(self, now: float) -> bool:
        """Whether no key is held and all zeros were returned."""
        return now >= self._until and not self._zeros_left
