"""A `BatchSim` on MuJoCo's own thread pool (`mujoco.batch`)."""

from typing import List, Optional, Sequence, Union

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch
from torch import Tensor

from xdog.core.description import RobotDescription, load_description
from xdog_sim.batch.protocol import BatchParameters, BatchState
from xdog_sim.world import WorldOptions, build_model, joint_indices

_RECORD = ("qpos", "qvel", "actuator_force", "site_xpos")
_EXPANDED = (
    "body_mass",
    "body_ipos",
    "body_inertia",
    "body_iquat",
    "geom_friction",
    "actuator_gainprm",
    "actuator_biasprm",
    "actuator_forcerange",
)


class MujocoBatch:
    """n robots stepped by MuJoCo on the CPU; see `xdog_sim.batch.protocol.BatchSim`.

    Args:
        options: the model; its leg actuators must be "position" and its arm "fixed".
        num: robots.
        threads: worker threads, 0 for one per core.
    """

    def __init__(
        self, options: WorldOptions, num: int, threads: int = 0, robot: Optional[RobotDescription] = None
    ) -> None:
        if options.leg_actuators != "position" or options.arm != "fixed":
            raise ValueError("MujocoBatch needs WorldOptions(leg_actuators='position', arm='fixed')")
        robot = robot or load_description()
        self.model = build_model(options, robot)
        # A diverged simulation must be noticed: by default MuJoCo silently resets it.
        self.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
        self.num = num
        self.timestep = options.timestep
        self.failures = 0
        self._batch = Batch(self.model, num, threads)
        self._qpos, self._qvel = self._batch.bind("qpos"), self._batch.bind("qvel")
        self._time, self._site_xpos = self._batch.bind("time"), self._batch.bind("site_xpos")
        self._parameters = {name: self._batch.expand(name) for name in _EXPANDED}
        joints = joint_indices(self.model, robot.legs.names)
        self._joint_qpos, self._joint_qvel = _columns(joints.qpos), _columns(joints.qvel)
        self._actuators = _columns(joints.ctrl)
        self._trunk = self.model.body(robot.frames["base"]).id
        self._feet = np.array([self.model.geom(f"{foot}_contact").id for foot in robot.feet])
        self._sites = _columns([self.model.site(f"{foot}_site").id for foot in robot.feet])
        self._records: Optional[dict] = None
        self._fresh = np.ones(num, dtype=bool)
        self._controls = np.zeros((num, 0, self.model.nu))
        self.torque = torch.zeros(num, 1, len(robot.legs.names))
        self.foot_position = torch.zeros(num, len(robot.feet), 3)

    def state(self, ages: Optional[Tensor] = None) -> BatchState:
        """See `BatchSim.state`. Robots that were reset after the last `step` have no past and give their current state.

        Raises:
            ValueError: an age reaches back beyond the last `step`.
        """
        qpos, qvel = self._qpos, self._qvel
        if ages is not None and self._records is not None:
            steps = self._records["qpos"].shape[1]
            if int(ages.max()) >= steps:
                raise ValueError(f"state(ages up to {int(ages.max())}): only {steps - 1} physics steps back are kept")
            fresh = (self._fresh | (ages.numpy() == 0))[:, None]
            rows = np.arange(self.num) * steps + steps - 1 - ages.numpy()
            past_qpos, past_qvel = (
                self._records[name].reshape(self.num * steps, -1).take(rows, 0) for name in ("qpos", "qvel")
            )
            qpos, qvel = np.where(fresh, qpos, past_qpos), np.where(fresh, qvel, past_qvel)
        positions, velocities = _tensor(qpos), _tensor(qvel)
        return BatchState(
            position=positions[:, 0:3],
            orientation=positions[:, 3:7],
            linear_velocity=velocities[:, 0:3],
            angular_velocity=velocities[:, 3:6],
            joint_position=positions[:, self._joint_qpos],
            joint_velocity=velocities[:, self._joint_qvel],
        )

    def step(self, targets: Tensor) -> Tensor:
        """See `BatchSim.step`."""
        count = targets.shape[1]
        if self._controls.shape[1] != count:
            self._controls = np.zeros((self.num, count, self.model.nu))
            self._records = None
        self._controls[:, :, self._actuators] = targets.numpy()
        started = self._time.reshape(self.num).copy()
        self._records = self._batch.rollout(count, self._controls, record=_RECORD, out=self._records)
        self._fresh[:] = False
        # MuJoCo stops a simulation that raises a warning (values not finite, too many contacts): its clock lags behind.
        diverged = self._time.reshape(self.num) - started < (count - 0.5) * self.timestep
        diverged |= ~(np.isfinite(self._qpos.sum(1)) & (np.abs(self._qvel).max(1) < 1e3))  # a NaN shows in sum and max
        if diverged.any():
            self.failures += int(diverged.sum())
            ids = np.flatnonzero(diverged)
            self._batch.reset(ids)
            self._qpos[ids, 2] = 1.0
            for name, live in (("qpos", self._qpos), ("qvel", self._qvel)):
                self._records[name][ids] = live[ids, None]
            self._records["actuator_force"][ids] = 0.0
            self._records["site_xpos"][ids] = 0.0
        self.torque = _tensor(self._records["actuator_force"][:, :, self._actuators])
        self.foot_position = _tensor(self._records["site_xpos"][:, -1][:, self._sites])
        return torch.from_numpy(diverged)

    def reset(self, ids: Tensor, position: Tensor, orientation: Tensor, joint_position: Tensor) -> None:
        """See `BatchSim.reset`."""
        rows = ids.numpy()
        self._batch.reset(rows, stage=mujoco.mjtStage.mjSTAGE_NONE)
        pose = self._qpos[rows]
        pose[:, 0:3], pose[:, 3:7] = position.numpy(), orientation.numpy()
        pose[:, self._joint_qpos] = joint_position.numpy()
        self._qpos[rows] = pose
        self._qvel[rows] = 0.0
        self._batch.forward(rows, stage=mujoco.mjtStage.mjSTAGE_POS)
        self.foot_position = self.foot_position.clone()  # callers may still hold the previous tensor
        self.foot_position[ids] = _tensor(self._site_xpos[rows][:, self._sites])
        self._fresh[rows] = True

    def push(self, ids: Tensor, linear: Tensor, yaw: Optional[Tensor] = None) -> None:
        """See `BatchSim.push`."""
        rows = ids.numpy()
        self._qvel[rows, 0:3] += linear.numpy()
        if yaw is not None:
            self._qvel[rows, 5] += yaw.numpy()

    def set_parameters(self, ids: Tensor, parameters: BatchParameters) -> None:
        """See `BatchSim.set_parameters`."""
        rows = ids.numpy()
        fields = self._parameters
        moments, axes = np.linalg.eigh(parameters.trunk_inertia.double().numpy())
        axes[:, :, 0] *= np.sign(np.linalg.det(axes))[:, None]
        fields["body_mass"][rows, self._trunk] = parameters.trunk_mass.numpy()
        fields["body_ipos"][rows, self._trunk] = parameters.trunk_com.numpy()
        fields["body_inertia"][rows, self._trunk] = moments
        quaternions = np.empty((len(rows), 4))
        for quaternion, rotation in zip(quaternions, axes):
            mujoco.mju_mat2Quat(quaternion, np.ascontiguousarray(rotation).ravel())
        fields["body_iquat"][rows, self._trunk] = quaternions
        fields["geom_friction"][rows[:, None], self._feet, 0] = parameters.friction.numpy()[:, None]
        gain, bias, force = (fields[f"actuator_{name}"][rows] for name in ("gainprm", "biasprm", "forcerange"))
        gain[:, self._actuators, 0] = parameters.kp.numpy()
        bias[:, self._actuators, 1] = -parameters.kp.numpy()
        bias[:, self._actuators, 2] = -parameters.kd.numpy()
        force[:, self._actuators, 0] = -parameters.effort.numpy()
        force[:, self._actuators, 1] = parameters.effort.numpy()
        for name, values in (("gainprm", gain), ("biasprm", bias), ("forcerange", force)):
            fields[f"actuator_{name}"][rows] = values
        self._batch.set_const(rows)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


def _columns(indices: Sequence[int]) -> Union[slice, List[int]]:
    """Index of columns: a slice, which copies nothing, if the columns are consecutive."""
    first = int(indices[0])
    together = list(indices) == list(range(first, first + len(indices)))
    return slice(first, first + len(indices)) if together else [int(index) for index in indices]
