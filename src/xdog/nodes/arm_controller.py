"""Node: arm_controller. Answers joint_states with arm/command once per control period.

A command without points gives the servos no new goals: the arm is at rest, and the bridge's gate keeps it there.
"""

import math
import queue
import threading
from typing import Any, Callable, List, Optional, Tuple

import numpy as np
import rospy
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger, TriggerRequest, TriggerResponse
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from xdog.arm.config import load_arm_config
from xdog.arm.controller import SILENCE, ArmController
from xdog.arm.motions import ArmMeasurement, GripperMotion, Motion, TrajectoryMotion
from xdog.arm.trajectory import SUCCESSFUL, TrajectoryError
from xdog.core.description import DescriptionError, RobotDescription, load_description
from xdog.core.timers import PeriodFilter
from xdog.msg import ArmState, SafetyState
from xdog.nodes.common import clock, conversions
from xdog.nodes.common.action_server import ActionServer
from xdog.nodes.common.callbacks import is_ending, offer, start_thread, subscribe
from xdog.nodes.common.lockstep import SafetyListener
from xdog.nodes.common.run import run
from xdog.nodes.common.standard_messages import (
    FollowJointTrajectoryAction,
    FollowJointTrajectoryFeedback,
    FollowJointTrajectoryResult,
    GripperCommandAction,
    GripperCommandFeedback,
    GripperCommandResult,
)

LOG_PERIOD = 5.0
"""Shortest time between two equal lines in the log, s."""

FEEDBACK_EVERY = 5
"""Control periods between two messages of feedback."""

Running = Tuple[Motion, Any]
"""A motion and the goal handle of the action that asked for it."""


