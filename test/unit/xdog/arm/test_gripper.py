"""The gripper's gap: by hand, back and forth, and against MuJoCo's distance of the fingertips."""

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from urdf_edits import robot_from

from xdog.arm.gripper import Gripper
from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import DescriptionError, load_description
from xdog_sim.world import WorldOptions, build_model

ROBOT = load_description()
ARM, GRIPPER = ArmKinematics(ROBOT), Gripper(ROBOT)
MODEL = build_model(WorldOptions(visuals=False), ROBOT)


def test_gap_by_hand() -> None:
    # At the closed end the fingertips are a few mm apart, at 0.374 rad 44 mm and at the open end 94 mm.
    assert GRIPPER.range == (pytest.approx(0.0024, abs=2e-4), pytest.approx(0.0943, abs=2e-4))
    assert GRIPPER.gap(0.374) == pytest.approx(0.044, abs=2e-4)


@given(st.floats(0.0, 1.0))
def test_gap_and_angle_are_inverse(share: float) -> None:
    low, high = GRIPPER.range
    gap = low + share * (high - low)
    assert GRIPPER.gap(GRIPPER.angle(gap)) == pytest.approx(gap, abs=1e-9)


@given(st.floats(0.0, 1.0))
def test_gap_is_the_distance_of_mujocos_fingertips(share: float) -> None:
    # The nearest points of two fingertips may be nearer than the moving one to the other's whole face, never further.
    angle = ROBOT.arm.lower[5] + share * (ROBOT.arm.upper[5] - ROBOT.arm.lower[5])
    data = mujoco.MjData(MODEL)
    data.qpos[MODEL.joint(ROBOT.arm.names[5]).qposadr[0]] = angle
    mujoco.mj_kinematics(MODEL, data)
    tips = []
    for link in ARM.links[5:]:
        geoms = [g for g in range(MODEL.ngeom) if MODEL.geom_bodyid[g] == MODEL.body(link).id]
        tips.append(max(geoms, key=lambda g: float(np.linalg.norm(MODEL.geom_pos[g]))))
    assert GRIPPER.gap(angle) <= mujoco.mj_geomDistance(MODEL, data, tips[0], tips[1], 0.5, None) + 1e-6


def test_beyond_the_ends_counts_as_the_end() -> None:
    low, high = GRIPPER.range
    assert (GRIPPER.gap(-9.0), GRIPPER.gap(9.0)) == (low, high)
    assert (GRIPPER.angle(-1.0), GRIPPER.angle(1.0)) == (ROBOT.arm.lower[5], ROBOT.arm.upper[5])


def test_a_finger_without_a_shape_is_named() -> None:
    with pytest.raises(DescriptionError, match="arm_moving_jaw_link has no collision shape, so the gripper's gap"):
        Gripper(robot_from(without_collisions="arm_moving_jaw_link"))
