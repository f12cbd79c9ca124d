"""Arm kinematics against numbers worked out by hand, against MuJoCo, and as inverse of each other."""

import math

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from urdf_edits import robot_from

from xdog.arm.kinematics import ArmKinematics, IkError
from xdog.core.description import DescriptionError, load_description
from xdog_sim.world import WorldOptions, build_model

Array = np.ndarray
ROBOT = load_description()
ARM = ArmKinematics(ROBOT)
LOWER, UPPER = ROBOT.arm.lower, ROBOT.arm.upper

poses = st.tuples(*[st.floats(0.0, 1.0)] * 6).map(  # rounding must not put the last of them beyond the limit
    lambda shares: np.minimum(LOWER + np.array(shares) * (UPPER - LOWER), UPPER)
)


@pytest.fixture(scope="module")
def twin() -> "tuple[mujoco.MjModel, mujoco.MjData]":
    model = build_model(WorldOptions(visuals=False), ROBOT)
    return model, mujoco.MjData(model)


def put(model: mujoco.MjModel, data: mujoco.MjData, joints: Array) -> None:
    for name, angle in zip(ROBOT.arm.names, joints):
        data.qpos[model.joint(name).qposadr[0]] = angle
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)


def in_base(data: mujoco.MjData, body: str) -> "tuple[Array, Array]":
    base, link = data.body(ARM.base), data.body(body)
    turn = base.xmat.reshape(3, 3)
    return turn.T @ (link.xpos - base.xpos), turn.T @ link.xmat.reshape(3, 3)


def test_reaching_out_by_hand() -> None:
    # Pan axis 38.8353 mm ahead; lift axis 30.3992 on; elbow 112.57 up and 28 ahead; wrist 134.9 ahead and 5.2 up;
    # roll axis 61.1 ahead; fingertip 98.1274 ahead and 7.9 below it, turned by 48.6795 mrad about the roll axis.
    position, rotation = ARM.forward(np.zeros(6))
    x = 0.0388353 + 0.0303992 + 0.028 + 0.1349 + 0.0611 + 0.0981274
    z = 0.0624 + 0.0542 + 0.11257 + 0.0052 - 0.0079 * math.cos(0.0486795) - 0.000218 * math.sin(0.0486795)
    np.testing.assert_allclose(position, [x, 0.0, z], atol=2e-5)
    np.testing.assert_allclose(rotation[:, 2], [1.0, 0.0, 0.0], atol=1e-9)


def test_directions_by_hand() -> None:
    # At zero a positive pan takes the tool to the right, the three hinges take it down.
    jacobian = ARM.jacobian(np.zeros(6))
    assert jacobian[1, 0] == pytest.approx(-(0.3913619 - 0.0388353), abs=1e-6)
    assert all(jacobian[2, 1:4] < -0.1)
    assert ARM.pitch([0.0, 0.0, 0.0, 0.5, 0.0]) == pytest.approx(0.5)


@given(poses)
def test_links_and_tool_are_mujocos(twin: "tuple[mujoco.MjModel, mujoco.MjData]", joints: Array) -> None:
    put(*twin, joints)
    origins, rotations = ARM.link_poses(joints)
    for i, link in enumerate(ARM.links):
        position, rotation = in_base(twin[1], link)
        np.testing.assert_allclose(origins[i], position, atol=1e-9)
        np.testing.assert_allclose(rotations[i], rotation, atol=1e-9)
    for ours, theirs in zip(ARM.forward(joints), in_base(twin[1], ROBOT.tool_frame)):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


@given(poses)
def test_jacobian_is_mujocos(twin: "tuple[mujoco.MjModel, mujoco.MjData]", joints: Array) -> None:
    model, data = twin
    put(model, data, joints)
    linear, angular = np.zeros((3, model.nv)), np.zeros((3, model.nv))
    mujoco.mj_jacBody(model, data, linear, angular, model.body(ROBOT.tool_frame).id)
    columns = [model.joint(name).dofadr[0] for name in ROBOT.arm.names[:5]]
    turn = data.body(ARM.base).xmat.reshape(3, 3)
    wanted = np.vstack([turn.T @ linear[:, columns], turn.T @ angular[:, columns]])
    np.testing.assert_allclose(ARM.jacobian(joints), wanted, atol=1e-9)


def test_many_poses_at_once() -> None:
    several = np.linspace(LOWER, UPPER, 5).reshape(5, 1, 6)
    origins, rotations = ARM.link_poses(several)
    for i, joints in enumerate(several[:, 0]):
        np.testing.assert_allclose(origins[i, 0], ARM.link_poses(joints)[0])
        np.testing.assert_allclose(rotations[i, 0], ARM.link_poses(joints)[1])


@given(poses)
def test_inverse_finds_the_angles_again(joints: Array) -> None:
    position, _ = ARM.forward(joints)
    found = ARM.inverse(position, ARM.pitch(joints), joints[4], seed=joints)
    np.testing.assert_allclose(found, joints[:5], atol=1e-5)


@given(poses, st.floats(-math.pi, math.pi))
def test_every_branch_arrives_within_limits(joints: Array, pitch: float) -> None:
    position, _ = ARM.forward(joints)
    try:
        branches = ARM.solutions(position, pitch, joints[4])
    except IkError:
        return
    for angles in branches:
        assert np.all((angles >= ARM.lower) & (angles <= ARM.upper))
        np.testing.assert_allclose(ARM.forward(angles)[0], position, atol=1e-7)
        assert abs(math.remainder(ARM.pitch(angles) - pitch, 2.0 * math.pi)) < 1e-6
        assert angles[4] == joints[4]


def test_seed_chooses_the_branch() -> None:
    position, pitch = [0.14, 0.0, 0.52], -1.5
    branches = ARM.solutions(position, pitch)
    assert len(branches) >= 2
    for angles in branches:
        np.testing.assert_array_equal(ARM.inverse(position, pitch, seed=angles), angles)


@pytest.mark.parametrize(
    ("position", "pitch", "roll", "reason"),
    [
        ([0.7, 0.0, 0.1], 0.0, 0.0, "at most 0.251 m"),
        ([0.0388353, 0.0, 0.3], 0.0, 1.5, "nearer than 0.0080 m to the vertical axis of shoulder_pan"),
        ([0.25, 0.0, 0.15], 1.2, 0.0, "limits"),
    ],
)
def test_out_of_reach_says_why(position: "list[float]", pitch: float, roll: float, reason: str) -> None:
    with pytest.raises(IkError, match=reason):
        ARM.inverse(position, pitch, roll)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('rpy="1.5707963267948966 0.0486795 3.14', 'rpy="1.2 0.0486795 3.14', "approach in their"),
        ('<parent link="arm_gripper_link"/>', '<parent link="arm_wrist_link"/>', "follow each other|must be fixed to"),
    ],
)
def test_another_arm_is_refused(old: str, new: str, message: str) -> None:
    assert old in ROBOT.urdf
    with pytest.raises(DescriptionError, match=message):
        ArmKinematics(robot_from(ROBOT.urdf.replace(old, new)))
