"""MuJoCo models built from urdf/xdog.urdf: the robot in its simulated world."""

from dataclasses import dataclass
from typing import Dict, List, NamedTuple, Optional, Sequence

import mujoco
import numpy as np

from xdog.core.description import DescriptionError, RobotDescription, load_description
from xdog_sim.config import load_sim_config
from xdog_sim.meshes import urdf_with_meshes

Array = np.ndarray

FOOT_CLASS_FRICTION = (0.8, 0.02, 0.01)
"""Sliding, torsional (m) and rolling (m) friction of a rubber foot; Menagerie's Go1 and A1 use the same."""

COLLISION_GROUP = 3
"""Group of the collision shapes. MuJoCo's viewer and renderer hide it and show the visual shapes instead."""


@dataclass(frozen=True, eq=False)
class HeldTrunk:
    """A trunk that is fixed to the world.

    Attributes:
        position: of base_link in the world, (3,) m.
        orientation: quaternion w, x, y, z of base_link in the world, (4,).
        legs: joint angles, (12,) rad.
    """

    position: Array
    orientation: Array
    legs: Array


@dataclass(frozen=True)
class WorldOptions:
    """Options for building a model.

    Attributes:
        timestep: physics step, s.
        leg_actuators: "position" runs tau = kp (ctrl - q) - kd qd inside MuJoCo; "motor" takes torques, Nm.
        held: pose at which trunk and legs are fixed to the world; the robot is free when None.
        leg_kp, leg_kd: gains of "position" actuators, Nm/rad and Nm s/rad, one number for all or (12,).
        arm: "servo" has six position-controlled joints; "fixed" welds the arm in ``arm_pose``.
        arm_pose: rad, (6,); the stow pose when None.
        contacts: "full" lets all collision shapes touch the floor, and the arm touch the trunk; "training" keeps only
            feet and trunk, which suffices for walking and costs least.
        sensors: add sensors for contact forces, foot motion and the IMU. They take a fifth of a training step.
        dry_friction: keep the joint friction of the URDF, which adds a row per joint to the contact solver.
        armature: reflected rotor inertia of a leg joint, kg m^2 (facts: suggested range 0.004 to 0.01).
        visuals: keep the visual shapes, for rendering; makes the model larger.
        solver_iterations: maximum iterations of the contact solver per step.
    """

    timestep: float = 0.001
    leg_actuators: str = "motor"
    held: Optional[HeldTrunk] = None
    leg_kp: object = 18.0
    leg_kd: object = 0.5
    arm: str = "servo"
    arm_pose: Optional[Array] = None
    contacts: str = "full"
    sensors: bool = True
    dry_friction: bool = True
    armature: float = 0.006
    visuals: bool = True
    solver_iterations: int = 20


class JointIndices(NamedTuple):
    """Indices of joints in MuJoCo's qpos and qvel, and of their actuators in ctrl."""

    qpos: List[int]
    qvel: List[int]
    ctrl: List[int]


def joint_indices(model: mujoco.MjModel, names: Sequence[str]) -> JointIndices:
    """Indices of the joints ``names``, each driven by an actuator of its name."""
    joints = [model.joint(name) for name in names]
    return JointIndices(
        [int(joint.qposadr[0]) for joint in joints],
        [int(joint.dofadr[0]) for joint in joints],
        [int(model.actuator(name).id) for name in names],
    )


def build_model(options: WorldOptions, robot: Optional[RobotDescription] = None) -> mujoco.MjModel:
    """Compile a model of the robot on a flat floor.

    The free joint is ``root``; leg and arm joints keep their URDF names and so do the actuators that drive them.
    Every foot has a site ``<foot link>_site`` at its centre. Sensors, if asked for: ``<foot link>_touch`` (N),
    ``<foot link>_pos`` (m, world) and ``<foot link>_vel`` (m/s, world) for every foot, then ``gyro`` (rad/s) and
    ``accelerometer`` (m/s^2) in the trunk's frame.

    Raises:
        ValueError: an option has an unknown value.
    """
    return compile_spec(build_spec(options, robot))


