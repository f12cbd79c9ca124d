"""Training a gait: PPO on many simulated robots, with checks, checkpoints, continuation and export."""

import math
import time
from pathlib import Path
from typing import Callable, Dict

import torch
from rich.console import Console
from rich.progress import TextColumn, TimeRemainingColumn
from stable_baselines3.common.callbacks import BaseCallback
from torch import Tensor

from xdog.core.description import RobotDescription
from xdog.locomotion.observation import ObservationBuilder
from xdog_learning.export import export_policy, present_commit
from xdog_learning.gait.checkpoints import GaitProgress, make_checkpoint, restore_checkpoint, training_inputs
from xdog_learning.gait.contract import make_gait_contract
from xdog_learning.gait.environment import GaitVecEnv
from xdog_learning.gait.ppo import GaitActorCritic, GaitPPO, build_ppo
from xdog_learning.gait.rollout import run_episodes
from xdog_learning.gait.scoring import draw_test_commands, tracking_scores
from xdog_learning.report import CHECK_SEED
from xdog_learning.run_folder import BEST, RunFolder, fitting, uninterrupted
from xdog_sim.batch.factory import make_batch, training_options
from xdog_sim.batch.protocol import BatchSim
from xdog_sim.console import progress_bar
from xdog_sim.randomization import Randomization
from xdog_sim.tasks.gait_config import GaitConfig
from xdog_sim.tasks.velocity import VelocityTask
from xdog_sim.world import WorldOptions

CHECK_EVERY = 1_000_000
"""Control steps between two checks, each with a checkpoint."""
DEFAULT_THREADS = 2


class GaitTraining:
    """One training run, in a folder that the caller holds.

    Args:
        robot: the body.
        config: of policies/gait.yaml.
        ranges: of sim/randomization.yaml.
        folder: of checkpoints and TensorBoard logs.
        seed: of network, bodies, commands and noise.
        threads: worker threads of physics and learning.
        console: for lines and the progress bar.
    """

    def __init__(
        self,
        robot: RobotDescription,
        config: GaitConfig,
        ranges: Randomization,
        folder: RunFolder,
        seed: int,
        threads: int,
        console: Console,
    ) -> None:
        self._robot, self._config, self._ranges = robot, config, ranges
        self._folder, self._console = folder, console
        self._inputs = training_inputs(robot, config, ranges)
        self._commit = present_commit()
        torch.set_num_threads(1)
        sim = training_sim(robot, config, threads)
        self._environment = GaitVecEnv(VelocityTask(sim, robot, config, ranges, seed, stagger=True))
        self.model = build_ppo(self._environment, config.ppo, seed, str(folder.path / "tensorboard"))
        self.model.learn_threads = threads
        self._begin = GaitProgress()
        self._started = time.monotonic()
        self._best = self._begin.best
        self._has_best = False

    @property
    def progress(self) -> GaitProgress:
        """Progress of the run, over all its parts."""
        seconds = self._begin.seconds + time.monotonic() - self._started
        return GaitProgress(seconds, self._best, self.model.num_timesteps, self.model._n_updates, self.model.rate)

    def resume(self) -> None:
        """Continue from the newest sound checkpoint.

        Raises:
            CheckpointError: no checkpoint fits.
        """
        content, warning = self._folder.resume(self._inputs)
        with fitting(self._folder.path):
            self._begin = restore_checkpoint(self.model, content)
        self._best, self._has_best = self._begin.best, self._folder.has_best()
        if warning:
            self._console.print(warning)

    def learn(self, total: int) -> None:
        """Train until ``total`` control steps, over all robots, are done. An interruption leaves a checkpoint.

        Raises:
            DivergenceError: the training diverged; the checkpoints are those from before.
        """
        begun = self.model.num_timesteps
        if begun >= total:
            self._console.print(f"The run has {begun} steps of {total}: nothing is left to train.")
        self._started = time.monotonic()
        monitor = TrainingMonitor(self.check, begun, total, self._console)
        try:
            left = max(0, total - begun)
            self.model.learn(left, callback=monitor, reset_num_timesteps=begun == 0, tb_log_name="ppo")
            self.check()
        except KeyboardInterrupt:
            with uninterrupted():
                self.save()
            raise
        finally:
            monitor.close()

    def save(self, is_best: bool = False) -> None:
        """Write the newest checkpoint, and the best one if ``is_best``.

        Raises:
            DivergenceError: the weights are not finite.
        """
        self._folder.save(make_checkpoint(self.model, self._inputs, self.progress), is_best)
        self._has_best |= is_best

    def check(self) -> None:
        """Evaluate briefly, print the scores and save; as the best too if none before was better."""
        score = quick_score(self.model, self._robot, self._config, self._ranges)
        for name, value in score.items():
            self.model.logger.record(f"check/{name}", value)
        better = score["total"] <= self._best["total"] or not self._has_best
        if better:
            self._best = score
        self.save(better)
        progress = self.progress
        self._console.print(
            f"{progress.seconds / 60:5.1f} min, {progress.steps / 1e6:5.2f} M steps, "
            f"{progress.steps / progress.seconds:.0f}/s: velocity {score['velocity_rmse']:.3f} m/s, "
            f"yaw {score['yaw_rate_rmse']:.3f} rad/s, falls {score['fall_rate']:.2f}, "
            f"lost simulations {self._environment.task.counters()['failures']}{', best so far' if better else ''}"
        )

    def export(self, path: Path) -> int:
        """Write the best policy of the run as ONNX, its scores in its contract; returns its training steps."""
        content = self._folder.read(BEST)
        with fitting(self._folder.file(BEST)):
            best = restore_checkpoint(self.model, content)
        measured = {
            f"check_{name}": round(best.best[name], 4)
            for name in ("velocity_rmse", "yaw_rate_rmse", "fall_rate")
            if math.isfinite(best.best.get(name, math.inf))  # an error is infinite if all robots fell at once
        }
        scores = {"minutes": round(self.progress.seconds / 60, 1), "steps": best.steps, **measured}
        contract = make_gait_contract(self._robot, self._config, scores, self._commit)
        example = torch.zeros(1, ObservationBuilder(self._config.observation).size)
        policy = self.model.policy
        assert isinstance(policy, GaitActorCritic)
        export_policy(policy.actor_network(), {"observation": example}, contract.to_metadata(), path)
        return best.steps


