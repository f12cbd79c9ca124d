"""`./xdog train grasp`: ACT or its baseline from demonstrations; progress, TensorBoard, checkpoints, resume, export."""

import shlex
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, Literal, Optional, Tuple

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from xdog.core.description import RobotDescription, load_description
from xdog.core.paths import require_writable, share_path
from xdog_learning.dataset import DatasetError, DatasetWriter, Demonstrations, load_dataset
from xdog_learning.export import present_commit
from xdog_learning.grasp.expert_recording import DEFAULT_SEED, record_expert
from xdog_learning.grasp.export import export_grasp, make_grasp_contract
from xdog_learning.grasp.sampler import FrameSampler
from xdog_learning.grasp.settings import GraspSettings, PolicySettings, load_grasp_settings
from xdog_learning.grasp.trainer import GraspTrainer, build_network, read_checkpoint, training_inputs
from xdog_sim.offscreen import RenderError, choose_renderer

CHECK_EVERY = 500
"""Steps between two looks at the held-out demonstrations, each with a checkpoint."""


@dataclass
class TrainGraspOptions:
    """Train a grasp policy by policies/grasp_training.yaml and export policies/grasp_state.onnx or grasp_image.onnx.

    Makes the demonstrations first that are missing. Interrupt it (Ctrl-C) and resume at will. A trial,
    with --steps, --settings or --dataset, leaves policies/ alone and writes the policy into its own folder.

    Attributes:
        observe: what the policy sees besides its joints: the object's place, or the wrist camera.
        model: act, or mlp: the baseline, for --observe state only.
        resume: go on from the newest checkpoint in the run's folder.
        run: folder for checkpoints and TensorBoard logs; runs/grasp_NAME if not given.
        dataset: folder of demonstrations of your own; out/datasets/grasp_OBSERVE, made if need be, if not given.
        steps: batches to train in all, above zero; the settings file's number if not given.
        settings: policies/grasp_training.yaml if not given.
        output: where the policy goes, if not where the above says.
        threads: worker threads of learning, processes of recording.
    """

    observe: Literal["state", "image"]
    model: Literal["act", "mlp"] = "act"
    resume: bool = False
    run: Optional[Path] = None
    dataset: Optional[Path] = None
    steps: Optional[int] = None
    settings: Optional[Path] = None
    output: Optional[Path] = None
    threads: int = 2

    @property
    def name(self) -> str:
        """The policy's name."""
        return f"grasp_{self.observe}" if self.model == "act" else "grasp_mlp"

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.run or Path("runs") / self.name

    @property
    def demonstrations(self) -> Path:
        """Folder of the dataset."""
        return self.dataset or Path("out/datasets") / f"grasp_{self.observe}"

    @property
    def policy(self) -> Path:
        """Where the policy goes."""
        if self.output is not None:
            return self.output
        trial = (self.steps, self.settings, self.dataset) != (None, None, None)
        return (self.folder if trial else share_path("policies")) / f"{self.name}.onnx"

    @property
    def resumption(self) -> str:
        """The command that goes on with this run."""
        model = f" --model {self.model}" if self.model != "act" else ""
        given = {
            "--run": self.run,
            "--dataset": self.dataset,
            "--steps": self.steps,
            "--settings": self.settings,
            "--output": self.output,
        }
        words = [f"{name} {shlex.quote(str(value))}" for name, value in given.items() if value is not None]
        return " ".join([f"./xdog train grasp --observe {self.observe}{model} --resume", *words])


def split(count: int, share: float, seed: int) -> "Tuple[list[int], list[int]]":
    """Episode numbers to learn from and to hold out: at least one of each, always the same for a seed."""
    order = np.random.default_rng(seed).permutation(count).tolist()
    held_out = min(count - 1, max(1, round(share * count)))
    return sorted(order[held_out:]), sorted(order[:held_out])


def record_missing(arguments: TrainGraspOptions, policy: PolicySettings, console: Console) -> None:
    """Let the expert give as many demonstrations as the settings ask for, if the usual folder holds fewer."""
    images = arguments.observe == "image"
    if images:
        choose_renderer()
    with DatasetWriter(arguments.demonstrations) as writer:
        if writer.episodes < policy.demonstrations:
            console.print(
                f"{arguments.demonstrations} holds {writer.episodes} of {policy.demonstrations} demonstrations."
            )
            record_expert(writer, policy.demonstrations, DEFAULT_SEED, images, arguments.threads, console)


def load_demonstrations(arguments: TrainGraspOptions) -> Demonstrations:
    """The demonstrations to learn from.

    Raises:
        DatasetError: they cannot be read or cannot teach this policy.
    """
    folder = arguments.demonstrations
    data = load_dataset(folder, images=arguments.observe == "image")
    if arguments.observe == "image" and data.images is None:
        raise DatasetError(f"{folder} has no images: record some with './xdog record --images'")
    if len(data) < 2:
        raise DatasetError(f"{folder} has {len(data)} demonstrations; learning needs two at least")
    return data


