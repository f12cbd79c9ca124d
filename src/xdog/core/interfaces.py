"""The protocols that real drivers and the simulation both implement. Arrays are in the order of robot.yaml."""

from dataclasses import dataclass
from typing import Optional, Protocol, Tuple

import numpy as np

Array = np.ndarray


class HardwareError(RuntimeError):
    """A device does not answer or answers nonsense. The message names the device and the remedy."""


class DeviceUnreachableError(HardwareError):
    """A device receives no commands: it keeps executing the last one."""


@dataclass(frozen=True, eq=False)
class LegsReading:
    """What the legs and the IMU measured at one instant. n = 12 joints, 4 feet.

    Attributes:
        stamp: time of measurement, s (the bridge's clock).
        position, velocity, effort: (12,) rad, rad/s, Nm.
        temperature: (12,) degrees Celsius.
        alarm: (12,) int, 0 none, else the actuator's code.
        online: (12,) bool.
        imu_stamp: time of the IMU's measurement, s (the bridge's clock).
        orientation: (4,) quaternion x, y, z, w of imu_link in a gravity-aligned world.
        angular_velocity: (3,) rad/s in imu_link.
        linear_acceleration: (3,) m/s^2 in imu_link; +g upwards at rest.
        contact: (4,) bool, foot on the ground.
    """

    stamp: float
    position: Array
    velocity: Array
    effort: Array
    temperature: Array
    alarm: Array
    online: Array
    imu_stamp: float
    orientation: Array
    angular_velocity: Array
    linear_acceleration: Array
    contact: Array


@dataclass(frozen=True, eq=False)
class LegsTarget:
    """Targets of the 12 leg actuators: tau = kp (position - q) + kd (velocity - qd) + effort. All (12,)."""

    position: Array
    velocity: Array
    effort: Array
    kp: Array
    kd: Array


@dataclass(frozen=True, eq=False)
class ArmReading:
    """What the arm's servos measured: position (6,) rad, velocity (6,) rad/s, effort (6,) Nm."""

    stamp: float
    position: Array
    velocity: Array
    effort: Array


@dataclass(frozen=True, eq=False)
class ArmHealth:
    """The condition of the arm's servos.

    Attributes:
        temperature, voltage, current: (6,) degrees Celsius, V, A; NaN where it is not measured.
        faults: why the arm must not move, each with its remedy; empty if it may.
        warnings: what needs attention.
    """

    temperature: Array
    voltage: Array
    current: Array
    faults: Tuple[str, ...]
    warnings: Tuple[str, ...]


@dataclass(frozen=True)
class BatteryReading:
    """Battery at one instant; current is negative while discharging. A value that is not measured is NaN."""

    voltage: float
    current: float
    percentage: float


class Legs(Protocol):
    """Twelve leg actuators and the IMU. The PD law runs in the actuators."""

    def read(self) -> LegsReading:
        """The newest measurement.

        Raises:
            HardwareError: no measurement is available.
        """
        ...

    def write(self, target: LegsTarget) -> None:
        """Send targets; the actuators keep them until the next write or their own watchdog.

        Raises:
            HardwareError: the actuators cannot be reached.
        """
        ...


class Arm(Protocol):
    """Six position servos."""

    def read(self) -> ArmReading:
        """The newest measurement.

        Raises:
            HardwareError: no measurement is available.
        """
        ...

    def write(self, position: Array, strength: float = 1.0) -> None:
        """Send goal positions, (6,) rad, and limit the servos' torque to ``strength``, a share of 1.

        Raises:
            HardwareError: the servos cannot be reached.
        """
        ...

    def set_torque(self, enabled: bool) -> None:
        """Switch the servos' torque on or off. Switched on, they hold the arm where it is.

        Raises:
            HardwareError: the servos cannot be reached.
        """
        ...

    def health(self) -> ArmHealth:
        """The condition of the servos, also when `read` fails."""
        ...


class Battery(Protocol):
    """The battery's gauge."""

    def read(self) -> Optional[BatteryReading]:
        """The newest measurement, None before the first valid one."""
        ...
