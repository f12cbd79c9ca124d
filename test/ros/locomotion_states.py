#!/usr/bin/env python3
"""Standing up, body pose, walking, lying down, refusals and odometry in the running graph."""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import math
import unittest
from typing import Dict, Optional, Tuple

import numpy as np
import rospy
import rostest
from geometry_msgs.msg import Pose, Quaternion
from harness import Graph
from nav_msgs.msg import Odometry
from tf2_msgs.msg import TFMessage

from xdog.core.description import load_description
from xdog.core.rotations import euler_angles, euler_quaternion, quaternion_matrix
from xdog.msg import LegCommand, LocomotionState

ROBOT = load_description()
STANDING_HEIGHT = 0.15 * (math.cos(0.65) + math.cos(0.60)) + 0.0205
"""Of base_link in the stand pose, by hand, m."""
Place = Tuple[float, float, float]


def attitude(message: Odometry) -> Tuple[float, float, float]:
    """Roll, pitch, yaw in rad."""
    q = message.pose.pose.orientation
    return euler_angles(quaternion_matrix(np.array([q.x, q.y, q.z, q.w])))


def place(message: Odometry) -> Place:
    """Where: x (m), y (m), yaw (rad)."""
    return (message.pose.pose.position.x, message.pose.pose.position.y, attitude(message)[2])


