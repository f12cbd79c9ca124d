"""`./xdog train gait`: the command line."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from xdog.core.description import load_description
from xdog.core.paths import share_path
from xdog_learning.command_line import (
    Count,
    InputFile,
    OutputFile,
    OutputFolder,
    TrainingSeed,
    Workers,
    WritableFile,
    command_line,
    run_command,
)
from xdog_learning.gait.contract import make_gait_contract
from xdog_learning.gait.training import DEFAULT_THREADS, GaitTraining
from xdog_learning.run_folder import DivergenceError, RunFolder
from xdog_sim.console import make_console
from xdog_sim.randomization import load_ranges
from xdog_sim.tasks.gait_config import load_gait_config

COMMAND = "train gait"


@dataclass
class TrainGaitOptions:
    """Train the gait of policies/gait.yaml and write policies/gait.onnx. Stop with Ctrl-C, continue with --resume.

    A trial, with --steps or --settings, leaves policies/gait.onnx alone and writes gait.onnx into its own folder.

    Attributes:
        run: folder for checkpoints and TensorBoard logs.
        resume: continue from the newest checkpoint in the run's folder.
        steps: control steps to train in all, over all robots, rounded up to whole rollouts; the number in the settings
            if not given.
        settings: the gait's settings; policies/gait.yaml if not given.
        output: file for the policy; policies/gait.onnx, or RUN/gait.onnx of a trial, if not given.
        seed: of network, bodies, commands and noise; below 500, since checks and evaluation use higher ones.
        threads: worker threads of physics and learning.
    """

    run: OutputFolder = Path("runs/gait")
    resume: bool = False
    steps: Optional[Count] = None
    settings: Optional[InputFile] = None
    output: Optional[OutputFile] = None
    seed: TrainingSeed = 1
    threads: Workers = DEFAULT_THREADS

    @property
    def policy(self) -> Path:
        """File for the policy."""
        if self.output is not None:
            return self.output
        trial = self.steps is not None or self.settings is not None
        return self.run / "gait.onnx" if trial else share_path("policies") / "gait.onnx"


def train(options: TrainGaitOptions) -> None:
    """Train, or continue, and write the policy."""
    WritableFile().require("--output", options.policy)
    console, folder = make_console(), RunFolder(options.run)
    robot, config, ranges = load_description(), load_gait_config(options.settings), load_ranges()
    make_gait_contract(robot, config, settings=options.settings)  # fails now, not after hours
    total = config.ppo.total_steps if options.steps is None else options.steps
    again = command_line(COMMAND, options, resume=True)
    with folder.held():
        if options.resume:
            folder.check_resume()
        else:
            folder.check_begin()
        training = GaitTraining(robot, config, ranges, folder, options.seed, options.threads, console)
        if options.resume:
            training.resume()
        console.print(f"Curves: {folder.curves}", soft_wrap=True)
        console.print(f"The policy will be written to {options.policy}")
        try:
            training.learn(total)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"interrupted and saved. Continue with: {again}") from None
        except DivergenceError as error:
            advice = "Lower ppo.learning_rate or ppo.max_grad_norm in the settings, check the reward weights"
            raise folder.after_divergence(error, advice, again) from error
        steps = training.export(options.policy)
    evaluation = ["./xdog evaluate gait --policy", shlex.quote(str(options.policy))]
    if options.settings is not None:
        evaluation += ["--settings", shlex.quote(str(options.settings))]
    progress = training.progress
    console.print(
        f"Trained {progress.steps / 1e6:.2f} M steps in {progress.seconds / 60:.1f} minutes; the best, of "
        f"{steps / 1e6:.2f} M steps, is {options.policy}. Score it with: {' '.join(evaluation)}"
    )


def main() -> int:
    """Entry point."""
    return run_command(TrainGaitOptions, COMMAND, train, errors=(DivergenceError,))


if __name__ == "__main__":
    sys.exit(main())