def learn(learner: GraspTrainer, folder: Path, inputs: Dict[str, str], console: Console) -> None:
    """Train until the settings' last step, with a checkpoint every CHECK_EVERY steps and when interrupted."""
    progress, total = learner.progress, learner.settings.steps
    begun, before = time.monotonic(), progress.seconds
    columns = BarColumn(), TextColumn("{task.percentage:3.0f} %"), TimeRemainingColumn()
    with SummaryWriter(str(folder / "tensorboard"), purge_step=progress.step) as curves, Progress(
        TextColumn("{task.description}"), *columns, console=console
    ) as display:
        bar = display.add_task("training", total=total, completed=progress.step)
        try:
            while progress.step < total:
                losses = learner.step()
                progress.seconds = before + time.monotonic() - begun
                display.update(bar, completed=progress.step, description=f"step {progress.step}, L1 {losses['l1']:.3f}")
                if progress.step % CHECK_EVERY and progress.step < total:
                    continue
                held_out = learner.validate()
                for label, values in (("train", losses), ("held_out", held_out)):
                    for name, value in values.items():
                        curves.add_scalar(f"{label}/{name}", value, progress.step)
                better = held_out["l1"] <= progress.best
                if better:
                    progress.best, progress.best_step = held_out["l1"], progress.step
                learner.save(folder, inputs, better)
                console.print(
                    f"{progress.seconds / 60:5.1f} min, {progress.step} steps: "
                    + ", ".join(f"{name} {losses[name]:.4f} (held out {held_out[name]:.4f})" for name in losses)
                    + (", best so far" if better else "")
                )
        except KeyboardInterrupt:
            learner.save(folder, inputs, is_best=False)
            raise


def train(arguments: TrainGraspOptions, robot: RobotDescription, settings: GraspSettings, console: Console) -> None:
    """The whole run: from demonstrations to a policy file."""
    folder = arguments.folder
    if not arguments.resume and (folder / "newest.pt").exists():
        raise SystemExit(f"{folder} holds a run already: go on with --resume, or name another folder with --run.")
    if arguments.resume:
        read_checkpoint(folder, "newest")  # before hours of recording
    if arguments.policy.is_dir():
        raise SystemExit(f"--output {arguments.policy} is a folder: name the policy's file.")
    arguments.policy.parent.mkdir(parents=True, exist_ok=True)
    policy = settings.policy(arguments.observe)
    if arguments.steps is not None:
        policy = replace(policy, learning=replace(policy.learning, steps=arguments.steps))
    if arguments.dataset is None:
        record_missing(arguments, policy, console)
    data = load_demonstrations(arguments)
    mlp = settings.mlp if arguments.model == "mlp" else None
    image = None if data.images is None else (int(data.images.shape[1]), int(data.images.shape[2]))
    make_grasp_contract(arguments.name, robot, policy, policy.chunk, image, data.fps)  # refused now, not after hours
    commit = present_commit()
    torch.manual_seed(settings.seed)
    network = build_network(policy, mlp, image)
    learn_from, hold_out = split(len(data), settings.validation, settings.seed)
    learner = GraspTrainer(
        network,
        policy.learning,
        FrameSampler(data, learn_from, policy),
        FrameSampler(data, hold_out, policy),
        settings.seed,
    )
    inputs = training_inputs(robot, policy, mlp, data)
    if arguments.resume:
        learner.load(folder, inputs)
    console.print(
        f"{len(learn_from)} demonstrations to learn from, {len(hold_out)} held out, {len(data.state)} frames; "
        f"{sum(weights.numel() for weights in network.parameters())} weights\n"
        f"Curves: tensorboard --logdir {folder / 'tensorboard'}\nThe policy goes to {arguments.policy}"
    )
    try:
        learn(learner, folder, inputs, console)
    except KeyboardInterrupt:
        raise SystemExit(f"Interrupted and saved. Go on with: {arguments.resumption}") from None
    progress, sources = learner.progress, data.recording.get("sources", [])
    network.load_state_dict(read_checkpoint(folder, "best")["network"])
    contract = make_grasp_contract(
        arguments.name,
        robot,
        policy,
        network.chunk,
        image,
        data.fps,
        commit,
        dataset={
            "demonstrations": len(data),
            "frames": len(data.state),
            "sources": [{name: source[name] for name in ("by", "seed", "tried")} for source in sources],
        },
        scores={
            "minutes": round(progress.seconds / 60, 1),
            "steps": progress.best_step,
            "held_out_l1": round(progress.best, 5),
        },
    )
    export_grasp(network, contract, arguments.policy)
    console.print(
        f"Trained {progress.step} steps in {progress.seconds / 60:.1f} minutes. The best (step {progress.best_step}) "
        f"is {arguments.policy}. Score it with: ./xdog evaluate grasp"
    )


def main() -> None:
    """Entry point."""
    arguments = tyro.cli(TrainGraspOptions, prog="xdog train grasp")
    if arguments.steps is not None and arguments.steps <= 0:
        raise SystemExit(f"--steps {arguments.steps}: must be above zero.")
    if arguments.threads < 1:
        raise SystemExit(f"--threads {arguments.threads}: must be above zero.")
    if arguments.model == "mlp" and arguments.observe != "state":
        raise SystemExit("--model mlp: the baseline sees the object's place; take --observe state.")
    torch.set_num_threads(arguments.threads)
    console = Console(soft_wrap=True)
    try:
        require_writable(arguments.folder, "--run")
        require_writable(arguments.policy, "--output")
        train(arguments, load_description(), load_grasp_settings(arguments.settings), console)
    except KeyboardInterrupt:
        raise SystemExit("Interrupted while recording. What was recorded is whole; the same command goes on.") from None
    except (OSError, ValueError, FloatingPointError, BrokenProcessPool, RenderError) as error:
        raise SystemExit(f"cannot train: {error}") from error


if __name__ == "__main__":
    main()
