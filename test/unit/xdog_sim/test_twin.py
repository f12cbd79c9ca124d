"""The twin: the robot shown from its joint angles, and arm motions rehearsed before the robot executes them."""

import math

import numpy as np
import pytest

from xdog.arm.trajectory import Goal, Point
from xdog.core.description import load_description
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.stance import BodyPose, Stance
from xdog_sim.twin import Rehearsal, Tilt, TwinScene, TwinView

ROBOT = load_description()
_CONFIG = load_locomotion_config()
STANCE = Stance(ROBOT, _CONFIG.stance, _CONFIG.body_pose)
STAND, HOME, STOW = ROBOT.legs.poses["stand"], ROBOT.arm.poses["home"], ROBOT.arm.poses["stow"]
HEIGHT = 0.15 * (math.cos(0.65) + math.cos(0.60)) + 0.0205
"""Of base_link in the stand pose, by hand, m."""


def rehearsal(start: np.ndarray = HOME, legs: np.ndarray = STAND, height: float = HEIGHT) -> Rehearsal:
    return Rehearsal(ROBOT, TwinScene(legs), height, start)


def to(pose: np.ndarray, time: float) -> Goal:
    return Goal(ROBOT.arm.names, [Point(time, pose.tolist())])


def test_tilt_is_estimated_from_the_feet() -> None:
    for roll, pitch in ((0.0, 0.0), (0.1, 0.0), (0.0, 0.2), (0.08, -0.15)):
        joints = STANCE.legs.joints(STANCE.feet_at(BodyPose(-0.04, roll, pitch, 0.0)))
        assert Tilt(ROBOT).angles(joints) == pytest.approx((roll, pitch), abs=1e-3)


def test_a_standing_robot_is_shown_at_the_right_height() -> None:
    view = TwinView(ROBOT)
    joints = {**dict(zip(ROBOT.legs.names, STAND)), **dict(zip(ROBOT.arm.names, HOME)), "unknown": 1.0}
    assert view.show(joints, 1.0, 2.0, 0.5) == pytest.approx(HEIGHT, abs=1e-3)
    place = view.data.body(ROBOT.frames["base"]).xpos
    assert place[:2] == pytest.approx([1.0, 2.0])


def test_a_good_motion_has_no_problems() -> None:
    goal = HOME + np.array([0.4, 0.3, -0.3, 0.2, 0.5, 0.4])
    report = rehearsal().try_out(to(goal, 1.5))
    assert report.problems == []
    assert 1.5 <= report.duration < 2.6
    assert 0.0 < report.lag < 0.3
    assert report.frames[0] == pytest.approx(HOME, abs=1e-6)
    assert report.frames[-1] == pytest.approx(goal, abs=0.09)


def test_a_motion_into_the_floor_is_a_problem() -> None:
    """The arm controller checks collisions with the dog but not with the floor: only the twin finds this one."""
    down = np.array([0.0, 1.6, -0.6, 0.0, 0.0, 0.0])
    report = rehearsal(legs=ROBOT.legs.poses["lie"], height=0.055).try_out(to(down, 2.5))
    assert any("floor" in problem for problem in report.problems), report.problems


def test_what_the_controller_refuses_is_a_problem() -> None:
    back = HOME.copy()
    back[1] = 9.0
    assert rehearsal().try_out(to(back, 2.0)).problems
    assert "rad/s" in rehearsal().try_out(to(STOW, 0.1)).problems[0]
