"""Baseline of the training speed: stable-baselines3's PPO over SubprocVecEnv, one robot per process.

The environment is deliberately cheaper than our task (no randomisation, delays, noise or critic's extra observation,
three reward terms), so that the comparison favours it. Steps of the physics and widths of the networks are the same.
"""

from functools import partial
from typing import Any, Dict, Optional, Tuple

import gymnasium
import mujoco
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import SubprocVecEnv, VecEnv
from torch import nn

from xdog.core.description import RobotDescription
from xdog_sim.tasks.gait_config import GaitConfig
from xdog_sim.tasks.velocity import FALL_HEIGHT, FALL_TILT

PROCESSES = 8
ROLLOUT = 2048
"""Samples of one rollout, over all processes."""
BATCH, EPOCHS = 512, 5
TRACKING_SPREAD = 0.25
"""Denominator of the tracking rewards' exponents, (m/s)^2 and (rad/s)^2."""

Array = np.ndarray


class LeanWalk(gymnasium.Env):
    """One robot that follows commanded vx, vy and wz.

    Observation: angular velocity, gravity, command, joint positions, joint velocities and last action, newest first,
    as many control steps as fit into ``width``.

    Args:
        model: with position actuators on the legs.
        robot: its joints are used.
        config: period, time step, action scale, episode and commands.
        width: of the observation.
        seed: of commands and starts.
    """

    def __init__(
        self, model: mujoco.MjModel, robot: RobotDescription, config: GaitConfig, width: int, seed: int
    ) -> None:
        joints = [model.joint(name) for name in robot.legs.names]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._qvel = np.array([joint.dofadr[0] for joint in joints])
        self._actuators = np.array([model.actuator(name).id for name in robot.legs.names])
        self._model, self._data = model, mujoco.MjData(model)
        self._stand = np.asarray(robot.legs.poses["stand"])
        self._scale, self._height = config.control.action_scale, config.target.height
        self._substeps = round(config.control.period / config.physics.train_timestep)
        self._length = round(config.episode / config.control.period)
        self._slowest, self._fastest = np.array([config.command.vx, config.command.vy, config.command.wz]).T
        self._random = np.random.default_rng(seed)
        self._command, self._action, self._age = np.zeros(3), np.zeros(len(joints)), 0
        self._rotation = np.zeros(9)
        self._seen = np.zeros(width, np.float32)
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (width,), np.float32)
        self.action_space = gymnasium.spaces.Box(-100.0, 100.0, (len(joints),), np.float32)

    def reset(self, *, seed: Optional[int] = None, options: Optional[Dict[str, Any]] = None) -> Tuple[Array, Dict]:
        """Stand with a new command."""
        mujoco.mj_resetData(self._model, self._data)
        self._data.qpos[2] = self._height
        self._data.qpos[self._qpos] = self._stand + self._random.uniform(-0.1, 0.1, len(self._stand))
        self._command = self._random.uniform(self._slowest, self._fastest)
        self._action, self._age = np.zeros(len(self._stand)), 0
        self._seen[:] = 0.0
        self._measure()
        return self._seen.copy(), {}

    def step(self, action: Array) -> Tuple[Array, float, bool, bool, Dict]:
        """One control step."""
        self._data.ctrl[self._actuators] = self._stand + self._scale * action
        mujoco.mj_step(self._model, self._data, nstep=self._substeps)
        self._age += 1
        change = action - self._action
        self._action = action
        velocity, upright = self._measure()
        error = velocity - self._command
        reward = np.exp(-(error[0] ** 2 + error[1] ** 2) / TRACKING_SPREAD)
        reward += 0.5 * np.exp(-(error[2] ** 2) / TRACKING_SPREAD) - 0.01 * (change @ change)
        fell = upright < np.cos(FALL_TILT) or self._data.qpos[2] < FALL_HEIGHT
        return self._seen.copy(), float(reward), bool(fell), self._age >= self._length, {}

    def _measure(self) -> Tuple[Array, float]:
        """Make a new observation; returns vx, vy, wz in the trunk's frame (3,) and the cosine of the tilt."""
        data = self._data
        mujoco.mju_quat2Mat(self._rotation, data.qpos[3:7])
        rotation = self._rotation.reshape(3, 3)
        linear, angular = rotation.T @ data.qvel[:3], data.qvel[3:6]
        parts = (
            0.25 * angular,
            -rotation[2],
            self._command,
            data.qpos[self._qpos] - self._stand,
            0.05 * data.qvel[self._qvel],
            self._action,
        )
        frame = np.concatenate(parts)[: len(self._seen)]
        self._seen[len(frame) :] = self._seen[: len(self._seen) - len(frame)]
        self._seen[: len(frame)] = frame
        return np.array([linear[0], linear[1], angular[2]]), float(rotation[2, 2])


def baseline_robots(
    model: mujoco.MjModel, robot: RobotDescription, config: GaitConfig, width: int, seed: int
) -> SubprocVecEnv:
    """`PROCESSES` processes with a robot each. The caller must close it."""
    return SubprocVecEnv([partial(LeanWalk, model, robot, config, width, seed + i) for i in range(PROCESSES)])


def build_baseline(robots: VecEnv, config: GaitConfig, seed: int) -> PPO:
    """stable-baselines3's own PPO, with networks of the gait's sizes."""
    return PPO(
        "MlpPolicy",
        robots,
        n_steps=ROLLOUT // robots.num_envs,
        batch_size=BATCH,
        n_epochs=EPOCHS,
        policy_kwargs={
            "net_arch": {"pi": list(config.ppo.actor), "vf": list(config.ppo.critic)},
            "activation_fn": nn.ELU,
        },
        seed=seed,
        device="cpu",
    )
