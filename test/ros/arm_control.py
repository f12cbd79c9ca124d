#!/usr/bin/env python3
"""The arm's actions, services and setpoints in the running graph: what moves it, what stops it, with which words."""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import math
import unittest
from typing import Any, List, Sequence, Tuple

import actionlib
import numpy as np
import rospy
import rostest
from actionlib_msgs.msg import GoalStatus
from harness import Graph
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from xdog.arm.config import load_arm_config
from xdog.arm.gripper import Gripper
from xdog.core.description import load_description
from xdog.msg import ArmState
from xdog.nodes.common.standard_messages import (
    Detection3DArray,
    FollowJointTrajectoryAction,
    FollowJointTrajectoryGoal,
    FollowJointTrajectoryResult,
    GripperCommandAction,
    GripperCommandGoal,
    JointTolerance,
)

ROBOT = load_description()
CONFIG = load_arm_config(ROBOT)
ARM = ROBOT.arm.names
FIVE = ARM[:5]
STOW, HOME = ROBOT.arm.poses["stow"], ROBOT.arm.poses["home"]
RAISED = np.array([0.5, -0.6, 0.2, 0.4, 0.8])
INTO_TRUNK = np.array([-1.5, 1.2, 0.2, 1.2, 0.0])
BACKLASH = 0.025
"""rad. The simulated joints rest anywhere within 17 mrad, and their encoders show steps of 1.5 mrad."""
PERIOD = 1.0 / ROBOT.rates["control"]

MD5 = {  # of control_msgs and vision_msgs as Noetic ships them
    JointTolerance: "f544fe9c16cf04547e135dd6063ff5be",
    FollowJointTrajectoryAction: "bc4f9b743838566551c0390c65f1a248",
    GripperCommandAction: "950b2a6ebe831f5d4f4ceaba3d8be01e",
    Detection3DArray: "05c51d9aea1fb4cfdc8effb94f197b6f",
}


def trajectory(points: Sequence[Tuple[float, Sequence[float]]], names: Sequence[str] = FIVE) -> Any:
    """A goal of positions alone: (s, rad for each name)."""
    goal = FollowJointTrajectoryGoal()
    goal.trajectory.joint_names = list(names)
    for time, positions in points:
        point = JointTrajectoryPoint(positions=list(positions), time_from_start=rospy.Duration.from_sec(time))
        goal.trajectory.points.append(point)
    return goal