class TrainingMonitor(BaseCallback):
    """Shows the progress of a training, and lets it be checked every `CHECK_EVERY` steps.

    Args:
        check: evaluates and saves.
        begun: control steps that are done already.
        total: control steps to train in all.
        console: for the progress bar.
    """

    def __init__(self, check: Callable[[], None], begun: int, total: int, console: Console) -> None:
        super().__init__()
        self._check, self._next_check = check, 0
        self._started = time.monotonic()
        columns = TextColumn("{task.percentage:3.0f} %", markup=False), TimeRemainingColumn()
        self._progress = progress_bar(console, *columns)
        self._bar = self._progress.add_task("training", total=total, completed=begun)

    def _on_training_start(self) -> None:
        self._progress.start()

    def close(self) -> None:
        """Give the terminal back."""
        self._progress.stop()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        environment, model = self.training_env, self.model
        assert isinstance(environment, GaitVecEnv)
        velocity, yaw = environment.tracking.take()
        self.logger.record("gait/velocity_rmse", velocity)
        self.logger.record("gait/yaw_rate_rmse", yaw)
        for name, count in environment.task.counters().items():
            self.logger.record(f"gait/{name}", count)
        rate = (model.num_timesteps - model._num_timesteps_at_start) / (time.monotonic() - self._started)
        shown = f"{model.num_timesteps / 1e6:.2f} M steps, {rate:.0f}/s, error {velocity:.2f} m/s {yaw:.2f} rad/s"
        self._progress.update(self._bar, completed=model.num_timesteps, description=shown)
        if model.num_timesteps >= self._next_check:
            self._next_check = model.num_timesteps + CHECK_EVERY
            self._check()


def quick_score(
    model: GaitPPO, robot: RobotDescription, config: GaitConfig, ranges: Randomization, robots: int = 64
) -> Dict[str, float]:
    """Short held-out test in the training's physics: 2 commands of 5 s. Training keeps what has the least ``total``."""
    policy = model.policy
    assert isinstance(policy, GaitActorCritic)
    network = policy.actor_network().eval()

    def act(observation: Tensor) -> Tensor:
        with torch.no_grad():
            return network(observation)

    commands, _ = draw_test_commands(CHECK_SEED, 2, robots)
    episodes = run_episodes(act, robot, config, ranges.without_pushes(), commands, CHECK_SEED, training_physics(config))
    scores = tracking_scores(episodes, config)
    network.train()
    result = {name: float(scores[name]) for name in ("velocity_rmse", "yaw_rate_rmse", "fall_rate")}
    total = result["velocity_rmse"] / 0.12 + result["yaw_rate_rmse"] / 0.20 + 10.0 * result["fall_rate"]
    result["total"] = total if math.isfinite(total) else math.inf  # nothing to score: all fell in the first second
    return result


def training_physics(config: GaitConfig) -> WorldOptions:
    """The physics that a gait with these settings learns in."""
    return training_options(config.physics.train_timestep, config.control.kp, config.control.kd)


def training_sim(robot: RobotDescription, config: GaitConfig, threads: int) -> BatchSim:
    """The simulated robots of training and of its benchmark."""
    return make_batch(training_physics(config), config.ppo.robots, threads, robot)
