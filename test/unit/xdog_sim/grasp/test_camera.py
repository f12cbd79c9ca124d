"""The wrist camera: directions of view and how it stands in the model."""

import dataclasses
import math

import mujoco
import numpy as np
import pytest

from xdog.core.description import load_description
from xdog.core.rotations import rotation_matrix
from xdog_sim.grasp.camera import WRIST, add_wrist_camera, view_axes
from xdog_sim.grasp.config import load_grasp_scenarios
from xdog_sim.world import WorldOptions, build_spec

ROBOT = load_description()
CAMERA = load_grasp_scenarios().camera


def test_without_tilt_the_camera_looks_along_z_with_y_up() -> None:
    level = dataclasses.replace(CAMERA, tilt=0.0)
    # Columns right, up, backward: the camera faces along +z of gripper_frame, so that backward is -z.
    assert view_axes(level) == pytest.approx(np.column_stack([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]))


@pytest.mark.parametrize("tilt", [-0.7, 0.3, 1.2])
def test_the_axes_are_a_right_handed_frame_turned_by_the_tilt(tilt: float) -> None:
    axes = view_axes(dataclasses.replace(CAMERA, tilt=tilt))
    assert axes.T @ axes == pytest.approx(np.eye(3))
    assert np.linalg.det(axes) == pytest.approx(1.0)
    level = view_axes(dataclasses.replace(CAMERA, tilt=0.0))
    assert math.acos(axes[:, 2] @ level[:, 2]) == pytest.approx(abs(tilt))


def wrist_camera(**errors: object) -> tuple:
    """The model's data of a wrist camera with errors of its mount: pose in its link and the intrinsics."""
    spec = build_spec(WorldOptions(sensors=False), ROBOT)
    add_wrist_camera(spec, CAMERA, ROBOT.tool_frame, **errors)  # type: ignore[arg-type]
    model = spec.compile()
    camera = model.camera(WRIST)
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, camera.quat)
    intrinsics = model.cam_intrinsic[camera.id]
    return model, camera.pos.copy(), rotation.reshape(3, 3), intrinsics


def test_the_camera_is_where_the_settings_say() -> None:
    model, position, rotation, (fx, fy, _, _) = wrist_camera()
    assert position == pytest.approx(CAMERA.position)
    assert rotation == pytest.approx(view_axes(CAMERA), abs=1e-6)
    assert model.cam_resolution[model.camera(WRIST).id].tolist() == [int(CAMERA.width), int(CAMERA.height)]
    # The sensor is 1 by 1: half of it at the focal length is the tangent of half the view.
    assert 2.0 * math.atan(0.5 / fx) == pytest.approx(CAMERA.horizontal_view, rel=1e-5)
    assert 2.0 * math.atan(0.5 / fy) == pytest.approx(CAMERA.vertical_view, rel=1e-5)


def test_errors_of_the_mount_shift_and_turn_the_camera() -> None:
    shift, turn = np.array([0.001, -0.002, 0.003]), np.array([0.01, 0.02, -0.03])
    _, position, rotation, _ = wrist_camera(shift=shift, turn=turn)
    assert position == pytest.approx(np.array(CAMERA.position) + shift)
    assert rotation == pytest.approx(view_axes(CAMERA) @ rotation_matrix(*turn), abs=1e-6)


def test_brightness_scales_every_light() -> None:
    plain, bright = wrist_camera()[0], wrist_camera(brightness=1.5)[0]
    assert bright.vis.headlight.ambient == pytest.approx(1.5 * plain.vis.headlight.ambient, rel=1e-5)
    assert bright.light_diffuse == pytest.approx(1.5 * plain.light_diffuse, rel=1e-5)