class ArmControl(unittest.TestCase):
    graph: Graph
    commands: List[np.ndarray]

    @classmethod
    def setUpClass(cls) -> None:
        topics = {"joint_states": JointState, "arm/mode": String, "arm/command": JointTrajectory, "arm/state": ArmState}
        cls.commands = []
        rospy.Subscriber("arm/command", JointTrajectory, cls.on_command, queue_size=100, tcp_nodelay=True)
        cls.graph = Graph(topics, relay=True)  # after it, so that the list has what the graph received
        cls.arm = actionlib.ActionClient("arm_controller/follow_joint_trajectory", FollowJointTrajectoryAction)
        cls.gripper = actionlib.ActionClient("gripper_controller/gripper_action", GripperCommandAction)
        cls.graph.wait_until(lambda: "arm/command" in cls.graph.latest, 10.0, "the first arm/command")
        for client in (cls.arm, cls.gripper):
            assert client.wait_for_server(rospy.Duration(60)), "no action server"
        cls.graph.eventually(lambda: cls.graph.connected("arm_controller"), 60.0, lambda: "connections are missing")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.graph.close()

    @classmethod
    def on_command(cls, message: JointTrajectory) -> None:
        if message.points:
            cls.commands.append(np.array(message.points[0].positions))

    def setUp(self) -> None:
        self.graph.expect("estop_reset", 8.0)
        self.graph.expect("home", 10.0)
        self.graph.pass_time(2 * PERIOD)  # until its last command has come in
        self.commands.clear()

    def tearDown(self) -> None:
        self.graph.unplug_sticks()

    @property
    def joints(self) -> np.ndarray:
        state = self.graph.latest["joint_states"]
        return np.array(state.position)[ROBOT.arm.indices(state.name)]

    @property
    def mode(self) -> str:
        return str(self.graph.latest["arm/mode"].data)

    def wait_for_mode(self, words: str) -> None:
        """Wait until arm/mode has these words. It arrives over another connection than results, sooner or later."""
        self.graph.wait_until(lambda: words in self.mode, 1.0, f"arm/mode is '{words}'")

    def begin(self, client: Any, goal: Any, **callbacks: Any) -> Any:
        """Send a goal while time stands still, until it is under way; its handle."""
        with self.graph.held():
            handle = client.send_goal(goal, **callbacks)
            waiting = (actionlib.CommState.WAITING_FOR_GOAL_ACK, actionlib.CommState.PENDING)
            self.graph.wait_until(lambda: handle.get_comm_state() not in waiting, 2.0, "the goal is under way")
        self.addCleanup(self.end, handle)
        return handle

    def end(self, handle: Any) -> None:
        """Cancel a goal that goes on; a cancellation that hangs on its way could meet the next test's."""
        if handle.get_comm_state() != actionlib.CommState.DONE:
            handle.cancel()
            self.finish(handle)

    def finish(self, handle: Any, timeout: float = 10.0) -> Any:
        """Wait for a goal's end; its state and result."""
        done = actionlib.CommState.DONE
        self.graph.wait_until(lambda: handle.get_comm_state() == done, timeout, f"the goal ends ({self.mode})")
        return handle.get_goal_status(), handle.get_result()

    def assert_at(self, positions: Sequence[float], within: float = 0.03) -> None:
        self.graph.pass_time(PERIOD)  # the last measurement may be older than the result
        np.testing.assert_allclose(self.joints[: len(positions)], positions, atol=within)

    def assert_still(self, seconds: float) -> None:
        """Nothing is commanded and nothing moves for a while."""
        self.graph.pass_time(2 * PERIOD)  # until the last command has come in and the arm is at rest
        before = self.joints
        self.commands.clear()
        self.graph.pass_time(seconds)
        self.assertEqual(len(self.commands), 0)
        np.testing.assert_allclose(self.joints, before, atol=BACKLASH)

    # Trajectories.

    def test_a_trajectory_is_followed_to_its_goal(self) -> None:
        feedback: List[Any] = []
        goal = trajectory([(1.0, 0.5 * RAISED), (2.0, RAISED)])
        handle = self.begin(self.arm, goal, feedback_cb=lambda _, message: feedback.append(message))
        state, result = self.finish(handle)
        self.assertEqual((state, result.error_code), (GoalStatus.SUCCEEDED, FollowJointTrajectoryResult.SUCCESSFUL))
        self.assert_at(RAISED)
        self.graph.wait_until(lambda: len(feedback) > 10, 1.0, "feedback")
        self.assertEqual(tuple(feedback[0].joint_names), tuple(FIVE))
        self.assertLess(max(max(map(abs, message.error.positions)) for message in feedback), CONFIG.tolerances.path)
        self.wait_for_mode("holding")
        self.assert_still(1.0)

    def test_a_new_goal_takes_over(self) -> None:
        first = self.begin(self.arm, trajectory([(3.0, RAISED)]))
        self.graph.pass_time(1.0)
        later = trajectory([(1.5, -RAISED)])
        later.trajectory.header.stamp = rospy.Time.from_sec(self.graph.now + 0.5)
        before = self.joints[0]
        second = self.begin(self.arm, later)
        self.assertEqual(self.finish(first)[0], GoalStatus.PREEMPTED)
        self.assertEqual(first.get_goal_status_text(), "a new goal took over")
        self.graph.pass_time(0.4)
        self.assertGreater(self.joints[0], before + 0.05)  # still on the first one's way
        self.assertEqual(self.finish(second)[0], GoalStatus.SUCCEEDED)
        self.assert_at(-RAISED)
        steps = np.diff(self.commands, axis=0)
        self.assertLessEqual(np.abs(steps).max(), CONFIG.motion.max_speed * PERIOD + 1e-9)
        self.assertLessEqual(np.abs(np.diff(steps, axis=0)).max(), CONFIG.motion.max_acceleration * PERIOD**2 + 1e-6)

    def test_cancelling_holds(self) -> None:
        handle = self.begin(self.arm, trajectory([(3.0, RAISED)]))
        self.graph.pass_time(1.0)
        handle.cancel()
        self.assertEqual(self.finish(handle)[0], GoalStatus.PREEMPTED)
        self.graph.pass_time(0.3)
        self.assertGreater(np.abs(self.joints[:5] - RAISED).max(), 0.2)
        self.assert_still(1.0)

    def test_goals_that_make_no_sense_are_rejected(self) -> None:
        old = trajectory([(1.0, RAISED)])
        old.trajectory.header.stamp = rospy.Time.from_sec(self.graph.now - 1.5)
        another_clock = trajectory([(1.0, RAISED)])
        another_clock.trajectory.header.stamp = rospy.Time.from_sec(self.graph.now + 3600.0)
        into_trunk = trajectory([(4.0, INTO_TRUNK)])
        unknown = trajectory([(1.0, RAISED)], [*FIVE[:4], "wrist_rotate"])
        result = FollowJointTrajectoryResult
        for goal, code, text in (
            (trajectory([(1.0, [0.1])], ["elbow_flex"]), result.INVALID_JOINTS, "joints missing: shoulder_pan"),
            (unknown, result.INVALID_JOINTS, "unknown joints: wrist_rotate"),
            (old, result.OLD_HEADER_TIMESTAMP, "was due"),
            (another_clock, result.INVALID_GOAL, "the clock of joint_states"),
            (trajectory([(0.1, RAISED)]), result.INVALID_GOAL, "would have to turn at"),
            (into_trunk, result.INVALID_GOAL, "would collide"),
        ):
            state, answer = self.finish(self.arm.send_goal(goal))
            self.assertEqual((state, answer.error_code), (GoalStatus.REJECTED, code), text)
            self.assertIn(text, answer.error_string)
        self.assert_still(0.5)

    def test_an_arm_without_torque_is_no_success(self) -> None:
        handle = self.begin(self.arm, trajectory([(2.0, RAISED)]))
        self.graph.pass_time(0.3)
        set_torque = rospy.ServiceProxy("set_torque", SetBool)
        self.assertTrue(set_torque(False).success)
        state, result = self.finish(handle)
        self.assertTrue(set_torque(True).success)
        self.assertEqual(state, GoalStatus.ABORTED)
        self.assertEqual(result.error_code, FollowJointTrajectoryResult.PATH_TOLERANCE_VIOLATED)
        self.assertIn("is off by", result.error_string)

    # Stops.

    def test_an_estop_ends_everything_and_nothing_moves_by_itself(self) -> None:
        grip = GripperCommandGoal()
        grip.command.position = Gripper(ROBOT).range[1]
        handle, opening = self.begin(self.arm, trajectory([(3.0, RAISED)])), self.begin(self.gripper, grip)
        with self.graph.held():
            self.graph.require("estop")
        for client_handle in (handle, opening):
            state, _ = self.finish(client_handle, 1.0)
            self.assertEqual(state, GoalStatus.ABORTED)
            self.assertIn("e-stop", client_handle.get_goal_status_text())
        self.wait_for_mode("e-stop")
        state, result = self.finish(self.arm.send_goal(trajectory([(3.0, RAISED)])))
        self.assertEqual(state, GoalStatus.REJECTED)
        self.assertIn("e-stop", result.error_string)
        self.assertIn("e-stop", self.graph.call("stow").message)
        self.graph.expect("estop_reset", 8.0)
        self.assert_still(2.0)
        self.assertEqual(self.finish(self.arm.send_goal(trajectory([(2.0, RAISED)])))[0], GoalStatus.SUCCEEDED)

    # Gripper, stow and home.

    def test_the_gripper_opens_and_closes(self) -> None:
        for gap, effort in ((0.06, 0.0), (0.0, 0.0), (0.06, 2.0), (0.0, 10.0)):
            goal = GripperCommandGoal()
            goal.command.position, goal.command.max_effort = gap, effort
            state, result = self.finish(self.gripper.send_goal(goal))
            self.assertEqual((state, result.reached_goal, result.stalled), (GoalStatus.SUCCEEDED, True, False))
            self.assertAlmostEqual(result.position, max(gap, Gripper(ROBOT).range[0]), delta=4e-3)

    def test_stow_and_home(self) -> None:
        self.assertEqual(self.graph.require("stow"), "stow: the goal is reached")
        self.assert_at(STOW[:5])
        self.assertEqual(self.graph.require("home"), "home: the goal is reached")
        self.assert_at(HOME[:5])

    # Setpoints.

    def stream(self, positions: Sequence[float], seconds: float) -> None:
        """Publish a setpoint in each control period, for a while and until `unplug_sticks`."""
        point = JointTrajectoryPoint(positions=list(positions))
        self.graph.repeat("arm/setpoint", JointTrajectory(joint_names=list(ARM), points=[point]))
        self.graph.pass_time(seconds)

    def test_a_jump_is_capped_and_a_stream_that_stops_holds(self) -> None:
        self.stream([*RAISED, 0.3], 0.7)
        self.wait_for_mode("streaming")
        steps = np.abs(np.diff([HOME, *self.commands], axis=0))
        self.assertAlmostEqual(steps.max(), CONFIG.motion.max_speed * PERIOD, delta=0.01)
        self.assert_at([*RAISED, 0.3])
        self.graph.unplug_sticks()
        self.wait_for_mode("holding: no setpoint for 0.5 s")
        self.assert_still(0.5)

    def test_setpoints_into_the_dog_hold_before_it(self) -> None:
        self.stream([*INTO_TRUNK, 0.0], 2.0)
        self.wait_for_mode("would collide")
        self.assertGreater(np.abs(self.joints[:5] - INTO_TRUNK).max(), 0.1)

    # Without a controller.

    def test_without_its_controller_the_arm_stops_and_holds_until_there_is_one_again(self) -> None:
        """Runs last."""
        graph = self.graph
        with graph.held():
            self.arm.send_goal(trajectory([(3.0, RAISED)]))
            graph.wait_until(lambda: self.mode == "trajectory", 2.0, "it begins")
        graph.pass_time(1.0)
        named: List[float] = []

        def note(state: ArmState) -> None:
            if "arm/command is missing" in state.gate_reason:
                named.append(state.header.stamp.to_sec())

        listener = rospy.Subscriber("arm/state", ArmState, note, queue_size=100, tcp_nodelay=True)
        with graph.held():
            graph.kill("arm_controller")
            killed = graph.now
        graph.wait_until(lambda: named, 1.0, "the reason")
        listener.unregister()
        print(f"named {1e3 * (named[0] - killed):.0f} ms after the controller was killed")
        self.assertLess(named[0] - killed, 0.25)
        before = self.joints
        graph.pass_time(2.0)
        np.testing.assert_allclose(self.joints, before, atol=BACKLASH)
        self.assertGreater(np.abs(self.joints[:5] - RAISED).max(), 0.2)
        self.assertEqual(graph.latest["arm/state"].strength, 1.0)
        graph.start("arm_controller")
        graph.wait_until(lambda: not graph.latest["arm/state"].gate_reason, math.inf, "the new one lifts it")
        np.testing.assert_allclose(self.joints, before, atol=BACKLASH)
        graph.expect("home", 10.0)

    # Messages.

    def test_layouts_are_the_published_ones(self) -> None:
        for kind, md5 in MD5.items():
            self.assertEqual(kind._md5sum, md5, kind._type)


if __name__ == "__main__":
    rospy.init_node("arm_control")
    rostest.rosrun("xdog", "arm_control", ArmControl)
