"""Hardware faults that can be injected into the simulation."""

import math
from typing import Optional, Sequence

import numpy as np

KINDS = ("none", "imu_stale", "joint_offline", "joint_alarm", "over_temperature", "battery_voltage", "states_stop")


class FaultError(ValueError):
    """The fault, its joint or its value is unknown or invalid."""


class Faults:
    """The active faults. They accumulate until ``set("none")``.

    Attributes:
        imu_stale: the IMU's values and stamp freeze.
        states_stop: the bridge publishes no legs/state.
        online: (n,) bool, whether each actuator responds.
        alarm: (n,) int, alarm codes of the actuators, 0 for none.
        temperature: (n,) degrees Celsius, NaN where the true value is reported.
        battery_voltage: V that the gauge reports, None for the true value; NaN is a reading without a value.
    """

    def __init__(self, joints: Sequence[str]) -> None:
        self._joints = tuple(joints)
        self._clear()

    def _clear(self) -> None:
        count = len(self._joints)
        self.imu_stale = False
        self.states_stop = False
        self.online = np.ones(count, dtype=bool)
        self.alarm = np.zeros(count, dtype=int)
        self.temperature = np.full(count, math.nan)
        self.battery_voltage: Optional[float] = None

    def set(self, kind: str, joint: str = "", value: float = 0.0) -> None:
        """Activate a fault.

        Args:
            kind: one of `KINDS`; "none" clears all faults.
            joint: name of a leg joint, for joint_offline, joint_alarm and over_temperature.
            value: code for joint_alarm, degrees Celsius for over_temperature, V for battery_voltage.

        Raises:
            FaultError: unknown kind or joint, or an alarm code outside 1 to 255.
        """
        if kind not in KINDS:
            raise FaultError(f"unknown fault '{kind}'; known: {', '.join(KINDS)}")
        if kind == "none":
            self._clear()
        elif kind == "imu_stale":
            self.imu_stale = True
        elif kind == "states_stop":
            self.states_stop = True
        elif kind == "battery_voltage":
            self.battery_voltage = value
        else:
            self._set_joint(kind, self._index(kind, joint), value)

    def _set_joint(self, kind: str, index: int, value: float) -> None:
        if kind == "joint_offline":
            self.online[index] = False
        elif kind == "over_temperature":
            self.temperature[index] = value
        elif not 1 <= value <= 255:
            raise FaultError(f"joint_alarm needs a code of 1 to 255 as value, got {value:g}")
        else:
            self.alarm[index] = int(value)

    def _index(self, kind: str, joint: str) -> int:
        if joint not in self._joints:
            raise FaultError(f"{kind} needs one of the joints {', '.join(self._joints)}; got '{joint}'")
        return self._joints.index(joint)
