"""The arm of the running graph, for recording and replay: its measurements, its goals, and whether it may move."""

import threading
import time
from typing import Callable, List, Optional

import numpy as np
import rospy
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from xdog.core.description import DescriptionError, RobotDescription
from xdog.msg import ArmState, SafetyState
from xdog.nodes.common import clock, conversions
from xdog.nodes.common.callbacks import subscribe
from xdog.nodes.common.lockstep import LockstepClient
from xdog.nodes.common.master import master_problem
from xdog.nodes.common.start import join
from xdog.safety.config import load_safety_config
from xdog.safety.permission import SafetyPermission

Array = np.ndarray

FRESH = 0.5
"""s after which a command is too old to start a motion from."""
BEHIND = 1.0
"""s of wall time by which, in simulation, a busy machine may deliver messages later than /clock."""
SILENCE = 10.0
"""s of wall time after which a topic has stopped, whatever the graph's time: on a busy machine a simulation may pause,
but one that has ended never continues."""
STOPPED_FOLLOWING = ("holding: the arm does not follow", "holding: refused")
"""Beginnings of arm/mode when the controller no longer follows setpoints."""


class ArmLinkError(ConnectionError):
    """The running graph lacks something that is needed. The message names it and the remedy."""


def join_graph(name: str) -> None:
    """Become a node.

    Raises:
        ArmLinkError: there is no ROS master.
    """
    problem = master_problem()
    if problem:
        raise ArmLinkError(problem)
    join(name, anonymous=True)


class TopicAge:
    """How long ago a topic's newest message was received, in the graph's time and in wall time.

    Args:
        topic: its name.
        timeout: s of the graph's time from which its newest message no longer counts.
    """

    def __init__(self, topic: str, timeout: float) -> None:
        self._topic, self._timeout = topic, timeout
        self._graph = self._wall = -np.inf

    def received(self, stamp: rospy.Time) -> None:
        """Record the arrival of a message with this stamp."""
        self._graph, self._wall = clock.arrival(stamp), time.monotonic()

    def objection(self) -> str:
        """Why its newest message no longer counts; empty if it does."""
        silent = time.monotonic() - self._wall
        patience = self._timeout if rospy.rostime.is_wallclock() else BEHIND
        if silent > SILENCE or (silent > patience and abs(clock.now() - self._graph) > self._timeout):
            return f"no {self._topic} for {silent:.1f} s" if silent < np.inf else f"no {self._topic}"
        return ""


class ArmLink:
    """Subscribes to joint_states, safety/state and the states of arm_controller and bridge; publishes arm/setpoint.

    Args:
        robot: its description.
        on_joints: called with every measurement: stamp in s, joints (6,) rad, effort (6,) Nm, and the newest goal of
            the arm, (6,) rad.
        lockstep: client through which a simulation waits for this program.
    """

    def __init__(
        self,
        robot: RobotDescription,
        on_joints: Callable[[float, Array, Array, Array], None],
        lockstep: LockstepClient,
    ) -> None:
        self._robot, self._on_measured, self._lockstep = robot, on_joints, lockstep
        self._lock = threading.Lock()
        self._joints: Optional[Array] = None
        self._command: Optional[Array] = None
        self._stamp = self._commanded = -np.inf
        self._gate: Optional[ArmState] = None
        self._mode = self._interruption = ""
        ages = load_safety_config().listeners
        self._joints_age = TopicAge("joint_states", ages.state_timeout)
        self._safety_age = TopicAge("safety/state", ages.heartbeat_timeout)
        self._permission = SafetyPermission(ages.heartbeat_timeout)
        self._publisher = rospy.Publisher("arm/setpoint", JointTrajectory, queue_size=1, tcp_nodelay=True)
        subscribe("joint_states", JointState, self._on_joints, queue_size=100)
        subscribe("arm/command", JointTrajectory, self._on_command)
        subscribe("safety/state", SafetyState, self._on_safety)
        subscribe("arm/state", ArmState, self._on_state)
        subscribe("arm/mode", String, self._on_mode, queue_size=10)

    @property
    def joints(self) -> Optional[Array]:
        """Measured (6,) rad; None before the first measurement."""
        return self._joints

    def target(self) -> Optional[Array]:
        """The newest goal of the arm, (6,) rad; its measured joints if that is old."""
        with self._lock:
            if self._command is not None and abs(self._stamp - self._commanded) <= FRESH:
                return self._command
            return self._joints

    def objection(self) -> str:
        """Why the arm may not move; empty if it may."""
        forbidden = self._joints_age.objection() or self._safety_age.objection() or self._permission.refusal
        if forbidden:
            return forbidden
        state = self._gate
        if state is not None and state.gate != ArmState.ACTIVE:
            return state.gate_reason or "; ".join(state.faults) or "the bridge holds the arm"
        if not self._mode or not self._publisher.get_num_connections():
            return "no node subscribes to arm/setpoint: is arm_controller running?"
        return self._mode if self._mode.startswith("stopped") else ""

    def interruption(self) -> str:
        """Why the arm stopped following the setpoints since `watch`, or may not move; empty if it still follows."""
        return self._interruption or self.objection()

    def watch(self) -> None:
        """Clear earlier interruptions."""
        self._interruption = ""

    @property
    def mode(self) -> str:
        """What arm_controller does: the first word of arm/mode."""
        return self._mode.split(":")[0]

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
            rospy.logwarn_throttle(5.0, f"joint_states: {error}")
            return
        stamp, joints = conversions.to_seconds(message.header.stamp), np.array(message.position)[order]
        effort = np.array(message.effort)[order] if message.effort else np.zeros(len(order))
        with self._lock:
            self._stamp, self._joints = stamp, joints
        self._joints_age.received(message.header.stamp)
        target = self.target()
        assert target is not None, "measured just now"
        self._on_measured(stamp, joints, effort, target)
        self._lockstep.done(stamp)

    def _on_command(self, message: JointTrajectory) -> None:
        names: List[str] = list(message.joint_names)
        if not message.points or sorted(names) != sorted(self._robot.arm.names):
            return
        with self._lock:
            self._command = np.array(message.points[0].positions)[self._robot.arm.indices(names)]
            self._commanded = self._stamp

    def _on_safety(self, message: SafetyState) -> None:
        stamp = conversions.to_seconds(message.header.stamp)
        self._permission.update(stamp, stamp, message.motion_allowed, "; ".join(message.reasons))
        self._safety_age.received(message.header.stamp)

    def _on_state(self, message: ArmState) -> None:
        self._gate = message

    def _on_mode(self, message: String) -> None:
        self._mode = message.data
        if message.data.startswith(("stopped", *STOPPED_FOLLOWING)):
            self._interruption = message.data