def compile_spec(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """The model of a world with the robot.

    Raises:
        DescriptionError: MuJoCo refuses it; the message carries MuJoCo's reason.
    """
    try:
        return spec.compile()
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise DescriptionError(
            f"MuJoCo cannot simulate urdf/xdog.urdf in this scene ({reason}): correct the link or joint that it names"
        ) from error


def build_spec(options: WorldOptions, robot: Optional[RobotDescription] = None) -> mujoco.MjSpec:
    """Like `build_model`, but returns the editable specification, so that more can be added to the world."""
    for name, value, known in (
        ("leg_actuators", options.leg_actuators, ("position", "motor")),
        ("arm", options.arm, ("servo", "fixed")),
        ("contacts", options.contacts, ("full", "training")),
    ):
        if value not in known:
            raise ValueError(f"WorldOptions.{name} is {value!r}; known: {', '.join(known)}")
    robot = robot or load_description()
    try:
        spec = mujoco.MjSpec.from_string(urdf_with_meshes(robot.urdf))
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise DescriptionError(f"MuJoCo cannot read urdf/xdog.urdf ({reason}): correct the element it names") from error
    spec.modelname = "xdog"
    spec.compiler.fusestatic = options.arm == "fixed" and not options.visuals
    spec.compiler.discardvisual = not options.visuals
    spec.option.timestep = options.timestep
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
    spec.option.iterations = options.solver_iterations
    spec.option.ls_iterations = 10
    trunk = spec.body(robot.frames["base"])
    if options.held is None:
        trunk.add_freejoint(name="root")
        _legs(spec, robot, options)
    else:
        trunk.pos, trunk.quat = options.held.position, options.held.orientation
        _weld(spec, robot.legs.names, options.held.legs)
    if options.arm == "fixed":
        stow = robot.arm.poses["stow"]
        _weld(spec, robot.arm.names, stow if options.arm_pose is None else options.arm_pose)
    else:
        _arm_servos(spec, robot)
    _contacts(spec, robot, options)
    _floor(spec)
    _foot_sites(spec, robot)
    if options.sensors:
        _sensors(spec, robot)
    return spec


def _legs(spec: mujoco.MjSpec, robot: RobotDescription, options: WorldOptions) -> None:
    count = len(robot.legs.names)
    kp = np.broadcast_to(np.asarray(options.leg_kp, dtype=float), (count,))
    kd = np.broadcast_to(np.asarray(options.leg_kd, dtype=float), (count,))
    for i, name in enumerate(robot.legs.names):
        joint = spec.joint(name)
        joint.armature = options.armature
        if not options.dry_friction:
            joint.frictionloss = 0.0
        actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.forcelimited = True
        actuator.forcerange = [-robot.legs.effort[i], robot.legs.effort[i]]
        if options.leg_actuators == "position":
            actuator.gainprm[0] = kp[i]
            actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
            actuator.biasprm[:3] = [0.0, -kp[i], -kd[i]]


def _arm_servos(spec: mujoco.MjSpec, robot: RobotDescription) -> None:
    servo = load_sim_config().arm
    torque = robot.arm.effort.copy()
    torque[-1] *= servo.gripper_torque  # the last joint is the gripper, as in LeRobot's order
    for i, name in enumerate(robot.arm.names):
        spec.joint(name).armature = servo.armature
        actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.gainprm[0] = servo.kp
        actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
        actuator.biasprm[:3] = [0.0, -servo.kp, -servo.kv]
        actuator.forcelimited = True
        actuator.forcerange = [-torque[i], torque[i]]


def _weld(spec: mujoco.MjSpec, joints: Sequence[str], pose: Array) -> None:
    for name, angle in zip(joints, np.asarray(pose, dtype=float)):
        joint = spec.joint(name)
        body = joint.parent
        turn, turned = np.zeros(4), np.zeros(4)
        mujoco.mju_axisAngle2Quat(turn, np.asarray(joint.axis, dtype=float), angle)
        mujoco.mju_mulQuat(turned, np.asarray(body.quat, dtype=float), turn)
        body.quat = turned
        spec.delete(joint)


def _collision_geoms(spec: mujoco.MjSpec) -> Dict[str, list]:
    geoms: Dict[str, list] = {}
    for geom in spec.geoms:
        if geom.contype or geom.conaffinity:
            geoms.setdefault(geom.parent.name, []).append(geom)
    return geoms


def _contacts(spec: mujoco.MjSpec, robot: RobotDescription, options: WorldOptions) -> None:
    """Set the contact bits: 1 floor against body, 2 arm against trunk. Legs do not collide with each other."""
    base, full = robot.frames["base"], options.contacts == "full"
    arm_links = [name for name in robot.links if name.startswith("arm_")]
    for link, geoms in _collision_geoms(spec).items():
        for geom in geoms:
            foot = link in robot.feet
            keep = full or foot or link == base
            geom.contype = (1 if keep else 0) | (2 if full and link in arm_links else 0)
            geom.conaffinity = 2 if full and link == base else 0
            geom.condim = 3
            geom.group = COLLISION_GROUP
            geom.friction = list(FOOT_CLASS_FRICTION)
            if foot:
                geom.name = f"{link}_contact"
                geom.priority = 1
    # A fixed arm never touches the trunk, and naming its mount here would keep MuJoCo from merging it into the trunk.
    if full and options.arm == "servo":
        spec.add_exclude(name="arm_on_its_mount", bodyname1=base, bodyname2="arm_base_link")


def _floor(spec: mujoco.MjSpec) -> None:
    texture, pattern = mujoco.mjtTexture, mujoco.mjtBuiltin
    for name, kind, builtin, first, second in (
        ("tiles", texture.mjTEXTURE_2D, pattern.mjBUILTIN_CHECKER, [0.36, 0.42, 0.48], [0.42, 0.48, 0.55]),
        ("sky", texture.mjTEXTURE_SKYBOX, pattern.mjBUILTIN_GRADIENT, [0.78, 0.86, 0.94], [0.93, 0.95, 0.97]),
    ):
        spec.add_texture(name=name, type=kind, builtin=builtin, rgb1=first, rgb2=second, width=256, height=256)
    tiles = spec.add_material(name="tiles", texrepeat=[2.0, 2.0], texuniform=True, reflectance=0.05)
    tiles.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "tiles"
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0.0, 0.0, 0.05],
        material="tiles",
        contype=0,
        conaffinity=1,
        condim=3,
        friction=[0.8, 0.02, 0.01],
    )
    spec.worldbody.add_light(
        name="sun", pos=[0.0, 0.0, 4.0], dir=[0.3, 0.2, -1.0], type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    )


