"""The supervisor: decides whether the robot may move, and keeps a stop until it is cleared."""

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from xdog.core.description import RobotDescription
from xdog.core.rotations import tilt_angle
from xdog.core.timers import HoldTimer
from xdog.safety.config import SupervisorConfig
from xdog.safety.gate import INVALID_COMMAND
from xdog.safety.latch import LatchingStop

Array = np.ndarray

TORQUE_LIMIT_ALARM = 11
"""The vendor's code for "desired torque out of limit": the vendor's own example keeps walking, so it only warns."""


@dataclass(frozen=True, eq=False)
class LegsReport:
    """What the supervisor needs from a legs/state. n = 12 joints.

    Attributes:
        stamp, imu_stamp: s, on the bridge's clock.
        names: joint names, in the order of the arrays.
        orientation: (4,) quaternion x, y, z, w of the IMU, which is parallel to the trunk.
        motion: (6,) the IMU's angular velocity x, y, z, rad/s, and acceleration x, y, z, m/s^2.
        position: (n,) rad.
        velocity: (n,) rad/s.
        temperature: (n,) degrees Celsius; NaN where it is not measured.
        alarm: (n,) the actuators' codes, 0 none.
        online: (n,) bool.
        active: True while the gate follows commands.
        gate_reason: why the gate damps.
    """

    stamp: float
    imu_stamp: float
    names: Sequence[str]
    orientation: Sequence[float]
    motion: Sequence[float]
    position: Array
    velocity: Array
    temperature: Array
    alarm: Sequence[int]
    online: Sequence[bool]
    active: bool
    gate_reason: str


def misfit(report: LegsReport, names: Sequence[str]) -> str:
    """Why a report does not fit a robot with joints of these names; empty if it does."""
    if sorted(report.names) != sorted(names):
        wrong = sorted(set(report.names).symmetric_difference(names)) or ["some are repeated"]
        return f"legs/state has other joints than robot.yaml: {', '.join(wrong)}"
    for column in ("position", "velocity", "temperature", "alarm", "online"):
        count = len(getattr(report, column))
        if count != len(names):
            return f"legs/state has {count} values of {column} for {len(names)} joints"
    return ""


def not_finite(report: LegsReport) -> List[str]:
    """The measurements in a well-formed report that are not finite."""
    columns = (("position", report.position), ("velocity", report.velocity))
    found = [f"{what} of {name}" for what, row in columns for name, x in zip(report.names, row) if not np.isfinite(x)]
    return found if np.all(np.isfinite(report.motion)) else [*found, "the IMU's rates"]


