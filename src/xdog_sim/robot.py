"""One simulated XDog: MuJoCo behind the same protocols as the hardware drivers."""

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple, Union

import mujoco
import numpy as np

from xdog.core.description import RobotDescription, load_description
from xdog.core.interfaces import LegsTarget
from xdog.core.robot_config import Gains
from xdog_sim.config import SimConfig, load_sim_config
from xdog_sim.devices import SimulatedArm, SimulatedGauge, SimulatedLegs
from xdog_sim.faults import Faults
from xdog_sim.sensors import ImuSample
from xdog_sim.world import WorldOptions, build_model, joint_indices

Array = np.ndarray
Index = Union[slice, Array]

SETTLE_TIME = 1.0
"""s for which a reset robot settles; the simulated time stands still meanwhile."""


def _index(indices: List[int]) -> Index:
    """The indices as a slice if they are consecutive, which NumPy reads and writes several times faster."""
    consecutive = indices == list(range(indices[0], indices[0] + len(indices)))
    return slice(indices[0], indices[-1] + 1) if consecutive else np.array(indices)


class SimulationError(RuntimeError):
    """The physics diverged."""


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """True pose and velocity of base_link.

    Attributes:
        stamp: s.
        position: (3,) m in the world.
        orientation: (4,) quaternion x, y, z, w of base_link in the world.
        linear_velocity: (3,) m/s of base_link's origin, in base_link.
        angular_velocity: (3,) rad/s, in base_link.
    """

    stamp: float
    position: Array
    orientation: Array
    linear_velocity: Array
    angular_velocity: Array


