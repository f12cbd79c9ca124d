"""Steps per second: gait training as './xdog train gait' does it, raw physics, and PPO over SubprocVecEnv."""

from typing import Any, Callable, Dict

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger

from xdog.core.description import RobotDescription, load_description
from xdog_learning.bench.baseline import baseline_robots, build_baseline
from xdog_learning.bench.metrics import interleave
from xdog_learning.gait.environment import GaitVecEnv
from xdog_learning.gait.ppo import build_ppo
from xdog_learning.gait.training import DEFAULT_THREADS, training_physics, training_sim
from xdog_learning.report import ReportProgress
from xdog_sim.randomization import load_ranges
from xdog_sim.tasks.gait_config import GaitConfig, load_gait_config
from xdog_sim.tasks.velocity import VelocityTask
from xdog_sim.world import build_model

ROUNDS = 8
"""Blocks of each contestant that count."""
UPDATES = 2
"""Rollouts, each with its update, in one block; the raw physics runs as many steps as the training."""
TARGET_SPREAD = 0.3
"""Standard deviation of the raw physics' random joint targets around the stand pose, rad."""
TRAINING, RAW, SUBPROC = "training", "raw physics", "SubprocVecEnv"


def measure_throughput(seed: int, report: ReportProgress, rounds: int = ROUNDS) -> Dict[str, Any]:
    """Policy steps per second of the three, each the median of its blocks, and their ratios."""
    robot, config, threads = load_description(), load_gait_config(), DEFAULT_THREADS
    report("building the robots", 0.0)
    task = VelocityTask(training_sim(robot, config, threads), robot, config, load_ranges(), seed, stagger=True)
    robots, model = GaitVecEnv(task), build_model(training_physics(config), robot)
    ppo = build_ppo(robots, config.ppo, seed, None)
    ppo.learn_threads = threads
    raw = RawPhysics(model, robot, config, threads, seed)
    report("starting SubprocVecEnv's processes", 0.0)
    baseline = baseline_robots(model, robot, config, robots.actor_size, seed)
    try:
        contestants = {
            RAW: lambda: raw.run(UPDATES * config.ppo.steps),
            TRAINING: learning_block(ppo, 1),
            SUBPROC: learning_block(build_baseline(baseline, config, seed), threads),
        }
        rates = interleave(contestants, rounds, report)
    finally:
        baseline.close()
    training, physics, subproc = (float(np.median(rates[name])) for name in (TRAINING, RAW, SUBPROC))
    return {
        "training_rate_ratio": training / physics,
        "training_steps_per_s": training,
        "raw_steps_per_s": physics,
        "subproc_steps_per_s": subproc,
        "subproc_speedup": training / subproc,
    }


def learning_block(model: PPO, threads: int) -> Callable[[], int]:
    """A function that runs `UPDATES` rollouts and updates of the model and returns their number of steps.

    Args:
        model: its logger is silenced.
        threads: of torch when the block begins.
    """
    model.set_logger(Logger(None, []))
    steps = UPDATES * model.n_steps * model.n_envs

    def run() -> int:
        torch.set_num_threads(threads)
        before = model.num_timesteps
        model.learn(steps, reset_num_timesteps=False)
        return model.num_timesteps - before

    return run


class RawPhysics:
    """The same robots in the same physics alone: random targets, no task, no learning."""

    def __init__(self, model: Any, robot: RobotDescription, config: GaitConfig, threads: int, seed: int) -> None:
        self._batch = Batch(model, config.ppo.robots, threads)
        self._qpos, self._controls = self._batch.bind("qpos"), self._batch.bind("ctrl")
        self._substeps = round(config.control.period / config.physics.train_timestep)
        self._height = config.target.height
        self._actuators = np.array([model.actuator(name).id for name in robot.legs.names])
        self._joints = np.array([model.joint(name).qposadr[0] for name in robot.legs.names])
        self._stand = np.asarray(robot.legs.poses["stand"])
        self._random = np.random.default_rng(seed)

    def run(self, count: int) -> int:
        """Put all robots on their feet, then run ``count`` policy steps with each; returns their total number."""
        self._batch.reset(stage=mujoco.mjtStage.mjSTAGE_NONE)
        self._qpos[:, 2] = self._height
        self._qpos[:, self._joints] = self._stand
        shape = len(self._qpos), len(self._stand)
        for _ in range(count):
            self._controls[:, self._actuators] = self._stand + self._random.normal(0.0, TARGET_SPREAD, shape)
            self._batch.step(nstep=self._substeps)
        return count * len(self._qpos)
