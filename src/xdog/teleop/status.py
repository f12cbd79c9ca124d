"""The line that teleop keeps at the bottom of the terminal."""

import math
from dataclasses import dataclass
from typing import Optional, Tuple

from xdog.teleop.drive import Velocity


@dataclass(frozen=True)
class RobotStatus:
    """The robot's last reported state; None: not received yet.

    Attributes:
        locomotion: name of the locomotion state.
        level: name of the safety level.
        reasons: why motion is forbidden, or what needs attention.
        voltage: V.
        charge: 0 to 1; NaN where it is not measured.
    """

    locomotion: Optional[str] = None
    level: Optional[str] = None
    reasons: Tuple[str, ...] = ()
    voltage: Optional[float] = None
    charge: float = math.nan


def battery_text(voltage: Optional[float], charge: float) -> str:
    """For example "26.1 V 80 %"."""
    if voltage is None or not math.isfinite(voltage):
        return "battery ?"
    return f"{voltage:.1f} V" + (f" {100.0 * charge:.0f} %" if math.isfinite(charge) else "")


def status_line(
    status: RobotStatus, speed: Velocity, scale: float, sent: Optional[Velocity], blocked: bool, width: int
) -> str:
    """One line of at most ``width`` characters: state, safety, battery, speeds, what is sent, reasons.

    Args:
        status: the robot's last reported state.
        speed: the keys' speeds at the present scale.
        scale: that scale, 0 to 1.
        sent: what is being published, None for nothing.
        blocked: whether the driving keys are blocked after an e-stop.
        width: of the terminal, characters.
    """
    parts = [status.locomotion or "no robot", status.level or "no safety", battery_text(status.voltage, status.charge)]
    if blocked:
        parts.append("E-STOP: r resets")
    elif sent is not None:
        parts.append(f"sent {sent.vx:+.2f} {sent.vy:+.2f} {sent.wz:+.2f}")
    else:
        parts.append(f"{100.0 * scale:.0f} %: {speed.vx:.2f} {speed.vy:.2f} m/s {speed.wz:.2f} rad/s")
    parts.extend(status.reasons)
    line = " | ".join(parts)
    return line if len(line) <= width else line[: max(width - 1, 0)] + "~"