def _foot_sites(spec: mujoco.MjSpec, robot: RobotDescription) -> None:
    for foot in robot.feet:
        geom = spec.geom(f"{foot}_contact")
        radius = float(geom.size[0])
        geom.parent.add_site(name=f"{foot}_site", pos=geom.pos, size=[1.2 * radius] * 3, group=4)


def _sensors(spec: mujoco.MjSpec, robot: RobotDescription) -> None:
    for foot in robot.feet:
        spec.add_sensor(
            name=f"{foot}_touch",
            type=mujoco.mjtSensor.mjSENS_TOUCH,
            objtype=mujoco.mjtObj.mjOBJ_SITE,
            objname=f"{foot}_site",
        )
    for suffix, kind in (("pos", mujoco.mjtSensor.mjSENS_FRAMEPOS), ("vel", mujoco.mjtSensor.mjSENS_FRAMELINVEL)):
        for foot in robot.feet:
            spec.add_sensor(
                name=f"{foot}_{suffix}", type=kind, objtype=mujoco.mjtObj.mjOBJ_SITE, objname=f"{foot}_site"
            )
    imu = robot.fixed_transform(robot.frames["imu"])
    spec.body(robot.frames["base"]).add_site(name="imu", pos=imu.position, group=4)
    for name, kind in (
        ("gyro", mujoco.mjtSensor.mjSENS_GYRO),
        ("accelerometer", mujoco.mjtSensor.mjSENS_ACCELEROMETER),
    ):
        spec.add_sensor(name=name, type=kind, objtype=mujoco.mjtObj.mjOBJ_SITE, objname="imu")