class Supervisor(LatchingStop):
    """The dog's supervisor. Times are in s on one clock, given by the caller."""

    def __init__(self, robot: RobotDescription, config: SupervisorConfig) -> None:
        super().__init__("legs/state", config.state_timeout, "The legs do not move until stand is called")
        self._config = config
        self._names = robot.legs.names
        self._cells = robot.battery["cells"]
        self._report: Optional[LegsReport] = None
        self._tilt = 0.0
        self._tilted, self._low, self._sagging = HoldTimer(), HoldTimer(), HoldTimer()
        self._battery: Dict[str, str] = {}
        self._battery_received: Optional[float] = None
        self._invalid: Optional[float] = None
        self._command_stamp: Optional[float] = None
        self._overrun: Optional[Tuple[float, str]] = None
        self._neutral: Optional[Tuple[float, bool]] = None
        self._arm: Tuple[float, Sequence[str]] = (-np.inf, ())
        self._faults: Dict[str, str] = {}

    def on_legs(self, now: float, report: LegsReport) -> None:
        """A legs/state was received at ``now``. It counts as new unless it repeats the last stamp."""
        self._on_state(now, report.stamp, report.active, report.gate_reason)
        problem = misfit(report, self._names)
        if problem:  # its joint values cannot be used
            self._faults = {"misfit": problem}
            self._latch(self._faults)
            return
        self._report = report
        config = self._config
        faults: Dict[str, str] = {}
        self._tilt = float(tilt_angle(report.orientation))
        if not self._tilt >= 0.0:
            faults["orientation"] = f"the IMU's orientation is not a rotation: {list(report.orientation)}"
        broken = not_finite(report)
        if broken:
            faults["not finite"] = f"legs/state is not finite: {', '.join(broken)}"
        if self._tilted.update(report.stamp, self._tilt > config.tilt_damp, config.tilt_time):
            faults["tilt"] = f"fallen: tilted by {self._tilt:.2f} rad (limit {config.tilt_damp:g})"
        if abs(report.stamp - report.imu_stamp) > config.imu_timeout:
            faults["imu"] = f"no IMU measurement for more than {config.imu_timeout:g} s"
        offline = [name for name, online in zip(report.names, report.online) if not online]
        if offline:
            faults["offline"] = f"joint offline: {', '.join(offline)}"
        alarms = [f"{n} (code {a})" for n, a in zip(report.names, report.alarm) if a not in (0, TORQUE_LIMIT_ALARM)]
        if alarms:
            faults["alarm"] = f"actuator alarm: {', '.join(alarms)}"
        hot = self._hotter_than(config.temperature_damp)
        if hot:
            faults["temperature"] = f"too hot: {hot} (limit {config.temperature_damp:g} C)"
        if report.gate_reason.startswith(INVALID_COMMAND):
            self._invalid = now
            faults["command"] = report.gate_reason
        self._faults = faults
        self._latch(faults)

    def on_battery(self, now: float, voltage: float) -> None:
        """A battery voltage, V, was received at ``now``. A gauge without a measurement reports NaN or zero."""
        if not voltage > 0.0:
            return
        self._battery_received = now
        cell, config = voltage / self._cells, self._config
        low = self._low.update(now, cell < config.cell_voltage_damp, config.battery_time)
        sagging = self._sagging.update(now, cell < config.cell_voltage_warn, config.battery_time)
        text = f"battery at {voltage:.1f} V ({cell:.2f} V a cell)"
        self._battery = {"damp": f"{text}: charge it"} if low else {"warn": text} if sagging else {}
        if low:
            self._latch({"battery": self._battery["damp"]})

    def on_arm(self, now: float, complaints: Sequence[str]) -> None:
        """An arm/state was received at ``now`` with the arm's faults and warnings.

        They only warn: the bridge holds a faulty arm by itself, and damping the legs as well would do more harm.
        """
        if complaints:
            self._arm = (now, complaints)

    def on_command(self, now: float, stamp: float) -> None:
        """A legs/command that answers the legs/state of ``stamp`` was received at ``now``."""
        active = self._report is not None and self._report.active
        gap = 0.0 if self._command_stamp is None or not active else stamp - self._command_stamp
        self._command_stamp = stamp
        if gap > self._config.command_gap + 1e-6:
            self._overrun = (now, f"legs/command arrived {1000.0 * gap:.0f} ms after the previous one")

    def on_inputs_neutral(self, now: float, neutral: bool) -> None:
        """The velocity mux reported at ``now`` whether every source of cmd_vel is at rest."""
        self._neutral = (now, neutral)

    def _blind(self) -> bool:
        return self._report is None

    def _hotter_than(self, limit: float) -> str:
        report = self._report
        if report is None:
            return ""
        return ", ".join(f"{name} {t:.0f} C" for name, t in zip(report.names, report.temperature) if t >= limit)

    def _problems(self, now: float) -> List[str]:
        report, config = self._report, self._config
        found = list(self._faults.values())
        if report is None:
            return found
        if report.active:  # the bridge has not received the stop yet, and never would if it were cleared now
            found.append("the legs still follow commands: call again when they are damped")
        recent = self._invalid is not None and abs(now - self._invalid) < config.invalid_quiet
        if recent and "command" not in self._faults:
            found.append("an invalid legs/command has just been received: stop its sender")
        if "tilt" not in self._faults and not self._tilt <= config.tilt_warn:
            found.append(f"tilted by {self._tilt:.2f} rad: set the robot upright (below {config.tilt_warn:g} rad)")
        fastest = int(np.argmax(np.abs(report.velocity)))
        if not np.max(np.abs(report.velocity)) <= config.still_velocity:
            found.append(f"{report.names[fastest]} still moves at {report.velocity[fastest]:.1f} rad/s")
        if "damp" in self._battery:
            found.append(self._battery["damp"])
        if self._neutral is None or abs(now - self._neutral[0]) > config.neutral_timeout:
            found.append("no node reports whether cmd_vel is neutral: start velocity_mux")
        elif not self._neutral[1]:
            found.append("a cmd_vel source commands motion: let go of it")
        return found

    def _warnings(self, now: float) -> List[str]:
        report, config = self._report, self._config
        if report is None:
            return []
        found = []
        if config.tilt_warn < self._tilt:
            found.append(f"tilted by {self._tilt:.2f} rad")
        hot = self._hotter_than(config.temperature_warn)
        if hot:
            found.append(f"hot: {hot}")
        limited = [name for name, alarm in zip(report.names, report.alarm) if alarm == TORQUE_LIMIT_ALARM]
        if limited:
            found.append(f"desired torque out of limit: {', '.join(limited)}")
        found.extend(self._battery.values())
        if self._battery_received is not None and now - self._battery_received > config.battery_silence:
            found.append(f"no battery reading for {now - self._battery_received:.0f} s: check the gauge")
        if self._overrun is not None and 0.0 <= now - self._overrun[0] < config.warning_hold:
            found.append(self._overrun[1])
        if 0.0 <= now - self._arm[0] < config.warning_hold:
            found.extend(f"arm: {complaint}" for complaint in self._arm[1])
        return found
