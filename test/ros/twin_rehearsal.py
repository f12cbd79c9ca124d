#!/usr/bin/env python3
"""A motion is rehearsed in the twin, sent after a confirmation and not otherwise; the twin shows the robot."""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import sys
import unittest
from typing import List

import actionlib
import numpy as np
import rospy
import rostest
from harness import Graph
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from xdog.core.description import load_description
from xdog.msg import LocomotionState
from xdog.nodes.common.standard_messages import (
    FollowJointTrajectoryAction,
    FollowJointTrajectoryGoal,
    FollowJointTrajectoryResult,
)

ARM = load_description().arm
STOW = ARM.poses["stow"]
RAISED = STOW + np.array([0.4, 0.5, -0.2, -0.3, 0.0, 0.3])


def trajectory(pose: np.ndarray, seconds: float) -> FollowJointTrajectoryGoal:
    point = JointTrajectoryPoint(positions=pose.tolist(), time_from_start=rospy.Duration(seconds))
    return FollowJointTrajectoryGoal(trajectory=JointTrajectory(joint_names=list(ARM.names), points=[point]))


class TwinTest(unittest.TestCase):
    graph: Graph

    @classmethod
    def setUpClass(cls) -> None:
        cls.graph = graph = Graph({"joint_states": JointState, "twin/state": String})
        cls.client = actionlib.SimpleActionClient(
            "twin/arm_controller/follow_joint_trajectory", FollowJointTrajectoryAction
        )
        assert cls.client.wait_for_server(rospy.Duration(60)), "no twin"
        graph.wait_until(lambda: {"joint_states", "twin/state"} <= set(graph.latest), 30.0, "both topics")
        for node in ("sim_bridge", "arm_controller", "twin", "safety_supervisor"):
            graph.eventually(lambda node=node: graph.connected(node), 60.0, lambda node=node: f"{node} not connected")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.graph.close()

    @property
    def arm(self) -> np.ndarray:
        message = self.graph.latest["joint_states"]
        return np.array(message.position)[ARM.indices(message.name)]

    @property
    def legs(self) -> int:
        return self.graph.latest["locomotion/state"].state

    def rehearse(self, pose: np.ndarray, seconds: float = 2.0) -> None:
        """Send a motion to the twin and wait until it waits for a word."""

        def waits() -> bool:
            self.client.send_goal(trajectory(pose, seconds))
            self.graph.wait_until(self._waits_or_ended, 60.0, "the rehearsal")
            return "waiting" in self.graph.latest["twin/state"].data

        # A twin that has just started may not have received the robot's pose yet.
        self.graph.eventually(waits, 2.0, lambda: self.graph.latest["twin/state"].data)

    def _waits_or_ended(self) -> bool:
        ended = self.client.simple_state == actionlib.SimpleGoalState.DONE
        return ended or "waiting" in self.graph.latest["twin/state"].data

    def result(self) -> FollowJointTrajectoryResult:
        self.graph.wait_until(
            lambda: self.client.simple_state == actionlib.SimpleGoalState.DONE, 60.0, "the action's end"
        )
        # What twin/state says after it, so that the next rehearsal doesn't find this one's "waiting".
        self.graph.wait_until(lambda: "showing" in self.graph.latest["twin/state"].data, 5.0, "the twin's end")
        return self.client.get_result()

    def test_nothing_is_sent_without_a_word_and_the_motion_after_it(self) -> None:
        before = self.arm
        self.rehearse(RAISED)
        self.graph.pass_time(3.0)
        self.assertLess(np.max(np.abs(self.arm - before)), 0.02)
        self.graph.require("twin/confirm")
        result = self.result()
        self.assertEqual(result.error_code, FollowJointTrajectoryResult.SUCCESSFUL, result.error_string)
        self.assertLess(np.max(np.abs(self.arm - RAISED)), 0.1)
        self.rehearse(STOW)
        self.graph.require("twin/confirm")
        self.assertEqual(self.result().error_code, FollowJointTrajectoryResult.SUCCESSFUL)

    def test_discarded_expired_and_refused(self) -> None:
        before = self.arm
        self.assertFalse(self.graph.call("twin/confirm").success)
        self.rehearse(RAISED)
        self.graph.require("twin/discard")
        self.assertIn("discarded", self.result().error_string)
        self.rehearse(RAISED)
        self.assertIn("not confirmed within 30 s", self.result().error_string)
        self.assertFalse(self.graph.call("twin/confirm").success)
        self.client.send_goal(trajectory(RAISED, 0.05))
        self.assertIn("rehearsal found problems", self.result().error_string)
        self.assertLess(np.max(np.abs(self.arm - before)), 0.02)

    def test_a_robot_that_has_moved_meanwhile_gets_nothing(self) -> None:
        self.rehearse(RAISED)
        robot = actionlib.SimpleActionClient("arm_controller/follow_joint_trajectory", FollowJointTrajectoryAction)
        robot.wait_for_server()
        for pose in (RAISED, STOW):
            robot.send_goal(trajectory(pose, 1.5))
            self.graph.wait_until(lambda: robot.simple_state == actionlib.SimpleGoalState.DONE, 10.0, "the robot moves")
            self.assertEqual(robot.get_result().error_code, FollowJointTrajectoryResult.SUCCESSFUL)
            if pose is RAISED:
                refused = self.graph.call("twin/confirm")
                self.assertFalse(refused.success)
                self.assertIn("rehearse again", refused.message)
                self.assertIn("rehearse again", self.result().error_string)

    def test_a_dog_that_has_lain_down_meanwhile_gets_nothing(self) -> None:
        self.graph.expect("estop_reset", 8.0)
        self.graph.expect("stand", 2.0)
        self.graph.wait_until(lambda: self.legs == LocomotionState.STANDING, 8.0, "the dog stands")
        self.rehearse(RAISED)
        self.graph.require("lie_down")
        self.graph.wait_until(lambda: self.legs == LocomotionState.DAMPED, 8.0, "the dog lies")
        refused = self.graph.call("twin/confirm")
        self.assertFalse(refused.success)
        self.assertIn(refused.message.split()[0], load_description().legs.names)
        self.assertIn("rehearse again", refused.message)
        self.assertIn("rehearse again", self.result().error_string)

    def test_z_an_arm_controller_that_dies_ends_the_motion(self) -> None:
        """The last one: it does not come back."""
        self.rehearse(RAISED, 4.0)
        self.graph.require("twin/confirm")
        before = self.arm
        self.graph.wait_until(lambda: np.max(np.abs(self.arm - before)) > 0.1, 5.0, "the robot moves")
        self.graph.kill("arm_controller")
        self.assertIn("arm_controller disappeared", self.result().error_string)

    def test_it_shows_the_robot_to_whoever_looks(self) -> None:
        pictures: List[Image] = []
        subscriber = rospy.Subscriber("twin/image", Image, pictures.append, queue_size=1)
        self.graph.wait_until(lambda: pictures, 60.0, "a picture")
        subscriber.unregister()
        image = pictures[0]
        pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
        self.assertEqual((image.encoding, image.height, image.width), ("rgb8", 480, 640))
        self.assertGreater(pixels.std(), 20.0)


if __name__ == "__main__":
    rospy.init_node("twin_test")
    rostest.rosrun("xdog", "twin", TwinTest, sys.argv)
