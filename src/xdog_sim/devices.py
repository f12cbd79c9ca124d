"""Simulated legs, arm and battery behind the protocols of xdog.core.interfaces, driven by the physics."""

from typing import Mapping, Optional

import numpy as np

from xdog.core.description import RobotDescription
from xdog.core.interfaces import ArmHealth, ArmReading, BatteryReading, LegsReading, LegsTarget
from xdog_sim.actuator import LegActuators, ServoGoals
from xdog_sim.battery import SimulatedBattery
from xdog_sim.config import BatteryConfig, SimConfig
from xdog_sim.faults import Faults
from xdog_sim.sensors import ImuSample, SimulatedEncoders, SimulatedImu

Array = np.ndarray


class SimulatedLegs:
    """Twelve actuators and the IMU. The bridge calls `read` and `write`, the physics calls the rest."""

    def __init__(
        self,
        robot: RobotDescription,
        config: SimConfig,
        random: np.random.Generator,
        faults: Faults,
        first: ImuSample,
    ) -> None:
        legs, settings = robot.legs, config.legs
        self._faults = faults
        self._temperature, self._contact_force = settings.temperature, settings.contact_force
        self._actuators = LegActuators(
            config.physics_step,
            legs.effort,
            legs.velocity,
            settings.corner_speed,
            settings.ramp,
            settings.command_delay,
        )
        self._encoders = SimulatedEncoders(len(legs.names), settings, random)
        self._imu = SimulatedImu(config.imu, random, first)
        self._imu_output = self._imu.read(first.stamp)
        self._torque = np.zeros(len(legs.names))
        self._reading: Optional[LegsReading] = None

    @property
    def encoder_offset(self) -> Array:
        """Constant error of the encoders, measured minus true angles, (12,) rad."""
        return self._encoders.offset

    def read(self) -> LegsReading:
        """The latest measurement."""
        assert self._reading is not None, "SimulatedRobot measures before the first read"
        return self._reading

    def write(self, target: LegsTarget) -> None:
        """Send targets; they take effect after the delay."""
        self._actuators.write(target)

    def hold(self, target: LegsTarget) -> None:
        """Apply ``target`` at once and discard pending targets."""
        self._actuators.restart(target)

    def torque(self, position: Array, velocity: Array) -> Array:
        """Actuator torques for the next physics step, (12,) Nm, from true angles (rad) and speeds (rad/s)."""
        self._torque = self._actuators.torque(position + self._encoders.offset, velocity) * self._faults.online
        return self._torque

    def restart(self, sample: ImuSample) -> None:
        """Reset the IMU after the robot was moved; ``sample`` is the new ground truth."""
        self._imu.restart(sample)

    def measure(self, now: float, position: Array, velocity: Array, foot_force: Array, sample: ImuSample) -> None:
        """Measure the ground truth at ``now`` (s): joints (12,), normal forces on the feet (4,) N, IMU sample."""
        faults = self._faults
        self._imu.add(sample)
        if not faults.imu_stale:
            self._imu_output = self._imu.read(now)
        imu = self._imu_output
        measured = self._encoders.measure(position, velocity, self._torque)
        self._reading = LegsReading(
            stamp=now,
            position=measured[0],
            velocity=measured[1],
            effort=measured[2],
            temperature=np.where(np.isnan(faults.temperature), self._temperature, faults.temperature),
            alarm=faults.alarm.copy(),
            online=faults.online.copy(),
            imu_stamp=imu.stamp,
            orientation=imu.orientation[[1, 2, 3, 0]],
            angular_velocity=imu.angular_velocity,
            linear_acceleration=imu.linear_acceleration,
            contact=foot_force > self._contact_force,
        )


class SimulatedArm:
    """Six position servos."""

    def __init__(self, robot: RobotDescription, config: SimConfig) -> None:
        self._goals = ServoGoals(config.physics_step, robot.arm.velocity, config.arm.acceleration, config.arm.backlash)
        self._names = robot.arm.names
        self._encoder_step = config.arm.encoder_step
        self._reading: Optional[ArmReading] = None
        self.torque_enabled = True
        self.strength = 1.0

    def read(self) -> ArmReading:
        """The latest measurement."""
        assert self._reading is not None, "SimulatedRobot measures before the first read"
        return self._reading

    def write(self, position: Array, strength: float = 1.0) -> None:
        """Send goals, (6,) rad; ``strength`` limits the torque, 0 to 1 of its maximum."""
        self._goals.write(position)
        self.strength = strength

    def health(self) -> ArmHealth:
        """Simulated servos have no faults; temperature, voltage and current are not simulated."""
        unknown = np.full(len(self._names), np.nan)
        return ArmHealth(unknown, unknown, unknown, (), ())

    def set_torque(self, enabled: bool) -> None:
        """Switch the torque on or off. When switched on, the servos hold the arm where it is."""
        if enabled and not self.torque_enabled:
            self._goals.restart(self.read().position)
        self.torque_enabled = enabled

    @property
    def torque_share(self) -> float:
        """Fraction of the maximum torque that the servos may use, 0 to 1."""
        return self.strength if self.torque_enabled else 0.0

    def restart(self, position: Array) -> None:
        """Reset the servos after the arm was moved to ``position``, (6,) rad; they hold it there."""
        self._goals.restart(position)

    def advance(self) -> Array:
        """Goals for the next physics step, (6,) rad."""
        return self._goals.advance()

    def measure(self, now: float, position: Array, velocity: Array, effort: Array) -> None:
        """Measure the ground truth at ``now`` (s): (6,) rad, rad/s, Nm."""
        step = self._encoder_step
        quantized = np.round(position / step) * step if step else position.copy()
        self._reading = ArmReading(stamp=now, position=quantized, velocity=velocity.copy(), effort=effort.copy())


class SimulatedGauge:
    """The battery and its fuel gauge."""

    def __init__(self, pack: Mapping[str, float], config: BatteryConfig, faults: Faults) -> None:
        self._battery = SimulatedBattery(pack, config)
        self._electronics, self._first_reading = config.electronics, config.first_reading
        self._faults = faults
        self._now = 0.0

    def drain(self, now: float, energy: float, duration: float) -> None:
        """Draw the legs' ``energy`` (J), plus that of the electronics, over the ``duration`` (s) before ``now``."""
        self._now = now
        self._battery.drain(energy + self._electronics * duration, duration)

    def read(self) -> Optional[BatteryReading]:
        """The latest measurement, None before the first."""
        if self._now < self._first_reading:
            return None
        reading, voltage = self._battery.read(), self._faults.battery_voltage
        return reading if voltage is None else BatteryReading(voltage, reading.current, reading.percentage)
