#!/usr/bin/env python3
"""Stand up, walk, turn, be pushed, stop, lie down in the running graph: metrics of the run, not impressions."""

import sys
import unittest

import numpy as np
import rospy
import rostest

from xdog.core.rotations import tilt_angle, yaw_angle
from xdog_sim.demo.course import Course, Phase, Push
from xdog_sim.demo.metrics import compute_metrics
from xdog_sim.nodes.course import CourseDriver

COURSE = Course(
    "test",
    (
        Phase("stand up", "stand", 1.0),
        Phase("forward", "walk", 4.0, (0.5, 0.0, 0.0)),
        Phase("turn in place", "walk", 3.0, (0.0, 0.0, 1.0)),
        Phase("pushed while walking", "walk", 5.0, (0.4, 0.0, 0.0), Push(1.5, (0.0, 0.6, 0.0))),
        Phase("stop", "walk", 2.0),
        Phase("stand still", "stand", 1.0),
        Phase("lie down", "lie_down", 1.0),
    ),
)


class CourseTest(unittest.TestCase):
    def test_the_robot_walks_the_course(self) -> None:
        driver = CourseDriver()
        driver.wait_until_ready()
        run, problem = driver.run(COURSE, lambda elapsed, label: rospy.logdebug(f"{elapsed:.1f} s: {label}"))
        assert not problem, problem
        metrics = compute_metrics(run)
        rospy.loginfo(metrics)

        assert [mark.label for mark in run.phases] == [phase.label for phase in COURSE.phases]
        assert metrics.falls == 0
        assert metrics.velocity_rmse < 0.2, metrics
        assert metrics.yaw_rate_rmse < 0.4, metrics
        assert metrics.pushes[0].recovery is not None, metrics
        assert metrics.pushes[0].largest_tilt < 0.5, metrics
        assert metrics.odometry_drift < 0.02 * metrics.path_length, metrics  # measured: 0.003 to 0.004

        marks = {mark.label: int(np.searchsorted(run.time, mark.time)) for mark in run.phases}
        heights = run.position[:, 2]
        assert heights[0] < 0.15  # it lies before the request to stand
        assert 0.22 < heights[marks["forward"]] < 0.32
        assert heights[-1] < 0.15
        assert tilt_angle(run.orientation)[-1] < 0.15
        walked = run.position[marks["turn in place"], 0] - run.position[marks["forward"], 0]
        assert 1.4 < walked < 2.4, walked  # 4 s at 0.5 m/s
        yaw = np.unwrap(yaw_angle(run.orientation))
        turned = yaw[marks["pushed while walking"]] - yaw[marks["turn in place"]]
        assert 2.2 < turned < 3.6, turned  # 3 s at 1 rad/s


if __name__ == "__main__":
    rospy.init_node("course_test")
    rostest.rosrun("xdog", "course", CourseTest, sys.argv)
