"""The arm of the running graph, as recording and replay need it: what it measures, where it is sent, whether it may."""

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
from xdog.nodes.common.lockstep import LockstepClient
from xdog.nodes.common.master import master_problem
from xdog.nodes.common.start import join

Array = np.ndarray

FRESH = 0.5
"""s after which a command is too old to begin a motion from."""
AGE = 0.3
"""s of the graph's time after which joint_states and safety/state say nothing any more."""
BEHIND = 1.0
"""s of wall time for which, in simulation, a busy machine may be behind with what has come in while /clock is ahead."""
SILENCE = 10.0
"""s of wall time after which they don't, whatever the graph's time: a mirror on a busy machine may pause a little, one
that has ended never goes on."""
LET_GO = ("holding: the arm does not follow", "holding: refused")
"""How arm/mode begins when the controller follows setpoints no longer."""


class ArmLinkError(ConnectionError):
    """The running graph lacks something that is needed. The message says what, and what to do."""


def join_graph(name: str) -> None:
    """Become a node.

    Raises:
        GraphError: there is no ROS master.
    """
    problem = master_problem()
    if problem:
        raise ArmLinkError(problem)
    join(name, anonymous=True)


class TopicAge:
    """When a topic was heard last, in the graph's time and by the wall. Without a message yet, never."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._graph = self._wall = -np.inf

    def beat(self, stamp: rospy.Time) -> None:
        """A message with this stamp came in."""
        self._graph, self._wall = clock.arrival(stamp), time.monotonic()

    def objection(self) -> str:
        """Why it is of no use; empty if it is fresh."""
        silent = time.monotonic() - self._wall
        patience = AGE if rospy.rostime.is_wallclock() else BEHIND
        if silent > SILENCE or (silent > patience and clock.now() - self._graph > AGE):
            return f"no {self._topic} for {silent:.1f} s" if silent < np.inf else f"no {self._topic}"
        return ""


class ArmLink:
    """Listens to joint_states, safety/state and what arm_controller and bridge say; speaks arm/setpoint.

    Args:
        robot: its description.
        on_joints: called with every measurement: stamp in s, joints (6,) rad, effort (6,) Nm, and
            where the arm was sent last, (6,) rad.
        guest: by which a mirror in lockstep waits for this program.
    """

    def __init__(
        self,
        robot: RobotDescription,
        on_joints: Callable[[float, Array, Array, Array], None],
        guest: LockstepClient,
    ) -> None:
        self._robot, self._on_measured, self._guest = robot, on_joints, guest
        self._lock = threading.Lock()
        self._joints: Optional[Array] = None
        self._command: Optional[Array] = None
        self._stamp = self._commanded = -np.inf
        self._safety: Optional[SafetyState] = None
        self._gate: Optional[ArmState] = None
        self._mode = self._let_go = ""
        self._joints_pulse, self._safety_pulse = TopicAge("joint_states"), TopicAge("safety/state")
        self._publisher = rospy.Publisher("arm/setpoint", JointTrajectory, queue_size=1, tcp_nodelay=True)
        rospy.Subscriber("joint_states", JointState, self._on_joints, queue_size=100, tcp_nodelay=True)
        rospy.Subscriber("arm/command", JointTrajectory, self._on_command, queue_size=1, tcp_nodelay=True)
        rospy.Subscriber("safety/state", SafetyState, self._on_safety, queue_size=1, tcp_nodelay=True)
        rospy.Subscriber("arm/state", ArmState, self._on_state, queue_size=1)
        rospy.Subscriber("arm/mode", String, self._on_mode, queue_size=10)

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
        silent = self._joints_pulse.objection() or self._safety_pulse.objection()
        safety, state = self._safety, self._gate
        if silent or safety is None:
            return silent or "no safety/state"
        if not safety.motion_allowed:
            return "; ".join(safety.reasons) or "safety/state forbids motion"
        if state is not None and state.gate != ArmState.ACTIVE:
            return state.gate_reason or "; ".join(state.faults) or "the bridge holds the arm"
        if not self._mode or not self._publisher.get_num_connections():
            return "nobody takes arm/setpoint: is arm_controller running?"
        return self._mode if self._mode.startswith("stopped") else ""

    def interruption(self) -> str:
        """Why the arm stopped following the setpoints since `watch`, or may not move; empty if it goes on."""
        return self._let_go or self.objection()

    def watch(self) -> None:
        """Forget what interrupted the arm before."""
        self._let_go = ""

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
            rospy.logwarn_throttle(5.0, f"joint_states are of no use: {error}")
            return
        stamp, joints = conversions.to_seconds(message.header.stamp), np.array(message.position)[order]
        effort = np.array(message.effort)[order] if message.effort else np.zeros(len(order))
        with self._lock:
            self._stamp, self._joints = stamp, joints
        self._joints_pulse.beat(message.header.stamp)
        target = self.target()
        assert target is not None, "measured just now"
        self._on_measured(stamp, joints, effort, target)
        self._guest.come(stamp)

    def _on_command(self, message: JointTrajectory) -> None:
        names: List[str] = list(message.joint_names)
        if not message.points or sorted(names) != sorted(self._robot.arm.names):
            return
        with self._lock:
            self._command = np.array(message.points[0].positions)[self._robot.arm.indices(names)]
            self._commanded = self._stamp

    def _on_safety(self, message: SafetyState) -> None:
        self._safety = message
        self._safety_pulse.beat(message.header.stamp)

    def _on_state(self, message: ArmState) -> None:
        self._gate = message

    def _on_mode(self, message: String) -> None:
        self._mode = message.data
        if message.data.startswith(("stopped", *LET_GO)):
            self._let_go = message.data
