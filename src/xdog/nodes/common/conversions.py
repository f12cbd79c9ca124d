"""Conversions between ROS messages and XDog's plain types. Joints are matched by name in both directions."""

import math
from typing import Optional, Sequence

import numpy as np
import rospy
from geometry_msgs.msg import Quaternion, Vector3
from sensor_msgs.msg import BatteryState, Image, Imu, JointState

from xdog.arm.trajectory import Goal, Point, Tolerance
from xdog.core.description import RobotDescription
from xdog.core.interfaces import ArmHealth, ArmReading, BatteryReading, LegsReading, LegsTarget
from xdog.msg import ArmState, LegCommand, LegState
from xdog.nodes.common.standard_messages import FollowJointTrajectoryGoal
from xdog.safety.arm_gate import ArmGate

Array = np.ndarray

NANOSECONDS = 1_000_000_000
COLOURS = {"rgb8": (0, 1, 2), "bgr8": (2, 1, 0)}
"""Indices of red, green and blue in a pixel, by the supported image encodings."""


class MessageError(ValueError):
    """A message does not fit the robot. The text names the problem."""


def to_time(seconds: float) -> rospy.Time:
    """Seconds as a ROS time, rounded to the nanosecond (rospy's own conversion truncates)."""
    return rospy.Time(*divmod(round(seconds * NANOSECONDS), NANOSECONDS))


def to_seconds(stamp: rospy.Time) -> float:
    """A ROS time in seconds."""
    return stamp.secs + stamp.nsecs / NANOSECONDS


def image_message(pixels: Array, stamp: float, frame: str) -> Image:
    """Pixels (height, width, 3) uint8 RGB, taken at ``stamp`` (s), as an image message."""
    height, width, _ = pixels.shape
    message = Image(height=height, width=width, encoding="rgb8", step=3 * width, data=pixels.tobytes())
    message.header.stamp, message.header.frame_id = to_time(stamp), frame
    return message


def image_pixels(message: Image) -> Array:
    """An image's pixels, (height, width, 3) uint8 RGB.

    Raises:
        MessageError: the encoding is not supported, or bytes are missing.
    """
    if message.encoding not in COLOURS:
        raise MessageError(f"its encoding is {message.encoding}, not one of {', '.join(COLOURS)}")
    if message.step < 3 * message.width or len(message.data) < message.step * message.height:
        raise MessageError(f"{len(message.data)} bytes, rows of {message.step}, for {message.width} x {message.height}")
    rows = np.frombuffer(message.data, np.uint8, message.step * message.height).reshape(message.height, message.step)
    pixels: Array = rows[:, : 3 * message.width].reshape(message.height, message.width, 3)
    return pixels[:, :, COLOURS[message.encoding]]


def leg_state_message(
    reading: LegsReading, robot: RobotDescription, active: bool = False, gate_reason: str = ""
) -> LegState:
    """A reading as legs/state; ``active`` and ``gate_reason`` are the bridge gate's verdict."""
    message = LegState()
    message.header.stamp = to_time(reading.stamp)
    message.header.frame_id = robot.frames["imu"]
    message.name = robot.legs.names
    message.position = reading.position.tolist()
    message.velocity = reading.velocity.tolist()
    message.effort = reading.effort.tolist()
    message.temperature = reading.temperature.tolist()
    message.alarm = bytes(reading.alarm.tolist())
    message.online = reading.online.tolist()
    message.imu_stamp = to_time(reading.imu_stamp)
    message.orientation = Quaternion(*reading.orientation.tolist())
    message.angular_velocity = Vector3(*reading.angular_velocity.tolist())
    message.linear_acceleration = Vector3(*reading.linear_acceleration.tolist())
    message.foot = robot.feet
    message.contact = reading.contact.tolist()
    message.gate = LegState.ACTIVE if active else LegState.DAMPING
    message.gate_reason = gate_reason
    return message


def legs_reading(message: LegState, robot: RobotDescription) -> LegsReading:
    """legs/state as a reading, in the description's order.

    Raises:
        MessageError: a joint or foot is missing, or a list has another length than its names.
    """
    joints = _order(message.name, robot.legs.names, "joints")
    feet = _order(message.foot, robot.feet, "feet")

    def column(label: str, values: Sequence[float], order: Array) -> Array:
        if len(values) < len(order) or len(values) != len(message.foot if order is feet else message.name):
            raise MessageError(f"legs/state: {len(values)} values of {label}, one for each name is needed")
        return np.array(values)[order]

    q, w, a = message.orientation, message.angular_velocity, message.linear_acceleration
    return LegsReading(
        stamp=to_seconds(message.header.stamp),
        position=column("position", message.position, joints),
        velocity=column("velocity", message.velocity, joints),
        effort=column("effort", message.effort, joints),
        temperature=column("temperature", message.temperature, joints),
        alarm=column("alarm", list(message.alarm), joints),
        online=column("online", message.online, joints),
        imu_stamp=to_seconds(message.imu_stamp),
        orientation=np.array([q.x, q.y, q.z, q.w]),
        angular_velocity=np.array([w.x, w.y, w.z]),
        linear_acceleration=np.array([a.x, a.y, a.z]),
        contact=column("contact", message.contact, feet),
    )


