"""The bridge between ROS and the hardware, real or simulated: states out, gated commands in."""

import math
from typing import Optional, Protocol, TypeVar

import numpy as np
import rospy
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_updater import DiagnosticStatusWrapper, Updater
from sensor_msgs.msg import BatteryState, Imu, JointState
from std_srvs.srv import SetBool, SetBoolRequest, SetBoolResponse
from trajectory_msgs.msg import JointTrajectory

from xdog.core.description import RobotDescription
from xdog.core.interfaces import (
    Arm,
    ArmHealth,
    ArmReading,
    Battery,
    BatteryReading,
    DeviceUnreachableError,
    HardwareError,
    Legs,
    LegsReading,
)
from xdog.msg import ArmState, LegCommand, LegState, SafetyState
from xdog.nodes.common import conversions
from xdog.nodes.common.callbacks import offer, subscribe
from xdog.safety.arm_gate import ArmGate
from xdog.safety.config import SafetyConfig
from xdog.safety.gate import INVALID_COMMAND, JUST_STARTED, CommandGate, GateOutput

STATE_QUEUE = 50
"""Messages a state publisher keeps for a slow subscriber. Commands keep one."""

SOLE_TOPICS = ("arm/state",)
"""Topics that only a bridge publishes: there is one bridge in a graph, whatever its name."""

LOG_PERIOD = 5.0
"""Shortest time between two equal lines in the log, s."""

Reading = TypeVar("Reading", covariant=True)


class Device(Protocol[Reading]):
    """A device that measures."""

    def read(self) -> Reading:
        """The newest measurement."""
        ...


