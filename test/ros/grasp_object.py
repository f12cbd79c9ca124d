#!/usr/bin/env python3
"""PickObject in the running graph: an object is lifted, and what goes wrong ends with its own word and a still arm."""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import sys

import actionlib
import numpy as np
import rospy
import rostest
from geometry_msgs.msg import Vector3
from grasp_case import ROBOT, GraspCase

from xdog.grasp.config import load_pick_config
from xdog.msg import LocomotionState, PickObjectGoal, SafetyState

HELD_OUT = load_pick_config().poses.hand_over
PULL = Vector3(4.7, 0.0, 1.7)
"""N with which a person takes the object from the arm: 5 N forward, 20 degrees upwards."""


class GraspTest(GraspCase):
    """With the policy that knows the object's place."""

    def test_the_ball_is_picked_up_and_stays_up(self) -> None:
        lying = self.height("ball")
        self.ask("ball")
        result = self.result()
        self.assertEqual((result.success, result.outcome), (True, "picked"), result.message)
        self.assertGreater(self.height("ball"), lying + 0.05, result.message)
        self.graph.pass_time(2.0)
        self.assertGreater(self.height("ball"), lying + 0.05)
        self.assertGreater(result.lift, 0.05)
        phases = {"looking", "stance", "approach", "verify"}
        self.graph.wait_until(lambda: phases <= set(self.phases), 1.0, f"feedback of {phases}")

    def test_handed_over_to_whoever_pulls_and_to_nobody_before(self) -> None:
        self.ask("ball", PickObjectGoal.HAND_OVER)
        self.graph.wait_until(lambda: "hand_over" in self.phases, 30.0, "the ball is lifted")
        self.graph.wait_until(lambda: np.max(np.abs(self.arm[:5] - HELD_OUT)) < 0.05, 20.0, "the ball is held out")
        self.graph.pass_time(1.0)
        self.graph.require("push", Vector3(0.0, 0.3, 0.0))
        self.graph.pass_time(3.0)  # longer than noticing a pull and opening take
        self.assertNotEqual(self.client.simple_state, actionlib.SimpleGoalState.DONE, "pushed, but not pulled")
        self.assertLess(self.arm[5], 0.8, "pushed, but not pulled")
        held = self.where("ball")
        self.assertGreater(held.z, 0.2)
        self.graph.require("pull", "ball", PULL, 3.0)
        result = self.result(10.0)
        self.assertEqual((result.success, result.outcome), (True, "handed_over"), result.message)
        self.assertGreater(self.arm[5], 1.0)
        self.assertGreater(self.where("ball").x, held.x + 0.1, "the object follows the pull")

    def test_out_of_reach_says_how_far(self) -> None:
        self.place("ball", 1.2, 0.0)
        self.graph.pass_time(0.5)
        before = self.arm
        self.ask("ball")
        result = self.result()
        self.assertEqual((result.success, result.outcome), (False, "unreachable"), result.message)
        self.assertIn("nearer", result.message)
        self.assertLess(np.max(np.abs(self.arm - before)), 0.02)

    def test_an_estop_ends_it_and_the_arm_stands_still(self) -> None:
        self.ask("ball")
        self.wait_for_motion()
        self.graph.require("estop")
        result = self.result(1.0)
        self.assertEqual((result.success, result.outcome), (False, "aborted"), result.message)
        self.assert_still()
        self.assertEqual(self.graph.latest["safety/state"].level, SafetyState.ESTOP)
        self.assertLess(self.height("ball"), 0.05)

    def test_damped_legs_end_it_though_nothing_forbids_motion(self) -> None:
        self.ask("ball")
        self.wait_for_motion()
        self.graph.require("damp")
        result = self.result(1.0)
        self.assertEqual((result.success, result.outcome), (False, "aborted"), result.message)
        self.assertRegex(result.message, "does not stand any more|legs are not held")
        self.assertTrue(self.graph.latest["safety/state"].motion_allowed)
        self.assert_still()

    def test_a_stop_by_the_supervisor_ends_it(self) -> None:
        self.ask("ball")
        self.wait_for_motion()
        self.graph.require("fault", "joint_offline", ROBOT.legs.names[2], 0.0)
        self.addCleanup(self.graph.require, "fault", "none", "", 0.0)
        result = self.result(1.0)
        self.assertEqual((result.success, result.outcome), (False, "aborted"), result.message)
        self.graph.wait_until(lambda: self.legs == LocomotionState.DAMPED, 1.0, "the legs are damped")
        self.assert_still()

    def test_an_object_that_is_taken_away_is_lost(self) -> None:
        self.ask("ball")
        self.wait_for_motion()
        self.place("ball", 2.0, 1.5)
        result = self.result(10.0)
        self.assertEqual((result.success, result.outcome), (False, "lost"), result.message)
        self.assert_still()

    def test_refused_unless_it_stands(self) -> None:
        self.graph.require("damp")
        self.graph.wait_until(lambda: self.legs == LocomotionState.DAMPED, 1.0, "damped")
        self.graph.pass_time(0.1)  # until all nodes have received it
        self.ask("ball")
        result = self.result(5.0)
        self.assertEqual((result.success, result.outcome), (False, "refused"), result.message)
        self.assertIn("call stand", result.message)


if __name__ == "__main__":
    rospy.init_node("grasp_test")
    rostest.rosrun("xdog", "grasp", GraspTest, sys.argv)