def _order(got: Sequence[str], wanted: Sequence[str], what: str) -> Array:
    indices = {name: i for i, name in enumerate(got)}
    missing = [name for name in wanted if name not in indices]
    if missing:
        raise MessageError(f"legs/state lacks the {what} {', '.join(missing)}")
    return np.array([indices[name] for name in wanted])


def leg_command_message(target: LegsTarget, robot: RobotDescription, stamp: float) -> LegCommand:
    """Targets as legs/command; ``stamp`` (s) is that of the legs/state that they answer."""
    message = LegCommand()
    message.header.stamp = to_time(stamp)
    message.name = robot.legs.names
    message.position = target.position.tolist()
    message.velocity = target.velocity.tolist()
    message.effort = target.effort.tolist()
    message.kp = target.kp.tolist()
    message.kd = target.kd.tolist()
    return message


def joint_state_message(
    stamp: float, legs: Optional[LegsReading], arm: Optional[ArmReading], robot: RobotDescription
) -> JointState:
    """All joints as joint_states, stamped ``stamp`` (s): legs, then arm, without those that do not answer."""
    message = JointState()
    message.header.stamp = to_time(stamp)
    for reading, group in ((legs, robot.legs), (arm, robot.arm)):
        if reading is not None:
            message.name += group.names
            for field in ("position", "velocity", "effort"):
                getattr(message, field).extend(getattr(reading, field).tolist())
    return message


def arm_state_message(stamp: float, health: ArmHealth, gate: ArmGate, robot: RobotDescription) -> ArmState:
    """The arm's health and its gate's verdict as arm/state, stamped ``stamp`` (s)."""
    message = ArmState()
    message.header.stamp = to_time(stamp)
    message.name = robot.arm.names
    message.temperature = health.temperature.tolist()
    message.voltage = health.voltage.tolist()
    message.current = health.current.tolist()
    message.faults, message.warnings = list(health.faults), list(health.warnings)
    message.gate = ArmState.HOLDING if gate.reason else ArmState.ACTIVE
    message.gate_reason = gate.reason
    message.strength = gate.strength
    return message


def imu_message(reading: LegsReading, robot: RobotDescription) -> Imu:
    """The IMU part of a reading as imu/data (REP 145); zero covariances mean unknown."""
    message = Imu()
    message.header.stamp = to_time(reading.imu_stamp)
    message.header.frame_id = robot.frames["imu"]
    message.orientation = Quaternion(*reading.orientation.tolist())
    message.angular_velocity = Vector3(*reading.angular_velocity.tolist())
    message.linear_acceleration = Vector3(*reading.linear_acceleration.tolist())
    return message


def battery_message(reading: BatteryReading, robot: RobotDescription, stamp: float) -> BatteryState:
    """A battery reading; cells and temperature are not measured and stay NaN or empty."""
    message = BatteryState()
    message.header.stamp = to_time(stamp)
    message.voltage, message.current, message.percentage = reading.voltage, reading.current, reading.percentage
    message.capacity = message.design_capacity = robot.battery["capacity"]
    message.charge = reading.percentage * message.capacity
    message.temperature = math.nan
    message.present = True
    message.power_supply_technology = BatteryState.POWER_SUPPLY_TECHNOLOGY_LION
    discharging = reading.current < 0.0
    message.power_supply_status = (
        BatteryState.POWER_SUPPLY_STATUS_DISCHARGING if discharging else BatteryState.POWER_SUPPLY_STATUS_NOT_CHARGING
    )
    return message


def trajectory_goal(message: FollowJointTrajectoryGoal) -> Goal:
    """The goal of a FollowJointTrajectory action."""
    trajectory = message.trajectory
    path, end = (
        [Tolerance(entry.name, entry.position, entry.velocity, entry.acceleration) for entry in entries]
        for entries in (message.path_tolerance, message.goal_tolerance)
    )
    return Goal(
        names=trajectory.joint_names,
        points=[
            Point(point.time_from_start.to_sec(), point.positions, point.velocities, point.accelerations)
            for point in trajectory.points
        ],
        stamp=to_seconds(trajectory.header.stamp),
        path_tolerance=path,
        goal_tolerance=end,
        goal_time_tolerance=message.goal_time_tolerance.to_sec(),
    )
