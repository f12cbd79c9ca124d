"""The field of view of the wrist camera: points along rays at known angles."""

import math

import numpy as np
import pytest

from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import load_description
from xdog_sim.grasp.approach import LEVEL_JAWS
from xdog_sim.grasp.camera import view_axes
from xdog_sim.grasp.config import load_grasp_scenarios
from xdog_sim.grasp.field_of_view import MARGIN, FieldOfView

ROBOT = load_description()
CAMERA = load_grasp_scenarios().camera
POSE = np.array(CAMERA.look_low)


def seen_at(right: float, up: float, ahead: float) -> bool:
    """Whether a point is seen that lies (right, up, ahead) m of the camera, with the arm at POSE."""
    position, rotation = ArmKinematics(ROBOT).forward(POSE)
    offset = view_axes(CAMERA) @ np.array([right, up, -ahead])
    point = position + rotation @ (np.array(CAMERA.position) + offset)
    return FieldOfView(ROBOT, CAMERA).sees(point, POSE)


def test_what_is_straight_ahead_is_seen_and_what_is_behind_is_not() -> None:
    assert seen_at(0.0, 0.0, 0.2)
    assert not seen_at(0.0, 0.0, -0.2)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize(("share", "seen"), [(MARGIN - 0.05, True), (MARGIN + 0.05, False)])
def test_the_view_ends_at_its_margin(sign: float, share: float, seen: bool) -> None:
    ahead = 0.3
    right = sign * share * ahead * math.tan(CAMERA.horizontal_view / 2.0)
    up = sign * share * ahead * math.tan(CAMERA.vertical_view / 2.0)
    assert seen_at(right, 0.0, ahead) is seen
    assert seen_at(0.0, up, ahead) is seen


def test_the_gripper_angle_does_not_matter() -> None:
    view, point = FieldOfView(ROBOT, CAMERA), np.array([0.25, 0.0, -0.1])
    assert view.sees(point, POSE) == view.sees(point, np.append(POSE, 1.0))


def test_the_wrist_camera_sees_along_its_axis_and_not_behind() -> None:
    camera = CAMERA
    view, home = FieldOfView(ROBOT, camera), np.zeros(6)
    home[4] = LEVEL_JAWS  # then the gripper's axis is arm_base_link's x, and the camera sits above it
    tip, _ = ArmKinematics(ROBOT).forward(home[:5])
    _, up, along = camera.position
    lens = tip + np.array([along, 0.0, up])
    for distance in (0.1, 0.3):
        ahead = lens + distance * np.array([math.cos(camera.tilt), 0.0, -math.sin(camera.tilt)])
        assert view.sees(ahead, home)
        assert not view.sees(ahead + np.array([0.0, 1.1 * distance, 0.0]), home)  # 45 degrees to either side
        assert view.sees(ahead + np.array([0.0, 0.8 * distance, 0.0]), home)
        assert not view.sees(ahead + np.array([0.0, 0.0, distance]), home)
    assert not view.sees(lens - np.array([0.2, 0.0, 0.0]), home)