class SimulatedRobot:
    """One XDog in MuJoCo. Time starts at zero and only moves in `step`.

    Attributes:
        robot: the description.
        legs, arm, battery: the devices, which satisfy the protocols of xdog.core.interfaces.
        faults: the active hardware faults.
        model, data: of MuJoCo, for viewers and cameras.
    """

    def __init__(
        self,
        robot: Optional[RobotDescription] = None,
        config: Optional[SimConfig] = None,
        seed: int = 0,
        model: Optional[mujoco.MjModel] = None,
    ) -> None:
        """Build the robot, lying at the origin.

        Args:
            robot: description; urdf/xdog.urdf when None.
            config: limits and noise; sim/hardware.yaml when None.
            seed: for all random numbers of this robot.
            model: a model of the robot with "motor" leg actuators and "servo" arm; the robot on a flat floor when None.
        """
        self.robot = robot or load_description()
        config = config or load_sim_config()
        options = WorldOptions(timestep=config.physics_step, leg_actuators="motor", arm="servo", visuals=False)
        self.model = model or build_model(options, self.robot)
        self.data = mujoco.MjData(self.model)
        self._step_time, self._steps, self._copper_loss = config.physics_step, 0, config.battery.copper_loss
        self._base = self.model.joint("root")
        self._base_position, self._base_velocity = int(self._base.qposadr[0]), int(self._base.dofadr[0])
        legs, arm = self.robot.legs.names, self.robot.arm.names
        self._leg_q, self._leg_v, self._leg_u = self._addresses(legs)
        self._arm_q, self._arm_v, self._arm_u = self._addresses(arm)
        self._gyro, self._accelerometer = _index(self._sensor("gyro")), _index(self._sensor("accelerometer"))
        self._touch = _index([address for foot in self.robot.feet for address in self._sensor(f"{foot}_touch")])
        self._servo_torque = self.model.actuator_forcerange[self._arm_u].copy()
        self.faults = Faults(legs)
        mujoco.mj_forward(self.model, self.data)
        random = np.random.default_rng(seed)
        self.legs = SimulatedLegs(self.robot, config, random, self.faults, self._imu_sample())
        self.arm = SimulatedArm(self.robot, config)
        self.battery = SimulatedGauge(self.robot.battery, config.battery, self.faults)
        self.reset()

    @property
    def time(self) -> float:
        """Simulated time, s."""
        return self._steps * self._step_time

    @property
    def step_time(self) -> float:
        """Physics step, s."""
        return self._step_time

    def step(self, count: int = 1) -> None:
        """Advance the physics by ``count`` steps, then measure.

        Raises:
            SimulationError: the physics diverged; `reset` makes the robot usable again.
        """
        self.model.actuator_forcerange[self._arm_u] = self._servo_torque * self.arm.torque_share
        before = self.data.time
        energy = sum(self._advance() for _ in range(count))
        self._steps += count
        if self.data.time <= before or not np.isfinite(self.data.qpos).all():
            raise SimulationError(f"the simulation diverged at {self.time:.3f} s; reset the robot")
        self.battery.drain(self.time, energy, count * self._step_time)
        self._measure()

    def reset(self, pose: str = "lie", x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> None:
        """Put the robot at rest, damped, with its arm stowed. Time, charge and faults stay as they are.

        Args:
            pose: a named leg pose of robot.yaml.
            x: m, in the world.
            y: m, in the world.
            yaw: rad, in the world.

        Raises:
            ValueError: the pose is unknown, or x, y or yaw is not finite.
        """
        if pose not in self.robot.legs.poses:
            raise ValueError(f"unknown pose '{pose}'; known: {', '.join(self.robot.legs.poses)}")
        if not np.isfinite([x, y, yaw]).all():
            raise ValueError(f"x {x}, y {y} and yaw {yaw} must be finite")
        self._place(pose, x, y, yaw)
        self._settle(pose)
        mujoco.mj_forward(self.model, self.data)
        self.legs.restart(self._imu_sample())
        self._measure()

    def push(self, delta_velocity: Array) -> None:
        """Push the robot: change the trunk's velocity at once by (3,) m/s in the world.

        Raises:
            ValueError: not three finite numbers.
        """
        delta = np.asarray(delta_velocity, dtype=float)
        if delta.shape != (3,) or not np.isfinite(delta).all():
            raise ValueError(f"a push needs three finite velocities, got {delta_velocity}")
        start = self._base_velocity
        self.data.qvel[start : start + 3] += delta

    def ground_truth(self) -> GroundTruth:
        """The current pose and velocity of base_link."""
        q, v = self._base_position, self._base_velocity
        orientation = self.data.qpos[q + 3 : q + 7]
        inverse, linear = np.empty(4), np.empty(3)
        mujoco.mju_negQuat(inverse, orientation)
        mujoco.mju_rotVecQuat(linear, self.data.qvel[v : v + 3], inverse)
        return GroundTruth(
            stamp=self.time,
            position=self.data.qpos[q : q + 3].copy(),
            orientation=orientation[[1, 2, 3, 0]],
            linear_velocity=linear,
            angular_velocity=self.data.qvel[v + 3 : v + 6].copy(),
        )

    def _addresses(self, joints: Sequence[str]) -> Tuple[Index, Index, Index]:
        """Indices of the joints in qpos, qvel and ctrl."""
        qpos, qvel, ctrl = joint_indices(self.model, joints)
        return _index(qpos), _index(qvel), _index(ctrl)

    def _sensor(self, name: str) -> List[int]:
        sensor = self.model.sensor(name)
        return list(range(sensor.adr[0], sensor.adr[0] + sensor.dim[0]))

    def _advance(self) -> float:
        """One physics step; returns the electrical energy (J) that the legs drew."""
        data = self.data
        velocity = data.qvel[self._leg_v]
        torque = self.legs.torque(data.qpos[self._leg_q], velocity)
        # The joints share one supply: energy from a braking joint feeds other joints but never the battery.
        power = max(float(torque @ velocity + self._copper_loss * (torque @ torque)), 0.0)
        data.ctrl[self._leg_u] = torque
        data.ctrl[self._arm_u] = self.arm.advance()
        mujoco.mj_step(self.model, data)
        return power * self._step_time

    def _imu_sample(self) -> ImuSample:
        data, start = self.data, self._base_position + 3
        return ImuSample(
            stamp=self.time,
            orientation=data.qpos[start : start + 4].copy(),
            angular_velocity=data.sensordata[self._gyro],
            linear_acceleration=data.sensordata[self._accelerometer],
        )

    def _measure(self) -> None:
        data = self.data
        self.legs.measure(
            self.time,
            data.qpos[self._leg_q],
            data.qvel[self._leg_v],
            data.sensordata[self._touch],
            self._imu_sample(),
        )
        self.arm.measure(self.time, data.qpos[self._arm_q], data.qvel[self._arm_v], data.actuator_force[self._arm_u])

    def _place(self, pose: str, x: float, y: float, yaw: float) -> None:
        """Set the joints and lower the trunk until the lowest shape touches the ground."""
        model, data = self.model, self.data
        mujoco.mj_resetData(model, data)
        stow = self.robot.arm.poses["stow"]
        data.qpos[self._leg_q] = self.robot.legs.poses[pose]
        data.qpos[self._arm_q] = stow
        self.arm.restart(stow)
        start = self._base_position
        data.qpos[start : start + 7] = [x, y, 1.0, np.cos(yaw / 2.0), 0.0, 0.0, np.sin(yaw / 2.0)]
        mujoco.mj_forward(model, data)
        ground = [i for i in range(model.ngeom) if model.geom_bodyid[i] == 0]
        robot = model.body_rootid == model.body(self.robot.frames["base"]).id
        body = [i for i in range(model.ngeom) if model.geom_contype[i] & 1 and robot[model.geom_bodyid[i]]]
        gap = min(mujoco.mj_geomDistance(model, data, b, g, 2.0, None) for b in body for g in ground)
        data.qpos[start + 2] -= gap

    def _settle(self, pose: str) -> None:
        """Hold the pose until the robot is at rest; unless it stands, the legs are damped after half of the time."""
        steps = round(SETTLE_TIME / self._step_time)
        goal = self.robot.legs.poses[pose] + self.legs.encoder_offset
        self.legs.hold(self._target(goal, self.robot.leg_gains["stand"]))
        for i in range(steps):
            if i == steps // 2 and pose != "stand":
                self.legs.hold(self._target(goal, self.robot.leg_gains["damp"]))
            self._advance()
        self.data.qvel[:] = 0.0
        self.legs.hold(self._target(goal, self.robot.leg_gains["damp"]))

    @staticmethod
    def _target(position: Array, gains: Gains) -> LegsTarget:
        zero = np.zeros_like(position)
        return LegsTarget(position, zero, zero, zero + gains.kp, zero + gains.kd)
