"""The bridge between ROS and the hardware, real or simulated: states out, gated commands in."""

from typing import Optional

import rospy
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_updater import DiagnosticStatusWrapper, Updater
from sensor_msgs.msg import BatteryState, Imu, JointState
from std_srvs.srv import SetBool, SetBoolRequest, SetBoolResponse
from trajectory_msgs.msg import JointTrajectory

from xdog.description import RobotDescription
from xdog.hardware.base import Arm, ArmReading, Battery, BatteryReading, HardwareError, Legs, LegsReading
from xdog.msg import LegCommand, LegState, SafetyState
from xdog.nodes import conversions
from xdog.safety.config import SafetyConfig
from xdog.safety.gate import INVALID_COMMAND, JUST_STARTED, ArmGate, CommandGate, GateOutput

STATE_QUEUE = 50
"""Messages a state publisher keeps for a slow listener. Commands keep one."""

LOG_PERIOD = 5.0
"""Shortest time between two equal lines in the log, s."""


class Bridge:
    """One cycle is `sense` (read and publish) and `act` (gate and write). Whoever owns the loop calls them in turn.

    Args:
        robot: the description.
        legs, arm, battery: the devices.
        safety: figures of the gates.
    """

    def __init__(self, robot: RobotDescription, legs: Legs, arm: Arm, battery: Battery, safety: SafetyConfig) -> None:
        self.robot = robot
        self._legs, self._arm, self._battery = legs, arm, battery
        self._safety = safety
        self._gate = CommandGate(robot, safety.gate)
        self._arm_gate = ArmGate(robot, safety.arm_gate, safety.gate.heartbeat_timeout)
        self._now = 0.0
        self._cycle = 0
        self._legs_reading: Optional[LegsReading] = None
        self._arm_reading: Optional[ArmReading] = None
        self._battery_reading: Optional[BatteryReading] = None
        self._verdict: Optional[GateOutput] = None
        self._arm_warning = ""
        rates = robot.rates
        self._joint_states_every = round(rates["state"] / rates["joint_states"])
        self._battery_every = round(rates["state"] / rates["battery"])
        self._diagnostics_every = round(rates["state"])
        self._advertise()
        self._listen()

    def _advertise(self) -> None:
        self._leg_state = rospy.Publisher("legs/state", LegState, queue_size=STATE_QUEUE, tcp_nodelay=True)
        self._imu = rospy.Publisher("imu/data", Imu, queue_size=STATE_QUEUE, tcp_nodelay=True)
        self._joint_states = rospy.Publisher("joint_states", JointState, queue_size=STATE_QUEUE, tcp_nodelay=True)
        self._battery_state = rospy.Publisher("battery", BatteryState, queue_size=1, latch=True)
        self._updater = Updater()
        self._updater.setHardwareID("xdog")
        self._updater.add("gate", self._diagnose_gate)
        self._updater.add("legs", self._diagnose_legs)
        self._updater.add("arm", self._diagnose_arm)
        self._updater.add("battery", self._diagnose_battery)

    def _listen(self) -> None:
        def listen(topic: str, kind: type, callback: object) -> rospy.Subscriber:
            return rospy.Subscriber(topic, kind, callback, queue_size=1, tcp_nodelay=True)

        self.command_subscriber = listen("legs/command", LegCommand, self.on_leg_command)
        self.safety_subscriber = listen("safety/state", SafetyState, self.on_safety)
        listen("arm/command", JointTrajectory, self.on_arm_command)
        rospy.Service("set_torque", SetBool, self._set_torque)

    def on_leg_command(self, message: LegCommand) -> None:
        """legs/command came in."""
        stamp = conversions.to_seconds(message.header.stamp)
        self._gate.on_command(
            self._now, stamp, message.name, message.position, message.velocity, message.effort, message.kp, message.kd
        )

    def on_safety(self, message: SafetyState) -> None:
        """A heartbeat of the safety supervisor came in."""
        reason = "; ".join(message.reasons)
        stamp = conversions.to_seconds(message.header.stamp)
        self._gate.on_safety(self._now, stamp, message.motion_allowed, reason)
        self._arm_gate.on_safety(self._now, stamp, message.motion_allowed, reason)

    def on_arm_command(self, message: JointTrajectory) -> None:
        """arm/command came in: its first point is the goal."""
        if message.points:
            problem = self._arm_gate.on_command(self._now, message.joint_names, message.points[0].positions)
        else:
            problem = f"{INVALID_COMMAND} the trajectory has no point"
        self._arm_warning = problem
        if problem:
            rospy.logwarn_throttle(LOG_PERIOD, f"arm/command: {problem}")

    def _set_torque(self, request: SetBoolRequest) -> SetBoolResponse:
        self._arm_gate.forget()  # before the servos have torque, so that the arm stays where somebody moved it
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
        self._legs_reading = self._read_legs()
        if self._legs_reading and publish_legs:
            verdict = self._verdict
            active, reason = (verdict.active, verdict.reason) if verdict else (False, JUST_STARTED)
            self._leg_state.publish(conversions.leg_state_message(self._legs_reading, self.robot, active, reason))
            self._imu.publish(conversions.imu_message(self._legs_reading, self.robot))
        if self._cycle % self._joint_states_every == 0:
            self._arm_reading = self._read_arm()
            if self._legs_reading:
                self._joint_states.publish(
                    conversions.joint_state_message(self._legs_reading, self._arm_reading, self.robot)
                )
        if self._cycle % self._battery_every == 0:
            self._publish_battery(now)
        if self._cycle % self._diagnostics_every == 0:
            self._updater.force_update()

    def act(self) -> None:
        """Let the gates decide and write their targets."""
        if self._legs_reading:
            self._verdict = self._gate.apply(self._now, self._legs_reading.position)
            if self._verdict.warning:
                rospy.logwarn_throttle(LOG_PERIOD, f"legs/command: {self._verdict.warning}; cut down")
            try:
                self._legs.write(self._verdict.target)
            except HardwareError as error:
                rospy.logerr_throttle(LOG_PERIOD, str(error))
        if self._arm_reading and self._cycle % self._joint_states_every == 0:
            try:
                self._arm.write(self._arm_gate.apply(self._now, self._arm_reading.position))
            except HardwareError as error:
                rospy.logerr_throttle(LOG_PERIOD, str(error))
        self._cycle += 1

    def damp(self) -> None:
        """Leave the legs damped: the last thing that a bridge does."""
        reading = self._read_legs()
        if reading:
            closed = CommandGate(self.robot, self._safety.gate)
            self._legs.write(closed.apply(reading.stamp, reading.position).target)

    def _read_legs(self) -> Optional[LegsReading]:
        try:
            return self._legs.read()
        except HardwareError as error:
            rospy.logerr_throttle(LOG_PERIOD, str(error))
            return None

    def _read_arm(self) -> Optional[ArmReading]:
        try:
            return self._arm.read()
        except HardwareError as error:
            rospy.logerr_throttle(LOG_PERIOD, str(error))
            return None

    def _publish_battery(self, now: float) -> None:
        try:
            self._battery_reading = self._battery.read()
        except HardwareError as error:
            rospy.logerr_throttle(LOG_PERIOD, str(error))
            return
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
        if self._arm_reading is None:
            status.summary(DiagnosticStatus.ERROR, "the arm does not answer")
        else:
            status.summary(DiagnosticStatus.OK, "answers")
        if self._arm_warning:
            status.mergeSummary(DiagnosticStatus.WARN, f"arm/command: {self._arm_warning}")
        return status

    def _diagnose_battery(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        reading = self._battery_reading
        if reading is None:
            status.summary(DiagnosticStatus.OK, "no measurement yet")
        else:
            status.summary(DiagnosticStatus.OK, f"{reading.voltage:.2f} V, {100 * reading.percentage:.0f} %")
        return status
