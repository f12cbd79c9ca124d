#!/usr/bin/env python3
"""PickObject with the image policy: it picks an object up, and stops when its camera stops publishing."""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import sys
from typing import ClassVar, Dict

import numpy as np
import rospy
import rostest
from grasp_case import GraspCase
from sensor_msgs.msg import Image

from xdog.nodes.common import conversions
from xdog_sim.grasp.config import load_grasp_scenarios

CAMERA, PICTURES = "simulated_wrist_camera", "wrist_camera/image_raw"


class GraspByCameraTest(GraspCase):
    """One object alone, as the policy has learned it. The letter is the order: the camera does not come back."""

    nodes = (*GraspCase.nodes, CAMERA)
    topics: ClassVar[Dict[str, type]] = {**GraspCase.topics, PICTURES: Image}

    def setUp(self) -> None:
        super().setUp()
        self.place("cube", 3.0, 3.0)

    def test_a_the_ball_is_in_the_picture_and_is_picked_up(self) -> None:
        self.ask("ball")
        self.graph.wait_until(lambda: "approach" in self.phases, 15.0, "the approach")
        away = []

        def looking() -> bool:
            away.append(float(np.max(np.abs(self.arm[:5] - np.array(load_grasp_scenarios().view_poses.low)))))
            return away[-1] < 0.1

        self.graph.wait_until(looking, 10.0, "the arm looks")
        pixels = conversions.image_pixels(self.graph.latest[PICTURES]).astype(int)
        self.assertEqual(pixels.shape, (96, 128, 3))
        red = (pixels[:, :, 0] > 1.5 * pixels[:, :, 1]) & (pixels[:, :, 0] > 1.5 * pixels[:, :, 2])
        self.assertGreater(red.sum(), 30, "pixels of the ball")
        result = self.result()
        self.assertEqual((result.success, result.outcome), (True, "picked"), result.message)
        self.assertGreater(self.height("ball"), 0.05, result.message)

    def test_b_without_pictures_the_arm_stands_still(self) -> None:
        self.ask("ball")
        self.wait_for_motion()
        self.graph.kill(CAMERA)
        result = self.result(5.0)
        self.assertEqual((result.success, result.outcome), (False, "aborted"), result.message)
        self.assertIn(PICTURES, result.message)
        self.assert_still()
        self.ask("ball")
        result = self.result(5.0)
        self.assertEqual((result.success, result.outcome), (False, "refused"), result.message)
        self.assertIn(PICTURES, result.message)


if __name__ == "__main__":
    rospy.init_node("grasp_by_camera_test")
    rostest.rosrun("xdog", "grasp_by_camera", GraspByCameraTest, sys.argv)
