"""The arm of the running graph, as recording and replay need it: what it measures, where it is sent, whether it may."""

import threading
from typing import Callable, List, Optional

import numpy as np
import rosgraph
import rospy
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from xdog.description import DescriptionError, RobotDescription
from xdog.msg import SafetyState
from xdog.nodes import conversions

Array = np.ndarray

FRESH = 0.5
"""s after which a measurement or a command is too old to begin a motion from."""


class GraphError(ConnectionError):
    """The running graph lacks something that is needed. The message says what, and what to do."""


def join_graph(name: str) -> None:
    """Become a node.

    Raises:
        GraphError: there is no ROS master.
    """
    if not rosgraph.is_master_online():
        raise GraphError(
            f"no ROS master at {rosgraph.get_master_uri()}: start the robot or its mirror first ('./xdog sim'), or set "
            "ROS_MASTER_URI"
        )
    rospy.init_node(name, anonymous=True, disable_signals=True)


class ArmLink:
    """Listens to joint_states, arm/command and safety/state; speaks arm/setpoint.

    Args:
        robot: its description.
        on_joints: called with every measurement: stamp in s, joints (6,) rad, effort (6,) Nm, and
            where the arm was sent last, (6,) rad.
    """

    def __init__(self, robot: RobotDescription, on_joints: Callable[[float, Array, Array, Array], None]) -> None:
        self._robot, self._on_measured = robot, on_joints
        self._lock = threading.Lock()
        self._joints: Optional[Array] = None
        self._command: Optional[Array] = None
        self._stamp = self._commanded = -np.inf
        self._safety: Optional[SafetyState] = None
        self._publisher = rospy.Publisher("arm/setpoint", JointTrajectory, queue_size=1, tcp_nodelay=True)
        rospy.Subscriber("joint_states", JointState, self._on_joints, queue_size=100, tcp_nodelay=True)
        rospy.Subscriber("arm/command", JointTrajectory, self._on_command, queue_size=1, tcp_nodelay=True)
        rospy.Subscriber("safety/state", SafetyState, self._on_safety, queue_size=1)

    @property
    def joints(self) -> Optional[Array]:
        """Measured (6,) rad; None before the first measurement."""
        return self._joints

    def target(self) -> Optional[Array]:
        """Where the arm was sent last, (6,) rad; where it is if it was not sent anywhere lately."""
        with self._lock:
            if self._command is not None and self._stamp - self._commanded <= FRESH:
                return self._command
            return self._joints

    def objection(self) -> str:
        """Why the arm may not move; empty if it may."""
        safety = self._safety
        if self._joints is None:
            return "no joint_states"
        if safety is None:
            return "no safety/state"
        return "" if safety.motion_allowed else "; ".join(safety.reasons) or "safety/state forbids motion"

    def listeners(self) -> int:
        """How many nodes take arm/setpoint: one, the arm controller, if the graph is whole."""
        return int(self._publisher.get_num_connections())

    def send(self, target: Array, duration: float) -> None:
        """Publish a setpoint: (6,) rad, to be reached in ``duration`` s."""
        point = JointTrajectoryPoint(positions=target.tolist(), time_from_start=rospy.Duration.from_sec(duration))
        message = JointTrajectory(joint_names=list(self._robot.arm.names), points=[point])
        message.header.stamp = rospy.Time.now()
        self._publisher.publish(message)

    def _on_joints(self, message: JointState) -> None:
        try:
            order = self._robot.arm.indices(message.name)
        except DescriptionError as error:
            rospy.logwarn_throttle(5.0, f"joint_states are of no use: {error}")
            return
        stamp, joints = conversions.to_seconds(message.header.stamp), np.array(message.position)[order]
        effort = np.array(message.effort)[order] if message.effort else np.zeros(len(order))
        with self._lock:
            self._stamp, self._joints = stamp, joints
        target = self.target()
        assert target is not None, "measured just now"
        self._on_measured(stamp, joints, effort, target)

    def _on_command(self, message: JointTrajectory) -> None:
        names: List[str] = list(message.joint_names)
        if not message.points or sorted(names) != sorted(self._robot.arm.names):
            return
        with self._lock:
            self._command = np.array(message.points[0].positions)[self._robot.arm.indices(names)]
            self._commanded = self._stamp

    def _on_safety(self, message: SafetyState) -> None:
        self._safety = message