def seen_from(start: Place, end: Place) -> np.ndarray:
    """The end's x and y (m) in the frame of the start."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    c, s = math.cos(start[2]), math.sin(start[2])
    return np.array([c * dx + s * dy, c * dy - s * dx])


class LocomotionStates(unittest.TestCase):
    """Each test begins with a lying, damped robot."""

    graph: Graph

    @classmethod
    def setUpClass(cls) -> None:
        topics = {"odom": Odometry, "legs/command": LegCommand, "tf": TFMessage}
        cls.graph = graph = Graph(topics, relay=True)
        cls.pose = rospy.Publisher("body_pose", Pose, queue_size=1)
        graph.wait_until(lambda: "odom" in graph.latest, 10.0, "the first odom")
        for node in ("sim_bridge", "safety_supervisor", "velocity_mux", "locomotion", "odometry"):
            graph.eventually(
                lambda node=node: graph.connected(node), 60.0, lambda node=node: f"{node} is not connected"
            )

    @classmethod
    def tearDownClass(cls) -> None:
        cls.graph.close()

    def setUp(self) -> None:
        self.graph.unplug_sticks()
        self.graph.require("damp")
        self.wait_for(LocomotionState.DAMPED)
        self.graph.require("reset", "lie", 0.0, 0.0, 0.0)
        self.graph.pass_time(0.1)  # until everybody has seen the legs jump
        self.graph.expect("estop_reset", 8.0)

    def wait_for(self, state: int, timeout: float = 6.0) -> None:
        self.graph.wait_until(lambda: self.state.state == state, timeout, f"locomotion state {state}")

    def stand(self) -> None:
        self.graph.expect("stand", 2.0)  # locomotion may receive the permission after the caller of the reset
        self.wait_for(LocomotionState.STANDING)

    def walk(self) -> None:
        self.stand()
        self.graph.require("walk")
        self.wait_for(LocomotionState.WALKING)

    @property
    def state(self) -> LocomotionState:
        return self.graph.latest["locomotion/state"]

    @property
    def truth(self) -> Odometry:
        return self.graph.latest["ground_truth/odom"]

    def test_stand_and_lie_down(self) -> None:
        self.assertEqual((self.state.state, self.state.name), (LocomotionState.DAMPED, "damped"))
        refused = self.graph.call("walk")
        self.assertFalse(refused.success)
        self.assertIn("call stand", refused.message)
        self.stand()
        self.graph.pass_time(0.3)
        self.assertAlmostEqual(self.truth.pose.pose.position.z, STANDING_HEIGHT, delta=0.004)
        self.graph.require("lie_down")
        self.wait_for(LocomotionState.DAMPED)
        self.assertEqual(self.state.reason, "lay down")
        self.graph.pass_time(0.3)
        self.assertLess(self.truth.pose.pose.position.z, 0.065)
        self.assertLess(max(map(abs, attitude(self.truth)[:2])), 0.02)

    def test_body_pose(self) -> None:
        self.stand()
        message = Pose(orientation=Quaternion(*euler_quaternion(0.1, 0.15, 0.0).tolist()))
        message.position.z = -0.05
        self.pose.publish(message)
        self.graph.wait_until(lambda: attitude(self.truth)[1] > 0.13, 2.0, "the nose goes down")
        self.graph.pass_time(0.5)
        roll, pitch, _ = attitude(self.truth)
        self.assertAlmostEqual(roll, 0.1, delta=0.03)
        self.assertAlmostEqual(pitch, 0.15, delta=0.03)
        self.assertAlmostEqual(self.truth.pose.pose.position.z, STANDING_HEIGHT - 0.05, delta=0.005)

    def test_damp_while_walking(self) -> None:
        self.walk()
        self.graph.hold_stick("", vx=0.4)
        self.graph.pass_time(1.0)
        self.graph.require("damp")
        self.wait_for(LocomotionState.DAMPED, 0.1)
        after = self.graph.now
        self.graph.wait_until(
            lambda: self.graph.latest["legs/command"].header.stamp.to_sec() > after, 0.1, "the next command"
        )
        self.assertEqual(max(self.graph.latest["legs/command"].kp), 0.0)
        self.assertGreater(min(self.graph.latest["legs/command"].kd), 0.0)

    def test_lie_down_while_walking(self) -> None:
        self.walk()
        self.graph.hold_stick("", vx=0.4)
        self.graph.pass_time(1.0)
        self.graph.require("lie_down")
        self.wait_for(LocomotionState.LYING_DOWN)
        self.wait_for(LocomotionState.DAMPED)
        self.assertEqual(self.state.reason, "lay down")

    def test_odometry_follows_the_walk(self) -> None:
        self.walk()
        graph, walked, felt = self.graph, {}, {}
        places: Dict[str, Dict[float, Place]] = {"ground_truth/odom": walked, "odom": felt}

        def caught_up() -> bool:
            for topic, there in places.items():
                message = graph.latest[topic]
                there[round(message.header.stamp.to_sec(), 3)] = place(message)
            return graph.latest["odom"].header.stamp.to_sec() > graph.now - 0.03

        for vx, vy, wz, steps in ((0.4, 0.0, 0.0, 50), (0.3, 0.0, 0.6, 40), (0.0, 0.2, 0.0, 20)):
            graph.hold_stick("", vx, vy, wz)
            for _ in range(steps):
                graph.pass_time(0.1)
                with graph.held():  # lockstep waits for the odometry, but it may reach this process after the truth
                    graph.wait_until(caught_up, 1.0, "the odometry keeps up")
        both = sorted(set(walked) & set(felt))
        track = np.array([walked[stamp][:2] for stamp in both])
        way = float(np.sum(np.hypot(*np.diff(track, axis=0).T)))
        self.assertGreater(way, 2.5)
        drift = seen_from(felt[both[0]], felt[both[-1]]) - seen_from(walked[both[0]], walked[both[-1]])
        print(f"odometry: {float(np.hypot(*drift)) / way:.4f} m of drift per metre, over {way:.1f} m")
        self.assertLess(float(np.hypot(*drift)), 0.02 * way)
        self.assertEqual(
            (graph.latest["odom"].header.frame_id, graph.latest["odom"].child_frame_id), ("odom", "base_footprint")
        )

    def test_frames_are_a_chain_from_odom_to_the_base(self) -> None:
        self.stand()
        self.graph.pass_time(0.3)

        since = rospy.Time.from_sec(self.graph.now)
        wanted = {"base_footprint": "odom", "base_link": "base_footprint"}

        def both() -> Optional[Dict[str, float]]:
            transforms = self.graph.latest["tf"].transforms
            links = {link.child_frame_id: link.header.frame_id for link in transforms if link.header.stamp >= since}
            return {link.child_frame_id: link.transform.translation.z for link in transforms if links == wanted} or None

        heights = self.graph.wait_until(both, 1.0, "both transforms")
        self.assertEqual(heights["base_footprint"], 0.0)
        self.assertAlmostEqual(heights["base_link"], STANDING_HEIGHT, delta=0.005)


if __name__ == "__main__":
    rospy.init_node("locomotion_states")
    rostest.rosrun("xdog", "locomotion_states", LocomotionStates)