class ArmControllerNode:
    """The controller on its topics, actions and services. Time is the stamp of joint_states.

    actionlib calls back under a lock of its own. The control loop passes feedback and results to it through a queue, so
    that the loop never waits for that lock.
    """

    def __init__(self, robot: RobotDescription, controller: ArmController) -> None:
        self._robot, self._controller = robot, controller
        self._news = threading.Condition()
        self._period = PeriodFilter(1.0 / robot.rates["control"])
        self._arrival = 0.0
        self._legs = robot.legs.poses["stand"]
        self._measured: Optional[ArmMeasurement] = None
        self._running: List[Running] = []
        self._reports: queue.SimpleQueue = queue.SimpleQueue()
        self._published_mode = ""
        self._command = rospy.Publisher("arm/command", JointTrajectory, queue_size=1, tcp_nodelay=True)
        self._mode = rospy.Publisher("arm/mode", String, queue_size=1, latch=True)
        self._safety = SafetyListener(robot, self._on_safety)
        subscribe("arm/state", ArmState, self._on_arm_state)
        subscribe("arm/setpoint", JointTrajectory, self._on_setpoint)
        subscribe("joint_states", JointState, self._on_joints)
        for pose in ("stow", "home"):
            offer(pose, Trigger, self._service(pose))
        self._servers = [
            ActionServer(name, kind, begin, self._cancel)
            for name, kind, begin in (
                ("arm_controller/follow_joint_trajectory", FollowJointTrajectoryAction, self._begin_trajectory),
                ("gripper_controller/gripper_action", GripperCommandAction, self._begin_gripper),
            )
        ]
        start_thread(self._report)
        for server in self._servers:
            server.start()
        clock.every(SILENCE, self._watch)

    # Subscribers.

    def _on_safety(self, message: SafetyState) -> None:
        stamp = conversions.to_seconds(message.header.stamp)
        with self._news:
            self._controller.on_safety(stamp, message.motion_allowed, "; ".join(message.reasons))

    def _on_arm_state(self, message: ArmState) -> None:
        with self._news:
            self._controller.on_gate("" if message.gate == ArmState.ACTIVE else message.gate_reason)

    def _on_setpoint(self, message: JointTrajectory) -> None:
        point = message.points[0] if message.points else JointTrajectoryPoint()
        duration = point.time_from_start.to_sec()
        stamp = conversions.to_seconds(message.header.stamp)
        with self._news:
            problem = self._controller.on_setpoint(message.joint_names, point.positions, duration, stamp)
        if problem:
            rospy.logwarn_throttle(LOG_PERIOD, f"arm/setpoint: {problem}")

    def _on_joints(self, message: JointState) -> None:
        """Answer the first joint_states of every control period."""
        stamp = conversions.to_seconds(message.header.stamp)
        if not self._period.is_first(stamp):
            return
        command = JointTrajectory()
        command.header.stamp = message.header.stamp
        with self._news:
            self._arrival = clock.arrival(message.header.stamp)
            goal = self._step(stamp, message)
            if goal is not None:
                command.joint_names = self._robot.arm.names
                command.points = [JointTrajectoryPoint(positions=goal.tolist())]
            self._command.publish(command)
            self._after(feedback=self._period.count % FEEDBACK_EVERY == 0)
        self._safety.done(stamp)

    def _step(self, stamp: float, message: JointState) -> Optional[np.ndarray]:
        """The servos' next goals (6,) rad, None for rest; the caller holds the lock."""
        names, group = message.name, self._robot.arm
        try:
            if self._robot.legs.names[0] in names:
                self._legs = np.array(message.position)[self._robot.legs.indices(names)]
            order = group.indices(names)
            columns = [np.array(row)[order] for row in (message.position, message.velocity, message.effort)]
        except (DescriptionError, IndexError) as error:
            rospy.logwarn_throttle(LOG_PERIOD, f"joint_states: {error}")
            self._controller.stop(f"the arm's joints are not measured: {error}")
            return None
        self._measured = ArmMeasurement(stamp, *columns)
        return self._controller.step(self._measured, self._legs)

    def _watch(self) -> None:
        """End motions when joint_states has stopped, or the clock has jumped."""
        with self._news:
            if self._running and abs(clock.now() - self._arrival) > SILENCE:
                self._controller.stop("joint_states has stopped")
                self._after()

    # Actions and services.

    def _begin_trajectory(self, handle: Any) -> None:
        goal = conversions.trajectory_goal(handle.get_goal())
        self._begin(
            handle,
            lambda: self._controller.follow(goal),
            lambda error: FollowJointTrajectoryResult(error_code=error.code, error_string=str(error)),
        )

    def _begin_gripper(self, handle: Any) -> None:
        command = handle.get_goal().command
        self._begin(
            handle,
            lambda: self._controller.move_gripper(command.position, command.max_effort),
            lambda _: self._gripper_message(GripperCommandResult),
        )

    def _begin(self, handle: Any, ask: Callable[[], Motion], refused: Callable[[TrajectoryError], Any]) -> None:
        with self._news:
            try:
                motion = ask()
            except TrajectoryError as error:
                rospy.logwarn(f"goal refused: {error}")
                handle.set_rejected(refused(error), str(error))
                return
            handle.set_accepted()
            self._running.append((motion, handle))
            self._after()

    def _cancel(self, handle: Any) -> None:
        with self._news:
            for motion, other in self._running:
                if other is not None and other == handle:  # actionlib cannot compare with None
                    self._controller.cancel(motion)
            self._after()

    def _service(self, pose: str) -> Callable[[TriggerRequest], TriggerResponse]:
        def handle(_request: TriggerRequest) -> TriggerResponse:
            with self._news:
                try:
                    motion = self._controller.move_to(pose)
                except TrajectoryError as error:
                    return TriggerResponse(success=False, message=str(error))
                self._running.append((motion, None))
                self._after()
                while motion.outcome is None and not is_ending():
                    self._news.wait(0.5)
                outcome = motion.outcome
            if outcome is None:
                return TriggerResponse(success=False, message="the node is shutting down")
            success = outcome.code == SUCCESSFUL and not outcome.cancelled
            return TriggerResponse(success=success, message=f"{pose}: {outcome.message}")

        return handle

    # Reports.

    def _after(self, feedback: bool = False) -> None:
        """Report the mode, motions that have ended, and feedback if it is due; the caller holds the lock."""
        if (
            self._controller.state != self._published_mode
        ):  # first: when a goal ends, its client already sees the new mode
            self._published_mode = self._controller.state
            self._mode.publish(String(self._published_mode))
        for motion, handle in list(self._running):
            if motion.outcome:
                self._running.remove((motion, handle))
                rospy.loginfo(motion.outcome.message)
            if handle is not None and (motion.outcome or feedback):
                self._reports.put((handle, motion.outcome, self._message(motion)))
        self._news.notify_all()

    def _message(self, motion: Motion) -> Any:
        """Result of a motion that has ended, feedback of one that is running."""
        outcome = motion.outcome
        if isinstance(motion, GripperMotion):
            kind = GripperCommandResult if outcome else GripperCommandFeedback
            return self._gripper_message(kind, motion.stalled, motion.reached)
        if outcome:
            return FollowJointTrajectoryResult(error_code=outcome.code, error_string=outcome.message)
        return self._feedback(motion) if isinstance(motion, TrajectoryMotion) else None

    def _feedback(self, motion: TrajectoryMotion) -> Optional[FollowJointTrajectoryFeedback]:
        progress = motion.progress
        if progress is None:
            return None
        message = FollowJointTrajectoryFeedback(joint_names=[self._robot.arm.names[i] for i in motion.joints])
        message.header.stamp = conversions.to_time(self._controller.now)
        error = tuple(wanted - got for wanted, got in zip(progress.desired, progress.actual))
        for field, (position, velocity) in (
            ("desired", progress.desired),
            ("actual", progress.actual),
            ("error", error),
        ):
            point = JointTrajectoryPoint(positions=position.tolist(), velocities=velocity.tolist())
            point.time_from_start = rospy.Duration.from_sec(progress.time)
            setattr(message, field, point)
        return message

    def _gripper_message(self, kind: type, stalled: bool = False, reached: bool = False) -> Any:
        measured, gripper = self._measured, self._controller.gripper
        if measured is None:
            return kind(math.nan, math.nan, stalled, reached)
        return kind(gripper.gap(measured.position[5]), abs(measured.effort[5]) / gripper.lever, stalled, reached)

    def _report(self) -> None:
        while True:
            handle, outcome, message = self._reports.get()
            if outcome is None:
                if message is not None:
                    handle.publish_feedback(message)
            elif outcome.cancelled:
                handle.set_canceled(message, outcome.message)
            elif outcome.code == SUCCESSFUL:
                handle.set_succeeded(message, outcome.message)
            else:
                handle.set_aborted(message, outcome.message)


def build() -> ArmControllerNode:
    """The node, from its configuration files."""
    robot = load_description()
    return ArmControllerNode(robot, ArmController(robot, load_arm_config(robot)))


def main() -> None:
    """Run the node."""
    run("arm_controller", build)
