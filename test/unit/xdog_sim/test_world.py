"""MuJoCo models of the robot: joints, servos, contacts, sensors and fixed parts."""

import math

import mujoco
import numpy as np
import pytest
from urdf_edits import added, robot_from

from xdog.core.description import DescriptionError, load_description
from xdog_sim.world import HeldTrunk, WorldOptions, build_model, joint_indices

ROBOT = load_description()
PLAIN = WorldOptions(visuals=False)


def test_servos_have_the_published_gains() -> None:
    model = build_model(WorldOptions(visuals=False))
    gripper, lift = model.actuator("gripper"), model.actuator("shoulder_lift")
    assert lift.gainprm[0] == 998.22
    assert list(lift.biasprm[:3]) == [0.0, -998.22, -2.731]
    assert list(lift.forcerange) == [-2.94, 2.94]
    assert list(gripper.forcerange) == [-1.47, 1.47]  # LeRobot's 50 %


def test_joints_actuators_and_sensors_keep_their_names() -> None:
    model = build_model(PLAIN)
    names = [*ROBOT.legs.names, *ROBOT.arm.names]
    assert [model.actuator(i).name for i in range(model.nu)] == names
    assert all(model.actuator(name).trnid[0] == model.joint(name).id for name in names)
    sensors = [f"{foot}_{kind}" for kind in ("touch", "pos", "vel") for foot in ROBOT.feet]
    assert [model.sensor(i).name for i in range(model.nsensor)] == [*sensors, "gyro", "accelerometer"]
    assert build_model(WorldOptions(visuals=False, sensors=False)).nsensor == 0


def test_the_model_has_the_mass_of_the_urdf() -> None:
    for options in (PLAIN, WorldOptions(visuals=False, arm="fixed")):
        assert float(build_model(options).body_mass.sum()) == pytest.approx(ROBOT.mass, rel=1e-6)


def test_position_actuators_are_pd_controllers() -> None:
    model = build_model(WorldOptions(leg_actuators="position", leg_kp=20.0, leg_kd=0.7, visuals=False))
    knee = model.actuator(ROBOT.legs.names[2])
    # MuJoCo: force = gain * ctrl + bias, with gain = kp and bias = -kp q - kd qd.
    assert (knee.gainprm[0], list(knee.biasprm[:3])) == (20.0, [0.0, -20.0, -0.7])
    assert list(knee.forcerange) == [-ROBOT.legs.effort[2], ROBOT.legs.effort[2]]


def test_a_held_trunk_has_no_free_joint_and_its_legs_keep_their_angles() -> None:
    legs = ROBOT.legs.poses["stand"]
    turned = np.array([math.cos(0.3), 0.0, 0.0, math.sin(0.3)])  # 0.6 rad to the left
    model = build_model(WorldOptions(held=HeldTrunk(np.array([1.0, 2.0, 0.5]), turned, legs), visuals=False))
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    assert model.nq == len(ROBOT.arm.names)
    free = build_model(PLAIN)
    reference = mujoco.MjData(free)
    reference.qpos[:7] = [1.0, 2.0, 0.5, *turned]
    for name, angle in zip(ROBOT.legs.names, legs):
        reference.qpos[free.joint(name).qposadr[0]] = angle
    mujoco.mj_kinematics(free, reference)
    for foot in ROBOT.feet:
        assert data.site(f"{foot}_site").xpos == pytest.approx(reference.site(f"{foot}_site").xpos, abs=1e-9)


def test_only_feet_and_trunk_collide_in_training() -> None:
    model = build_model(WorldOptions(contacts="training", arm="fixed", visuals=False))
    links = {model.body(model.geom_bodyid[i]).name for i in range(model.ngeom) if model.geom_contype[i]}
    knees = {ROBOT.joints[name].child for name in ROBOT.legs.names[2::3]}  # the feet are part of the lower legs
    assert links == {ROBOT.frames["base"], *knees}


@pytest.mark.parametrize("name", ["leg_actuators", "arm", "contacts"])
def test_an_unknown_option_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=rf"WorldOptions\.{name} is 'rubber'; known: "):
        build_model(WorldOptions(**{name: "rubber"}))  # type: ignore[arg-type]


def test_joint_indices_are_in_the_order_of_the_names() -> None:
    model = build_model(PLAIN)
    names = [ROBOT.arm.names[2], ROBOT.legs.names[0], ROBOT.arm.names[5]]
    indices = joint_indices(model, names)
    # The free joint of the trunk comes first and takes 7 entries of qpos but 6 of qvel.
    assert [q - v for q, v in zip(indices.qpos, indices.qvel)] == [1, 1, 1]
    assert [model.joint(int(model.actuator(i).trnid[0])).name for i in indices.ctrl] == names
    data = mujoco.MjData(model)
    data.qpos[indices.qpos] = [0.1, 0.2, 0.3]
    assert [float(data.joint(name).qpos[0]) for name in names] == [0.1, 0.2, 0.3]


def test_a_body_that_cannot_be_simulated_is_an_error_of_the_urdf() -> None:
    links = '<parent link="base_link"/><child link="lidar"/>'
    joint = f'<joint name="spin" type="continuous">{links}<axis xyz="0 0 1"/></joint>'
    robot = robot_from(added('<link name="lidar"/>' + joint))
    with pytest.raises(DescriptionError, match=r"urdf/xdog\.urdf in this scene .*lidar.*: correct the link or joint"):
        build_model(WorldOptions(), robot)
