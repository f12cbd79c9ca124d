"""`./xdog train gait`: PPO on many simulated robots; progress, TensorBoard, checkpoints, resume, export."""

import math
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional

import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from stable_baselines3.common.callbacks import BaseCallback
from torch import Tensor

from xdog.core.description import RobotDescription, load_description
from xdog.core.paths import require_writable, share_path
from xdog.locomotion.observation import ObservationBuilder
from xdog_learning.export import export_policy, present_commit
from xdog_learning.gait.checkpoints import (
    TrainingState,
    load_checkpoint,
    load_state,
    save_checkpoint,
    training_inputs,
)
from xdog_learning.gait.contract import make_gait_contract
from xdog_learning.gait.environment import GaitVecEnv
from xdog_learning.gait.ppo import GaitActorCritic, GaitPPO, build_ppo
from xdog_learning.gait.scoring import COMMAND_RANGE, COMMAND_STREAM, run_episodes, tracking_scores
from xdog_sim.batch.mujoco_cpu import MujocoBatch, training_options
from xdog_sim.randomization import Randomization, load_ranges, uniform
from xdog_sim.tasks.gait_config import GaitConfig, load_gait_config
from xdog_sim.tasks.velocity import VelocityTask

CHECK_SEED = 500
"""Seed of the short evaluations during training; final scores use 1000 and up."""


@dataclass
class TrainGaitOptions:
    """Train the gait by policies/gait.yaml and export policies/gait.onnx; interrupt it (Ctrl-C) and resume at will.

    A trial, with --steps or --settings, leaves policies/gait.onnx alone and writes gait.onnx into its own folder.

    Attributes:
        run: folder for checkpoints and TensorBoard logs.
        resume: go on from the newest checkpoint in the run's folder.
        steps: control steps to train in all, over all robots, above zero; the settings file's number if not given.
        settings: the gait's settings; policies/gait.yaml if not given.
        output: where the policy goes; policies/gait.onnx, or RUN/gait.onnx of a trial, if not given.
        seed: of network, bodies, commands and noise; below 500, since evaluation uses higher ones.
        threads: worker threads of physics and learning.
    """

    run: Path = Path("runs/gait")
    resume: bool = False
    steps: Optional[int] = None
    settings: Optional[Path] = None
    output: Optional[Path] = None
    seed: int = 1
    threads: int = 2

    @property
    def policy(self) -> Path:
        """Where the policy goes."""
        if self.output is not None:
            return self.output
        trial = self.steps is not None or self.settings is not None
        return self.run / "gait.onnx" if trial else share_path("policies") / "gait.onnx"

    @property
    def resumption(self) -> str:
        """The command that goes on with this run."""
        given = {"--run": self.run, "--settings": self.settings, "--steps": self.steps, "--output": self.output}
        words = [f"{name} {shlex.quote(str(value))}" for name, value in given.items() if value is not None]
        return " ".join(["./xdog train gait --resume", *words])

    @property
    def evaluation(self) -> str:
        """The command that scores what was trained."""
        given = {"--policy": self.policy, "--settings": self.settings}
        words = [f"{name} {shlex.quote(str(value))}" for name, value in given.items() if value is not None]
        return " ".join(["./xdog evaluate gait", *words])


class Watch(BaseCallback):
    """Shows progress, writes checkpoints, evaluates now and then and keeps the best policy."""

    def __init__(
        self,
        folder: Path,
        robot: RobotDescription,
        config: GaitConfig,
        ranges: Randomization,
        begin: TrainingState,
        total: int,
    ) -> None:
        super().__init__()
        self._folder, self._robot, self._config, self._ranges = folder, robot, config, ranges
        self._begin, self.best = begin, begin.best
        self._started, self._next_check = time.monotonic(), 0
        self._console = Console(soft_wrap=True)
        columns = BarColumn(), TextColumn("{task.percentage:3.0f} %"), TimeRemainingColumn()
        self._progress = Progress(TextColumn("{task.description}"), *columns, console=self._console)
        self._bar = self._progress.add_task("training", total=total)

    @property
    def seconds(self) -> float:
        """Wall time of the training so far, interrupted runs added up."""
        return self._begin.seconds + time.monotonic() - self._started

    def save(self, model: GaitPPO, is_best: bool = False) -> None:
        """Write the newest checkpoint."""
        save_checkpoint(model, self._folder, TrainingState(self._begin.inputs, self.seconds, self.best), is_best)

    def _on_training_start(self) -> None:
        self._progress.start()

    def _on_training_end(self) -> None:
        self._progress.stop()

    def close(self) -> None:
        """Give the terminal back."""
        self._progress.stop()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        environment, model = self.training_env, self.model
        assert isinstance(environment, GaitVecEnv)
        assert isinstance(model, GaitPPO)
        velocity, yaw = environment.tracking.take()
        self.logger.record("gait/velocity_rmse", velocity)
        self.logger.record("gait/yaw_rate_rmse", yaw)
        for name, count in environment.task.counters().items():
            self.logger.record(f"gait/{name}", count)
        rate = (model.num_timesteps - model._num_timesteps_at_start) / (time.monotonic() - self._started)
        shown = f"{model.num_timesteps / 1e6:.2f} M steps, {rate:.0f}/s, error {velocity:.2f} m/s {yaw:.2f} rad/s"
        self._progress.update(self._bar, completed=model.num_timesteps, description=shown)
        if model.num_timesteps >= self._next_check:
            self._next_check = model.num_timesteps + 1_000_000
            self.check(model, environment)

    def check(self, model: GaitPPO, environment: GaitVecEnv) -> None:
        """Evaluate shortly, tell, and save: as the best too if none before was better."""
        score = quick_score(model, self._robot, self._config, self._ranges)
        for name, value in score.items():
            self.logger.record(f"check/{name}", value)
        better = score["total"] <= self.best["total"]
        if better:
            self.best = score
        self.save(model, better)
        rate = model.num_timesteps / self.seconds
        self._console.print(
            f"{self.seconds / 60:5.1f} min, {model.num_timesteps / 1e6:5.2f} M steps, {rate:.0f}/s: velocity "
            f"{score['velocity_rmse']:.3f} m/s, yaw {score['yaw_rate_rmse']:.3f} rad/s, "
            f"falls {score['fall_rate']:.2f}, lost simulations {environment.task.counters()['failures']}"
            f"{', best so far' if better else ''}"
        )


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

    generator = torch.Generator().manual_seed(COMMAND_STREAM + CHECK_SEED)
    commands = torch.stack([uniform(COMMAND_RANGE[axis], (2, robots), generator) for axis in ("vx", "vy", "wz")], 2)
    options = training_options(config.physics.train_timestep, config.control.kp, config.control.kd)
    calm = ranges.without_pushes()
    episodes = run_episodes(act, robot, config, calm, commands, CHECK_SEED, options)
    scores = tracking_scores(episodes, config)
    network.train()
    result = {name: float(scores[name]) for name in ("velocity_rmse", "yaw_rate_rmse", "fall_rate")}
    total = result["velocity_rmse"] / 0.12 + result["yaw_rate_rmse"] / 0.20 + 10.0 * result["fall_rate"]
    result["total"] = total if math.isfinite(total) else math.inf  # nothing to score: all fell in the first second
    return result


