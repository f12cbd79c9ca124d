"""`./xdog train grasp`: the command line."""

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Optional

import torch
from rich.console import Console

from xdog.core.description import load_description
from xdog.core.paths import share_path
from xdog_learning.command_line import (
    Count,
    InputFile,
    InputFolder,
    OptionError,
    OutputFile,
    OutputFolder,
    Workers,
    WritableFile,
    command_line,
    run_command,
)
from xdog_learning.dataset import DatasetWriter
from xdog_learning.grasp.expert_recording import DEFAULT_SEED, record_expert
from xdog_learning.grasp.settings import PolicySettings, load_grasp_settings
from xdog_learning.grasp.trainer import RANDOM_STATES
from xdog_learning.grasp.training import GraspTraining, load_demonstrations
from xdog_learning.run_folder import DivergenceError, RunFolder
from xdog_sim.console import make_console
from xdog_sim.offscreen import RenderError, choose_renderer

COMMAND = "train grasp"


@dataclass
class TrainGraspOptions:
    """Train a grasp policy of policies/grasp_training.yaml; writes policies/grasp_state.onnx or grasp_image.onnx.

    Records missing demonstrations first. Stop with Ctrl-C, continue with --resume. A trial, with --steps, --settings
    or --dataset, leaves policies/ alone and writes the policy into its own folder.

    Attributes:
        observe: what the policy sees besides its joints: the object's position and size, or the wrist camera.
        model: act; or mlp, the baseline, for --observe state only.
        resume: continue from the newest checkpoint in the run's folder.
        run: folder for checkpoints and TensorBoard logs; runs/grasp_NAME if not given.
        dataset: folder of your own demonstrations; out/datasets/grasp_OBSERVE, recorded if missing, if not given.
        steps: batches to train in all; the number in the settings if not given.
        settings: policies/grasp_training.yaml if not given.
        output: file for the policy, instead of the one above.
        threads: worker threads of learning, processes of recording.
    """

    observe: Literal["state", "image"]
    model: Literal["act", "mlp"] = "act"
    resume: bool = False
    run: Optional[OutputFolder] = None
    dataset: Optional[InputFolder] = None
    steps: Optional[Count] = None
    settings: Optional[InputFile] = None
    output: Optional[OutputFile] = None
    threads: Workers = 2

    @property
    def name(self) -> str:
        """The policy's name."""
        return f"grasp_{self.observe}" if self.model == "act" else "grasp_mlp"

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.run or Path("runs") / self.name

    @property
    def demonstrations(self) -> Path:
        """Folder of the dataset."""
        return self.dataset or Path("out/datasets") / f"grasp_{self.observe}"

    @property
    def policy(self) -> Path:
        """File for the policy."""
        if self.output is not None:
            return self.output
        trial = (self.steps, self.settings, self.dataset) != (None, None, None)
        return (self.folder if trial else share_path("policies")) / f"{self.name}.onnx"


def record_missing(options: TrainGraspOptions, policy: PolicySettings, console: Console) -> None:
    """Let the expert record demonstrations until the usual folder holds as many as the settings require."""
    images = options.observe == "image"
    if images:
        choose_renderer()
    with DatasetWriter(options.demonstrations) as writer:
        if writer.episodes < policy.demonstrations:
            console.print(
                f"{options.demonstrations} holds {writer.episodes} of {policy.demonstrations} demonstrations."
            )
            record_expert(writer, policy.demonstrations, DEFAULT_SEED, images, options.threads, console)


def train(options: TrainGraspOptions) -> None:
    """Record what is missing, train, or continue, and write the policy."""
    if options.model == "mlp" and options.observe != "state":
        raise OptionError("--model is mlp; the baseline sees the object's position: use --observe state")
    WritableFile().require("--output", options.policy)
    torch.set_num_threads(options.threads)
    console, folder = make_console(), RunFolder(options.folder, RANDOM_STATES)
    robot, settings = load_description(), load_grasp_settings(options.settings)
    policy = settings.policy(options.observe)
    if options.steps is not None:
        policy = replace(policy, learning=replace(policy.learning, steps=options.steps))
    again = command_line(COMMAND, options, resume=True)
    with folder.held():
        if options.resume:
            folder.newest_sound()  # before hours of recording
        else:
            folder.check_begin()
        if options.dataset is None:
            try:
                record_missing(options, policy, console)
            except KeyboardInterrupt:
                same = command_line(COMMAND, options)
                raise KeyboardInterrupt(
                    f"interrupted while recording; nothing is lost. Continue with: {same}"
                ) from None
        data = load_demonstrations(options.demonstrations, images=options.observe == "image")
        mlp = settings.mlp if options.model == "mlp" else None
        training = GraspTraining(robot, settings, policy, mlp, data, folder, console)
        if options.resume:
            training.resume()
        console.print(training.summary)
        console.print(f"Curves: {folder.curves}", soft_wrap=True)
        console.print(f"The policy will be written to {options.policy}")
        try:
            training.learn()
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"interrupted and saved. Continue with: {again}") from None
        except DivergenceError as error:
            advice = "Lower learning.learning_rate or learning.clip_norm in the settings, check the demonstrations"
            raise folder.after_divergence(error, advice, again) from error
        training.export(options.name, options.policy)
    policies, progress = options.policy.parent, training.progress
    elsewhere = "" if policies == share_path("policies") else f" --policies {shlex.quote(str(policies))}"
    console.print(
        f"Trained {progress.step} steps in {progress.seconds / 60:.1f} minutes. The best, of step "
        f"{progress.best_step}, is {options.policy}. Score it with: ./xdog evaluate grasp{elsewhere}"
    )


def main() -> int:
    """Entry point."""
    return run_command(TrainGraspOptions, COMMAND, train, errors=(DivergenceError, RenderError))


if __name__ == "__main__":
    sys.exit(main())
