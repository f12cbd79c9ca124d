"""Node: locomotion. Answers legs/state with legs/command once per control period, in every state."""

import threading
from pathlib import Path
from typing import Callable, Optional, Tuple, Union

import numpy as np
import rospy
from geometry_msgs.msg import Pose, Twist
from std_srvs.srv import Trigger, TriggerRequest, TriggerResponse

from xdog.core.contract import ContractError
from xdog.core.description import RobotDescription, load_description
from xdog.core.onnx_session import PolicyError
from xdog.core.paths import share_path, user_path
from xdog.core.rotations import euler_angles, quaternion_matrix
from xdog.core.timers import PeriodFilter
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.controller import Controller, RequestResult, State
from xdog.locomotion.policy import GaitPolicy
from xdog.locomotion.stance import BodyPose
from xdog.msg import LegCommand, LegState, LocomotionState, SafetyState
from xdog.nodes.common import conversions
from xdog.nodes.common.callbacks import offer, subscribe
from xdog.nodes.common.lockstep import SafetyListener
from xdog.nodes.common.run import run

COMMAND_QUEUE = 20
"""Commands kept for a slow subscriber: to the supervisor a lost command looks like a late one.
The bridge keeps only the newest one, so it gets no old commands."""

LOG_PERIOD = 5.0
"""Shortest time between two equal lines in the log, s."""


class LocomotionNode:
    """The controller on its topics and services. Time is the stamp of legs/state."""

    def __init__(self, robot: RobotDescription, controller: Controller, policy_name: str) -> None:
        self._robot = robot
        self._controller = controller
        self._policy_name = policy_name
        self._lock = threading.Lock()
        self._period = PeriodFilter(1.0 / robot.rates["control"])
        self._published: Optional[Tuple[State, str]] = None
        self._command = rospy.Publisher("legs/command", LegCommand, queue_size=COMMAND_QUEUE, tcp_nodelay=True)
        self._state = rospy.Publisher("locomotion/state", LocomotionState, queue_size=1, latch=True)
        self._publish_state(rospy.Time.now())
        self._safety = SafetyListener(robot, self._on_safety)
        subscribe("cmd_vel_safe", Twist, self._on_velocity)
        subscribe("body_pose", Pose, self._on_body_pose)
        subscribe("legs/state", LegState, self._on_legs)
        for name, request in (
            ("stand", controller.stand),
            ("walk", controller.walk),
            ("lie_down", controller.lie_down),
            ("damp", controller.damp),
        ):
            offer(name, Trigger, self._service(request))

    def _on_legs(self, message: LegState) -> None:
        """Answer the first state of every control period; the gate is checked in every one."""
        with self._lock:
            self._controller.on_gate(message.gate == LegState.ACTIVE, message.gate_reason)
        stamp = conversions.to_seconds(message.header.stamp)
        if not self._period.is_first(stamp):
            return
        with self._lock:
            try:
                reading = conversions.legs_reading(message, self._robot)
            except conversions.MessageError as error:
                rospy.logerr_throttle(LOG_PERIOD, str(error))
                self._controller.damp(str(error))
            else:
                target = self._controller.step(reading)
                self._command.publish(conversions.leg_command_message(target, self._robot, reading.stamp))
            self._publish_state(message.header.stamp)
        self._safety.done(stamp)

    def _on_safety(self, message: SafetyState) -> None:
        stamp = conversions.to_seconds(message.header.stamp)
        with self._lock:
            self._controller.on_safety(stamp, message.motion_allowed, "; ".join(message.reasons))

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
                self._publish_state(rospy.Time.now())
            return TriggerResponse(success=answer.success, message=answer.message)

        return handle

    def _publish_state(self, stamp: rospy.Time) -> None:
        """Publish the state if it changed; the caller holds the lock."""
        state, reason = self._controller.state, self._controller.reason
        if (state, reason) == self._published:
            return
        self._published = state, reason
        message = LocomotionState(state=int(state), name=state.name.lower(), reason=reason)
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


def build() -> LocomotionNode:
    """The node, from its configuration files and parameters."""
    robot, config = load_description(), load_locomotion_config()
    given = rospy.get_param("~policy", "")
    policy = load_policy(user_path(given) if given else share_path("policies", "gait.onnx"), robot)
    controller = Controller(robot, config, policy)
    if isinstance(policy, str):
        rospy.logerr(f"walking is disabled: {policy}")
    return LocomotionNode(robot, controller, "" if isinstance(policy, str) else policy.contract.name)


def main() -> None:
    """Run the node. Parameter: ~policy, path of the ONNX file."""
    run("locomotion", build)
