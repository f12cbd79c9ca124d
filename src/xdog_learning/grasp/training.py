"""Training a grasp policy: from demonstrations to the policy file, with checks, checkpoints and continuation."""

import time
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np
import torch
from rich.console import Console
from rich.progress import TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from xdog.core.description import RobotDescription
from xdog_learning.dataset import DatasetError, Demonstrations, load_dataset
from xdog_learning.export import present_commit
from xdog_learning.grasp.export import export_grasp, make_grasp_contract
from xdog_learning.grasp.sampler import FrameSampler
from xdog_learning.grasp.settings import GraspSettings, MlpSettings, PolicySettings
from xdog_learning.grasp.trainer import GraspTrainer, TrainingProgress, build_network, training_inputs
from xdog_learning.run_folder import BEST, RunFolder, fitting, uninterrupted
from xdog_sim.console import progress_bar

CHECK_EVERY = 500
"""Steps between two checks on the held-out demonstrations, each with a checkpoint."""


def split_episodes(count: int, share: float, seed: int) -> Tuple[List[int], List[int]]:
    """Episode numbers to learn from and to hold out: at least one of each, always the same for a seed."""
    order = np.random.default_rng(seed).permutation(count).tolist()
    held_out = min(count - 1, max(1, round(share * count)))
    return sorted(order[held_out:]), sorted(order[:held_out])


def load_demonstrations(folder: Path, images: bool) -> Demonstrations:
    """The demonstrations to learn from.

    Raises:
        DatasetError: they cannot be read, lack the required images, or are fewer than two.
    """
    data = load_dataset(folder, images=images)
    if images and data.images is None:
        raise DatasetError(f"{folder} has no images: record some with './xdog record --images'")
    if len(data) < 2:
        raise DatasetError(f"{folder} has {len(data)} demonstrations; learning needs two at least")
    return data


class GraspTraining:
    """One training run, in a folder that the caller holds.

    Args:
        robot: the body.
        settings: of policies/grasp_training.yaml.
        policy: those of the policy that is trained.
        mlp: those of the baseline, if that is trained.
        data: the demonstrations.
        folder: of checkpoints and TensorBoard logs.
        console: for lines and the progress bar.

    Raises:
        ContractError: the robot would refuse a policy of these settings and data.
    """

    def __init__(
        self,
        robot: RobotDescription,
        settings: GraspSettings,
        policy: PolicySettings,
        mlp: Optional[MlpSettings],
        data: Demonstrations,
        folder: RunFolder,
        console: Console,
    ) -> None:
        self._robot, self._policy, self._data = robot, policy, data
        self._folder, self._console = folder, console
        self._image = None if data.images is None else (int(data.images.shape[1]), int(data.images.shape[2]))
        make_grasp_contract("grasp", robot, policy, policy.chunk, self._image, data.fps)  # fails now, not after hours
        self._commit = present_commit()
        self._inputs = training_inputs(robot, policy, mlp, data)
        self._has_best = False
        torch.manual_seed(settings.seed)
        network = build_network(policy, mlp, self._image)
        learned, held_out = split_episodes(len(data), settings.validation, settings.seed)
        samplers = FrameSampler(data, learned, policy), FrameSampler(data, held_out, policy)
        self._trainer = GraspTrainer(network, policy.learning, *samplers, settings.seed)
        weights = sum(weights.numel() for weights in network.parameters())
        self.summary = (
            f"{len(learned)} demonstrations to learn from, {len(held_out)} held out, {len(data.state)} frames; "
            f"{weights} weights"
        )

    @property
    def progress(self) -> TrainingProgress:
        """Progress of the run."""
        return self._trainer.progress

    def resume(self) -> None:
        """Continue from the newest sound checkpoint.

        Raises:
            CheckpointError: no checkpoint fits.
        """
        content, warning = self._folder.resume(self._inputs)
        with fitting(self._folder.path):
            self._trainer.restore(content)
        self._has_best = self._folder.has_best()
        if warning:
            self._console.print(warning)

    def learn(self) -> None:
        """Train until the settings' last step. An interruption leaves a checkpoint.

        Raises:
            DivergenceError: the training diverged; the checkpoints are those from before.
        """
        trainer, total = self._trainer, self._policy.learning.steps
        progress = trainer.progress
        if progress.step >= total:
            self._console.print(f"The run has {progress.step} steps of {total}: nothing is left to train.")
        started, before = time.monotonic(), progress.seconds
        columns = TextColumn("{task.percentage:3.0f} %", markup=False), TimeRemainingColumn()
        curves = SummaryWriter(str(self._folder.path / "tensorboard"), purge_step=progress.step)
        with curves, progress_bar(self._console, *columns) as display:
            bar = display.add_task("training", total=total, completed=progress.step)
            try:
                while progress.step < total:
                    losses = trainer.step()
                    progress.seconds = before + time.monotonic() - started
                    shown = f"step {progress.step}, L1 {losses['l1']:.3f}"
                    display.update(bar, completed=progress.step, description=shown)
                    if progress.step % CHECK_EVERY == 0 or progress.step == total:
                        self._check(losses, curves)
                if not self._has_best:
                    self._check({}, curves)
            except KeyboardInterrupt:
                with uninterrupted():
                    self._folder.save(trainer.checkpoint(self._inputs), is_best=False)
                raise

    def export(self, name: str, path: Path) -> None:
        """Write the best network of the run as ONNX with its contract; ``name`` of the policy."""
        network, progress, data = self._trainer.network, self.progress, self._data
        content = self._folder.read(BEST)
        with fitting(self._folder.file(BEST)):
            network.load_state_dict(content["network"])
        sources = data.recording.get("sources", [])
        contract = make_grasp_contract(
            name,
            self._robot,
            self._policy,
            network.chunk,
            self._image,
            data.fps,
            self._commit,
            dataset={
                "demonstrations": len(data),
                "frames": len(data.state),
                "sources": [{key: source[key] for key in ("by", "seed", "tried")} for source in sources],
            },
            scores={
                "minutes": round(progress.seconds / 60, 1),
                "steps": progress.best_step,
                "held_out_l1": round(progress.best, 5),
            },
        )
        export_grasp(network, contract, path)

    def _check(self, losses: Dict[str, float], curves: SummaryWriter) -> None:
        """Measure the held-out losses, print them beside those of training, and save; as the best if they improved."""
        progress, held_out = self.progress, self._trainer.validate()
        for label, values in (("train", losses), ("held_out", held_out)):
            for name, value in values.items():
                curves.add_scalar(f"{label}/{name}", value, progress.step)
        better = held_out["l1"] <= progress.best or not self._has_best
        if better:
            progress.best, progress.best_step = held_out["l1"], progress.step
        self._folder.save(self._trainer.checkpoint(self._inputs), better)
        self._has_best |= better
        shown = (f"{name} {losses.get(name, value):.4f} (held out {value:.4f})" for name, value in held_out.items())
        self._console.print(
            f"{progress.seconds / 60:5.1f} min, {progress.step} steps: {', '.join(shown)}"
            f"{', best so far' if better else ''}"
        )
