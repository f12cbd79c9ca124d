"""The twin: MuJoCo shows the robot from its joint angles, and rehearses arm motions before the robot executes them."""

import math
from dataclasses import dataclass
from typing import List, Mapping, Optional, Sequence, Tuple

import mujoco
import numpy as np

from xdog.arm.config import load_arm_config
from xdog.arm.controller import ArmController
from xdog.arm.motions import ArmMeasurement
from xdog.arm.trajectory import SUCCESSFUL, Goal, TrajectoryError
from xdog.core.description import RobotDescription
from xdog.core.rotations import euler_quaternion
from xdog.locomotion.kinematics import LegKinematics
from xdog_sim.config import load_sim_config
from xdog_sim.devices import SimulatedArm
from xdog_sim.world import HeldTrunk, WorldOptions, build_model, joint_indices

Array = np.ndarray

MAX_TILT = 0.45
"""rad. If the plane of the feet is steeper, the dog does not stand on them, and the trunk is shown level."""
CONTACT_DEPTH = 0.0005
"""m. Shapes are in contact if they overlap by more than this."""
FRAME_RATE = 25.0
"""Recorded arm poses of a rehearsal per second."""
MAX_DURATION = 120.0
"""Maximum duration of a rehearsal, s."""


@dataclass(frozen=True, eq=False)
class TwinScene:
    """Stance of the dog: leg joints (12,) rad, position x, y in m, yaw in rad."""

    legs: Array
    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0


@dataclass(frozen=True, eq=False)
class Report:
    """Result of a rehearsal.

    Attributes:
        problems: why the robot should not execute the motion; empty if it may.
        duration: of the motion, s.
        lag: largest tracking error of any joint except the gripper, rad.
        frames: arm poses (n, 6) rad, 1 / FRAME_RATE s apart.
    """

    problems: Sequence[str]
    duration: float
    lag: float
    frames: Array


class Tilt:
    """Estimates the tilt of the trunk from the joint angles alone, assuming that all feet stand on the ground."""

    def __init__(self, robot: RobotDescription) -> None:
        self._legs = LegKinematics(robot)

    def angles(self, joints: Array) -> Tuple[float, float]:
        """Roll and pitch of the trunk relative to the plane of its feet, rad; zero beyond `MAX_TILT`."""
        feet = self._legs.feet(joints)
        slope = np.linalg.lstsq(np.column_stack([feet[:, :2], np.ones(len(feet))]), feet[:, 2], rcond=None)[0]
        up = np.array([-slope[0], -slope[1], 1.0]) / math.sqrt(1.0 + slope[0] ** 2 + slope[1] ** 2)
        # The plane's normal in the base is the third row of the base's rotation.
        pitch, roll = -math.asin(up[0]), math.atan2(up[1], up[2])
        return (roll, pitch) if math.acos(min(up[2], 1.0)) < MAX_TILT else (0.0, 0.0)


