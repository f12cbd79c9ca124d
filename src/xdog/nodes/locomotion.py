"""Node: locomotion. Answers legs/state with legs/command once per control period, in every state."""

import math
import sys
import threading
from pathlib import Path
from typing import Callable, Optional, Tuple, Union

import numpy as np
import rospy
from geometry_msgs.msg import Pose, Twist
from std_srvs.srv import Trigger, TriggerRequest, TriggerResponse

from xdog.core.contract import ContractError
from xdog.core.description import DescriptionError, RobotDescription, load_description
from xdog.core.onnx_session import PolicyError
from xdog.core.paths import share_path
from xdog.core.rotations import euler_angles, quaternion_matrix
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.controller import Controller, RequestResult, State
from xdog.locomotion.policy import GaitPolicy
from xdog.locomotion.stance import BodyPose
from xdog.msg import LegCommand, LegState, LocomotionState, SafetyState
from xdog.nodes.common import conversions
from xdog.nodes.common.lockstep import SafetyListener
from xdog.nodes.common.start import spin, start_node
from xdog.safety.config import SafetyConfigError

COMMAND_QUEUE = 20
"""Commands kept for a listener that a busy machine writes to late: the supervisor takes a lost one for a late one. The
bridge, which keeps the newest only, gets nothing old from it."""

LOG_PERIOD = 5.0
"""Shortest time between two equal lines in the log, s."""


class LocomotionNode:
    """The controller on its topics and services. Time is the stamp of legs/state."""

    def __init__(self, robot: RobotDescription, controller: Controller, policy_name: str) -> None:
        self._robot = robot
        self._controller = controller
        self._policy_name = policy_name
        self._lock = threading.Lock()
        self._period = 1.0 / robot.rates["control"]
        self._answered = -1
        self._told: Optional[Tuple[State, str]] = None
        self._command = rospy.Publisher("legs/command", LegCommand, queue_size=COMMAND_QUEUE, tcp_nodelay=True)
        self._state = rospy.Publisher("locomotion/state", LocomotionState, queue_size=1, latch=True)
        self._tell(rospy.Time.now())
        self._heartbeat = SafetyListener(robot, self._on_safety)
        rospy.Subscriber("cmd_vel_safe", Twist, self._on_velocity, queue_size=1, tcp_nodelay=True)
        rospy.Subscriber("body_pose", Pose, self._on_body_pose, queue_size=1, tcp_nodelay=True)
        rospy.Subscriber("legs/state", LegState, self._on_legs, queue_size=1, tcp_nodelay=True)
        for name, request in (
            ("stand", controller.stand),
            ("walk", controller.walk),
            ("lie_down", controller.lie_down),
            ("damp", controller.damp),
        ):
            rospy.Service(name, Trigger, self._service(request))

    def _on_legs(self, message: LegState) -> None:
        """Answer the first state of every control period; what the gate says counts in every state."""
        with self._lock:
            self._controller.on_gate(message.gate == LegState.ACTIVE, message.gate_reason)
        tick = math.floor(conversions.to_seconds(message.header.stamp) / self._period + 1e-6)
        if tick == self._answered:
            return
        self._answered = tick
        with self._lock:
            try:
                reading = conversions.legs_reading(message, self._robot)
            except conversions.MessageError as error:
                rospy.logerr_throttle(LOG_PERIOD, str(error))
                self._controller.damp(str(error))
            else:
                target = self._controller.step(reading)
                self._command.publish(conversions.leg_command_message(target, self._robot, reading.stamp))
            self._tell(message.header.stamp)
        self._heartbeat.answered(conversions.to_seconds(message.header.stamp))

    def _on_safety(self, message: SafetyState) -> None:
        with self._lock:
            self._controller.on_safety(self._controller.now, message.motion_allowed, "; ".join(message.reasons))

    def _on_velocity(self, message: Twist) -> None:
        command = np.array([message.linear.x, message.linear.y, message.angular.z])
        with self._lock:
            self._controller.on_velocity(self._controller.now, command)

    def _on_body_pose(self, message: Pose) -> None:
        q = message.orientation
        try:
            roll, pitch, yaw = euler_angles(quaternion_matrix(np.array([q.x, q.y, q.z, q.w])))
        except ValueError as error:
            rospy.logwarn_throttle(LOG_PERIOD, f"body_pose: {error}; ignored")
            return
        with self._lock:
            answer = self._controller.on_body_pose(BodyPose(message.position.z, roll, pitch, yaw))
        if not answer.success:
            rospy.logwarn_throttle(LOG_PERIOD, answer.message)

    def _service(self, request: Callable[[], RequestResult]) -> Callable[[TriggerRequest], TriggerResponse]:
        def handle(_request: TriggerRequest) -> TriggerResponse:
            with self._lock:
                answer = request()
                self._tell(rospy.Time.now())
            return TriggerResponse(success=answer.success, message=answer.message)

        return handle

    def _tell(self, stamp: rospy.Time) -> None:
        """Publish the state if it changed; the caller holds the lock."""
        news = (self._controller.state, self._controller.reason)
        if news == self._told:
            return
        self._told = news
        message = LocomotionState(state=int(news[0]), name=news[0].name.lower(), reason=news[1])
        message.header.stamp = stamp
        message.policy = self._policy_name
        self._state.publish(message)
        rospy.loginfo(f"{message.name}: {message.reason}")


def load_policy(path: Path, robot: RobotDescription) -> Union[GaitPolicy, str]:
    """The policy, or why there is none: standing and lying down work without it."""
    try:
        return GaitPolicy(path, robot)
    except (PolicyError, ContractError) as error:
        return str(error)


def main() -> None:
    """Run the node. Parameter: ~policy, path of the ONNX file."""
    start_node("locomotion")
    try:
        robot, config = load_description(), load_locomotion_config()
        path = Path(rospy.get_param("~policy", "") or share_path("policies", "gait.onnx"))
        policy = load_policy(path, robot)
        controller = Controller(robot, config, policy)
    except (DescriptionError, SafetyConfigError, OSError) as error:
        rospy.logfatal(str(error))
        sys.exit(1)
    if isinstance(policy, str):
        rospy.logerr(f"walking is off: {policy}")
    LocomotionNode(robot, controller, "" if isinstance(policy, str) else policy.contract.name)
    spin()
