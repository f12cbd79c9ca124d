#!/usr/bin/env python3
"""The examples that need a running graph work, each as a program of its own."""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import subprocess
import sys
import threading
from typing import List

import rospy
import rostest
from grasp_case import ARM, GraspCase
from repository import ROOT

from xdog.msg import LocomotionState


class ExamplesTest(GraspCase):
    """Each begins with a standing dog before the ball."""

    def run_example(self, name: str) -> str:
        """What an example prints, once it has ended well."""
        command = [sys.executable, str(ROOT / "examples" / name)]
        ended: List[subprocess.CompletedProcess[str]] = []
        program = threading.Thread(
            target=lambda: ended.append(subprocess.run(command, capture_output=True, text=True, check=False))
        )
        program.start()
        self.graph.wait_until(lambda: ended, 120.0, f"{name} ends")
        self.assertEqual(ended[0].returncode, 0, ended[0].stdout + ended[0].stderr)
        return ended[0].stdout

    def test_a_square_ends_where_it_began(self) -> None:
        self.graph.require("reset", "lie", -2.0, 0.0, 0.0)
        self.graph.pass_time(0.1)
        self.assertEqual(len(self.run_example("drive_square.py").splitlines()), 4)
        place = self.graph.latest["ground_truth/odom"].pose.pose.position
        self.assertLess(((place.x + 2.0) ** 2 + place.y**2) ** 0.5, 0.15)
        self.graph.wait_until(lambda: self.legs == LocomotionState.STANDING, 2.0, "the dog stands")

    def test_joints_are_read_and_the_ball_is_picked_up(self) -> None:
        printed = [line.split() for line in self.run_example("read_joints.py").splitlines()]
        angles = {name: float(angle) for name, angle, *_ in printed}
        self.assertEqual(len(angles), 18)
        for name, angle in zip(ARM.names, self.arm):
            self.assertAlmostEqual(angles[name], angle, delta=0.02)
        lying = self.height("ball")
        self.assertIn("picked: ", self.run_example("pick_ball.py"))
        self.assertGreater(self.height("ball"), lying + 0.05)


if __name__ == "__main__":
    rospy.init_node("examples_test")
    rostest.rosrun("xdog", "examples", ExamplesTest, sys.argv)