def training_sim(robot: RobotDescription, config: GaitConfig, threads: int) -> MujocoBatch:
    """The simulated robots that training and its benchmark learn from."""
    options = training_options(config.physics.train_timestep, config.control.kp, config.control.kd)
    return MujocoBatch(options, config.ppo.robots, threads, robot)


def main() -> None:
    """Entry point."""
    arguments = tyro.cli(TrainGaitOptions, prog="xdog train gait")
    try:
        robot, config, ranges = load_description(), load_gait_config(arguments.settings), load_ranges()
        make_gait_contract(robot, config, settings=arguments.settings)  # refused now, not after hours
        require_writable(arguments.run, "--run")
        require_writable(arguments.policy, "--output")
    except (OSError, ValueError) as error:
        raise SystemExit(f"cannot train: {error}") from error
    if arguments.seed >= CHECK_SEED:
        raise SystemExit(f"--seed {arguments.seed}: seeds from {CHECK_SEED} up are held out for checks and evaluation.")
    if arguments.steps is not None and arguments.steps <= 0:
        raise SystemExit(f"--steps {arguments.steps}: must be above zero.")
    inputs = training_inputs(robot, config, ranges)
    if arguments.resume:
        begin = load_state(arguments.run, inputs)
    elif (arguments.run / "newest.zip").exists():
        raise SystemExit(
            f"{arguments.run} holds a run already: go on with --resume, or name another folder with --run."
        )
    else:
        begin = TrainingState(inputs, seconds=0.0, best={"total": math.inf})
    commit = present_commit()
    total = config.ppo.total_steps if arguments.steps is None else arguments.steps
    torch.set_num_threads(1)
    sim = training_sim(robot, config, arguments.threads)
    task = VelocityTask(sim, robot, config, ranges, arguments.seed, stagger=True)
    environment = GaitVecEnv(task)
    if arguments.resume:
        model = load_checkpoint(arguments.run, "newest", environment)
        model.rate, model.kl_target = begin.rate, config.ppo.target_kl
    else:
        model = build_ppo(environment, config.ppo, arguments.seed, str(arguments.run / "tensorboard"))
    model.learn_threads = arguments.threads
    watch = Watch(arguments.run, robot, config, ranges, begin, total)
    console = Console(soft_wrap=True)
    console.print(f"Curves: tensorboard --logdir {arguments.run / 'tensorboard'}")
    console.print(f"The policy goes to {arguments.policy}")
    try:
        left = max(0, total - model.num_timesteps)
        model.learn(left, callback=watch, reset_num_timesteps=not arguments.resume, tb_log_name="ppo")
        watch.check(model, environment)
    except KeyboardInterrupt:
        watch.close()
        watch.save(model)
        raise SystemExit(f"Interrupted and saved. Go on with: {arguments.resumption}") from None
    best = load_checkpoint(arguments.run, "best")
    policy = best.policy
    assert isinstance(policy, GaitActorCritic)
    measured = {
        f"check_{name}": round(watch.best[name], 4)
        for name in ("velocity_rmse", "yaw_rate_rmse", "fall_rate")
        if math.isfinite(watch.best[name])  # an error is not, if all fell at once
    }
    trained = {"minutes": round(watch.seconds / 60, 1), "steps": int(best.num_timesteps), **measured}
    contract = make_gait_contract(robot, config, trained, commit)
    example = torch.zeros(1, ObservationBuilder(config.observation).size)
    export_policy(policy.actor_network(), {"observation": example}, contract.to_metadata(), arguments.policy)
    console.print(
        f"Trained {model.num_timesteps / 1e6:.1f} M steps in {watch.seconds / 60:.1f} minutes; the best, of "
        f"{best.num_timesteps / 1e6:.1f} M steps, is {arguments.policy}. Score it with: {arguments.evaluation}"
    )


if __name__ == "__main__":
    main()
