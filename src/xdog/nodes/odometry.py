"""Node: leg odometry. legs/state in; odom and tf odom -> base_footprint -> base_link out."""

from typing import List

import rospy
from geometry_msgs.msg import Point, Quaternion, Transform, TransformStamped, Vector3
from nav_msgs.msg import Odometry
from tf2_ros import TransformBroadcaster

from xdog.core.description import RobotDescription, load_description
from xdog.core.rotations import euler_quaternion
from xdog.core.timers import PeriodFilter
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.odometry import Estimate, LegOdometry
from xdog.msg import LegState
from xdog.nodes.common import conversions
from xdog.nodes.common.callbacks import subscribe
from xdog.nodes.common.run import run

LOG_PERIOD = 5.0
"""Shortest time between two equal lines in the log, s."""
STATE_QUEUE = 200
"""Every legs/state is integrated, so this many may wait."""


class OdometryNode:
    """Integrates every legs/state and publishes once per control period."""

    def __init__(self, robot: RobotDescription, odometry: LegOdometry) -> None:
        self._robot = robot
        self._odometry = odometry
        self._period = PeriodFilter(1.0 / robot.rates["control"])
        self._publisher = rospy.Publisher("odom", Odometry, queue_size=10, tcp_nodelay=True)
        self._broadcaster = TransformBroadcaster()
        subscribe("legs/state", LegState, self._on_legs, queue_size=STATE_QUEUE)

    def _on_legs(self, message: LegState) -> None:
        try:
            estimate = self._odometry.update(conversions.legs_reading(message, self._robot))
        except (conversions.MessageError, ValueError) as error:
            rospy.logerr_throttle(LOG_PERIOD, f"odometry is not updated: {error}")
            return
        if self._period.is_first(estimate.stamp):
            self._publisher.publish(self._message(message.header.stamp, estimate))
            self._broadcaster.sendTransform(self._transforms(message.header.stamp, estimate))

    def _message(self, stamp: rospy.Time, estimate: Estimate) -> Odometry:
        message = Odometry()
        message.header.stamp = stamp
        message.header.frame_id = self._robot.frames["odom"]
        message.child_frame_id = self._robot.frames["footprint"]
        message.pose.pose.position = Point(estimate.x, estimate.y, 0.0)
        message.pose.pose.orientation = Quaternion(*euler_quaternion(0.0, 0.0, estimate.yaw).tolist())
        message.pose.covariance = self._odometry.pose_covariance(estimate).tolist()
        message.twist.twist.linear = Vector3(*estimate.velocity.tolist())
        message.twist.twist.angular.z = estimate.yaw_rate
        message.twist.covariance = self._odometry.twist_covariance().tolist()
        return message

    def _transforms(self, stamp: rospy.Time, estimate: Estimate) -> List[TransformStamped]:
        frames = self._robot.frames
        flat, tilted = euler_quaternion(0.0, 0.0, estimate.yaw), euler_quaternion(estimate.roll, estimate.pitch, 0.0)
        links = (
            (frames["odom"], frames["footprint"], Vector3(estimate.x, estimate.y, 0.0), flat),
            (frames["footprint"], frames["base"], Vector3(0.0, 0.0, estimate.height), tilted),
        )
        transforms = []
        for parent, child, translation, rotation in links:
            link = TransformStamped(child_frame_id=child)
            link.header.stamp, link.header.frame_id = stamp, parent
            link.transform = Transform(translation, Quaternion(*rotation.tolist()))
            transforms.append(link)
        return transforms


def build() -> OdometryNode:
    """The node, from its configuration files."""
    robot, config = load_description(), load_locomotion_config()
    return OdometryNode(robot, LegOdometry(robot, config.odometry))


def main() -> None:
    """Run the node."""
    run("odometry", build)