class Bridge:
    """One cycle is `sense` (read and publish) and `act` (gate and write). A subclass owns the loop that calls them.

    Args:
        robot: the description.
        legs: None for an arm on a table; then there are no topics of the legs.
        arm: the arm.
        battery: None where there is no gauge.
        safety: limits of the gates.

    Attributes:
        rate: Hz at which cycles are to follow each other: that of legs/state, or of control where there are no legs.
    """

    def __init__(
        self, robot: RobotDescription, legs: Optional[Legs], arm: Arm, battery: Optional[Battery], safety: SafetyConfig
    ) -> None:
        self.robot = robot
        self._legs, self._arm, self._battery = legs, arm, battery
        self._safety = safety
        self._gate = CommandGate(robot, safety.gate)
        self._arm_gate = ArmGate(robot, safety.arm_gate, safety.gate)
        self._now = 0.0
        self._cycle = 0
        self._legs_reading: Optional[LegsReading] = None
        self._arm_reading: Optional[ArmReading] = None
        self._arm_health: Optional[ArmHealth] = None
        self._battery_reading: Optional[BatteryReading] = None
        self._verdict: Optional[GateOutput] = None
        self._arm_warning = ""
        self._arm_found = False
        rates = robot.rates
        self.rate = rates["state"] if legs else rates["control"]
        self._arm_every = max(round(self.rate / rates["joint_states"]), 1)
        self._battery_every = round(self.rate / rates["battery"])
        self._diagnostics_every = round(self.rate)
        self._advertise()
        self._subscribe()

    def _advertise(self) -> None:
        def publisher(topic: str, kind: type) -> rospy.Publisher:
            return rospy.Publisher(topic, kind, queue_size=STATE_QUEUE, tcp_nodelay=True)

        self._updater = Updater()
        self._updater.setHardwareID("xdog")
        if self._legs:
            self._leg_state = publisher("legs/state", LegState)
            self._imu = publisher("imu/data", Imu)
            self._updater.add("gate", self._diagnose_gate)
            self._updater.add("legs", self._diagnose_legs)
        if self._battery:
            self._battery_state = rospy.Publisher("battery", BatteryState, queue_size=1, latch=True)
            self._updater.add("battery", self._diagnose_battery)
        self._joint_states = publisher("joint_states", JointState)
        self._arm_state = publisher("arm/state", ArmState)
        self._updater.add("arm", self._diagnose_arm)

    def _subscribe(self) -> None:
        if self._legs:
            self.command_subscriber = subscribe("legs/command", LegCommand, self.on_leg_command)
        self.safety_subscriber = subscribe("safety/state", SafetyState, self.on_safety)
        self.arm_subscriber = subscribe("arm/command", JointTrajectory, self.on_arm_command)
        offer("set_torque", SetBool, self._set_torque)

    def on_leg_command(self, message: LegCommand) -> None:
        """Store a legs/command."""
        stamp = conversions.to_seconds(message.header.stamp)
        self._gate.on_command(
            self._now, stamp, message.name, message.position, message.velocity, message.effort, message.kp, message.kd
        )

    def on_safety(self, message: SafetyState) -> None:
        """Store a heartbeat of the safety supervisor."""
        reason = "; ".join(message.reasons)
        stamp = conversions.to_seconds(message.header.stamp)
        self._gate.on_safety(self._now, stamp, message.motion_allowed, reason)
        self._arm_gate.on_safety(self._now, stamp, message.motion_allowed, reason)

    def on_arm_command(self, message: JointTrajectory) -> None:
        """Store an arm/command: its first point is the goal. Without points it withdraws the goal."""
        stamp = conversions.to_seconds(message.header.stamp)
        if message.points:
            problem = self._arm_gate.on_command(self._now, stamp, message.joint_names, message.points[0].positions)
        else:
            problem = self._arm_gate.on_rest(self._now, stamp)
        if message.points or problem:
            self._arm_warning = problem
        if problem:
            rospy.logwarn_throttle(LOG_PERIOD, f"arm/command: {problem}")

    def _set_torque(self, request: SetBoolRequest) -> SetBoolResponse:
        self._arm_gate.forget()  # before the servos have torque: an arm that was moved by hand stays where it is
        try:
            self._arm.set_torque(request.data)
        except HardwareError as error:
            return SetBoolResponse(success=False, message=str(error))
        return SetBoolResponse(success=True, message=f"the arm's torque is {'on' if request.data else 'off'}")

    def sense(self, now: float, publish_legs: bool = True) -> None:
        """Read the devices and publish what is due.

        Args:
            now: s, the time of this cycle; watchdogs count on it.
            publish_legs: False keeps legs/state and imu/data back.
        """
        self._now = now
        self._legs_reading = self._read(self._legs) if self._legs else None
        if self._legs_reading and publish_legs:
            verdict = self._verdict
            active, reason = (verdict.active, verdict.reason) if verdict else (False, JUST_STARTED)
            self._leg_state.publish(conversions.leg_state_message(self._legs_reading, self.robot, active, reason))
            self._imu.publish(conversions.imu_message(self._legs_reading, self.robot))
        if self._cycle % self._arm_every == 0:
            self._sense_arm()
        if self._battery and self._cycle % self._battery_every == 0:
            self._publish_battery(self._battery, now)
        if self._cycle % self._diagnostics_every == 0:
            self._updater.force_update()

    def _sense_arm(self) -> None:
        before, self._arm_reading = self._arm_reading, self._read(self._arm)
        if self._arm_found and self._arm_reading and not before:
            self._arm_gate.forget()  # it may have been moved while it did not answer
        self._arm_found = self._arm_found or self._arm_reading is not None
        self._arm_health = self._arm.health()
        self._arm_gate.on_faults(self._arm_health.faults)
        self._arm_state.publish(conversions.arm_state_message(self._now, self._arm_health, self._arm_gate, self.robot))
        if self._legs_reading or (self._arm_reading and not self._legs):
            stamp = self._legs_reading.stamp if self._legs_reading else self._now
            self._joint_states.publish(
                conversions.joint_state_message(stamp, self._legs_reading, self._arm_reading, self.robot)
            )

    def act(self) -> None:
        """Let the gates decide and write their targets."""
        if self._legs and self._legs_reading:
            self._verdict = self._gate.apply(self._now, self._legs_reading.position)
            if self._verdict.warning:
                rospy.logwarn_throttle(LOG_PERIOD, f"legs/command: {self._verdict.warning}; clipped")
            try:
                self._legs.write(self._verdict.target)
            except HardwareError as error:
                rospy.logerr_throttle(LOG_PERIOD, str(error))
        if self._arm_found and self._cycle % self._arm_every == 0:
            self._act_arm()
        self._cycle += 1

    def _act_arm(self) -> None:
        reading = self._arm_reading
        here = reading.position if reading else np.full(len(self.robot.arm.names), math.nan)
        goal = self._arm_gate.apply(self._now, here)
        try:
            self._arm.write(goal, self._arm_gate.strength)
        except HardwareError as error:
            if isinstance(error, DeviceUnreachableError):
                self._arm_gate.on_unreachable()
            rospy.logerr_throttle(LOG_PERIOD, str(error))

    def damp(self) -> None:
        """Damp the legs; called last, on shutdown."""
        reading = self._read(self._legs) if self._legs else None
        if self._legs and reading:
            closed = CommandGate(self.robot, self._safety.gate)
            self._legs.write(closed.apply(reading.stamp, reading.position).target)

    @staticmethod
    def _read(device: Device[Reading]) -> Optional[Reading]:
        try:
            return device.read()
        except HardwareError as error:
            rospy.logerr_throttle(LOG_PERIOD, str(error))
            return None

    def _publish_battery(self, battery: Battery, now: float) -> None:
        self._battery_reading = self._read(battery)
        if self._battery_reading:
            self._battery_state.publish(conversions.battery_message(self._battery_reading, self.robot, now))

    def _diagnose_gate(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        verdict = self._verdict
        if verdict is None:
            status.summary(DiagnosticStatus.OK, "starting")
        elif verdict.active:
            level = DiagnosticStatus.WARN if verdict.warning else DiagnosticStatus.OK
            status.summary(level, verdict.warning or "following legs/command")
        else:
            refused = verdict.reason.startswith(INVALID_COMMAND)
            status.summary(DiagnosticStatus.ERROR if refused else DiagnosticStatus.OK, f"damping: {verdict.reason}")
        return status

    def _diagnose_legs(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        reading = self._legs_reading
        if reading is None:
            status.summary(DiagnosticStatus.ERROR, "the legs do not answer")
            return status
        names = self.robot.legs.names
        status.summary(DiagnosticStatus.OK, "all joints online")
        offline = [name for name, online in zip(names, reading.online) if not online]
        alarms = [f"{name} {code}" for name, code in zip(names, reading.alarm) if code]
        if offline:
            status.mergeSummary(DiagnosticStatus.ERROR, f"offline: {', '.join(offline)}")
        if alarms:
            status.mergeSummary(DiagnosticStatus.WARN, f"alarms: {', '.join(alarms)}")
        for name, temperature in zip(names, reading.temperature):
            status.add(f"{name} temperature (degC)", f"{temperature:.0f}")
        status.add("IMU age (ms)", f"{1e3 * (reading.stamp - reading.imu_stamp):.0f}")
        return status

    def _diagnose_arm(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        health = self._arm_health
        if health is None or not self._arm_found:
            status.summary(DiagnosticStatus.ERROR, "the arm does not answer")
        else:
            status.summary(DiagnosticStatus.OK, self._arm_gate.reason or "following arm/command")
        if self._arm_warning:
            status.mergeSummary(DiagnosticStatus.WARN, f"arm/command: {self._arm_warning}")
        if health is None:
            return status
        for level, texts in ((DiagnosticStatus.WARN, health.warnings), (DiagnosticStatus.ERROR, health.faults)):
            for text in texts:
                status.mergeSummary(level, text)
        for i, name in enumerate(self.robot.arm.names):
            status.add(f"{name} temperature (degC)", f"{health.temperature[i]:.0f}")
            status.add(f"{name} voltage (V)", f"{health.voltage[i]:.1f}")
            status.add(f"{name} current (A)", f"{health.current[i]:.2f}")
        return status

    def _diagnose_battery(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        reading = self._battery_reading
        if reading is None:
            status.summary(DiagnosticStatus.OK, "no measurement yet")
        else:
            status.summary(DiagnosticStatus.OK, f"{reading.voltage:.2f} V, {100 * reading.percentage:.0f} %")
        return status