class TwinView:
    """Shows the reported state of the robot. `model` and `data` are those of MuJoCo, for a viewer or renderer."""

    def __init__(self, robot: RobotDescription) -> None:
        self.model = build_model(WorldOptions(sensors=False), robot)
        self.data = mujoco.MjData(self.model)
        self._robot, self._tilt = robot, Tilt(robot)
        self._addresses = {
            name: int(self.model.joint(name).qposadr[0]) for name in (*robot.legs.names, *robot.arm.names)
        }
        self._root = int(self.model.joint("root").qposadr[0])
        base = self.model.body(robot.frames["base"]).id
        own = self.model.body_rootid[self.model.geom_bodyid] == base
        self._solid = np.flatnonzero(own & (self.model.geom_contype > 0))
        self._floor = self.model.geom("floor").id

    def show(self, joints: Mapping[str, float], x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> float:
        """Set joint angles (rad) by name and the position (m, rad), and put the robot on the ground.

        Joints that are not named keep their angles. Returns the height of base_link above the ground, m.
        """
        for name, angle in joints.items():
            if name in self._addresses and math.isfinite(angle):
                self.data.qpos[self._addresses[name]] = angle
        roll, pitch = self._tilt.angles(
            np.array([self.data.qpos[self._addresses[name]] for name in self._robot.legs.names])
        )
        turn = euler_quaternion(roll, pitch, yaw)[[3, 0, 1, 2]]
        self.data.qpos[self._root : self._root + 7] = [x, y, 1.0, *turn]
        mujoco.mj_kinematics(self.model, self.data)
        gaps = [mujoco.mj_geomDistance(self.model, self.data, g, self._floor, 2.0, None) for g in self._solid]
        self.data.qpos[self._root + 2] -= min(gaps)
        mujoco.mj_forward(self.model, self.data)
        return float(self.data.qpos[self._root + 2])


class Rehearsal:
    """A simulated arm on a dog that stands still, moved by the robot's own arm controller.

    Args:
        robot: description of the robot.
        twin_scene: stance of the dog.
        height: of base_link above the ground, m.
        start: arm pose, (6,) rad.
    """

    def __init__(self, robot: RobotDescription, twin_scene: TwinScene, height: float, start: Array) -> None:
        config = load_sim_config()
        turn = euler_quaternion(*Tilt(robot).angles(twin_scene.legs), twin_scene.yaw)[[3, 0, 1, 2]]
        held = HeldTrunk(np.array([twin_scene.x, twin_scene.y, height]), turn, twin_scene.legs)
        options = WorldOptions(timestep=config.physics_step, held=held, sensors=False, visuals=False)
        self._model = build_model(options, robot)
        self._data = mujoco.MjData(self._model)
        self._arm = SimulatedArm(robot, config)
        self._q, self._v, self._u = joint_indices(self._model, robot.arm.names)
        moving = [int(self._model.jnt_bodyid[self._model.joint(name).id]) for name in robot.arm.names]
        self._moving = np.isin(self._model.geom_bodyid, moving)
        self._data.qpos[self._q] = self._data.ctrl[self._u] = start
        self._arm.restart(start)
        mujoco.mj_forward(self._model, self._data)
        self._controller = ArmController(robot, load_arm_config(robot))
        self._legs, self._period = twin_scene.legs, 1.0 / robot.rates["control"]
        self._now = self._period

    def try_out(self, goal: Goal) -> Report:
        """Execute a trajectory with the robot's arm controller and report problems."""
        problems: List[str] = []
        frames, lag = [self._data.qpos[self._q].copy()], 0.0
        self._cycle()
        try:
            motion = self._controller.follow(goal)
        except TrajectoryError as error:
            return Report([str(error)], 0.0, 0.0, np.array(frames))
        start, touched = self._now, ""
        while motion.outcome is None and self._now - start < MAX_DURATION:
            target = self._cycle()
            if target is not None:
                lag = max(lag, float(np.max(np.abs(target - self._data.qpos[self._q])[:5])))
            touched = touched or self._contact()
            if (self._now - start) * FRAME_RATE >= len(frames):
                frames.append(self._data.qpos[self._q].copy())
        if touched:
            problems.append(f"the arm touches {touched}")
        if motion.outcome is None:
            problems.append(f"it takes longer than {MAX_DURATION:g} s")
        elif motion.outcome.code != SUCCESSFUL:
            problems.append(motion.outcome.message)
        return Report(problems, self._now - start, lag, np.array(frames))

    def _cycle(self) -> Optional[Array]:
        """One control period; returns the goals that the controller sent to the servos, or None."""
        data, now = self._data, self._now
        self._arm.measure(now, data.qpos[self._q], data.qvel[self._v], data.actuator_force[self._u])
        reading = self._arm.read()
        self._controller.on_safety(now, True, "")
        measured = ArmMeasurement(now, reading.position, reading.velocity, reading.effort)
        target = self._controller.step(measured, self._legs)
        if target is not None:
            self._arm.write(target)
        for _ in range(round(self._period / self._model.opt.timestep)):
            data.ctrl[self._u] = self._arm.advance()
            mujoco.mj_step(self._model, data)
        self._now = now + self._period
        return target

    def _contact(self) -> str:
        """Name of what a moving part of the arm touches now; empty if nothing."""
        for i in range(self._data.ncon):
            contact = self._data.contact[i]
            pair = contact.geom
            if contact.dist < -CONTACT_DEPTH and self._moving[pair].any():
                other = pair[0] if self._moving[pair[1]] else pair[1]
                name = self._model.geom(other).name or self._model.body(self._model.geom_bodyid[other]).name
                return f"the {name}"
        return ""
