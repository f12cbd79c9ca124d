"""One training run: network, optimiser and random numbers, saved and continued exactly."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Dict, Optional, Union

import torch
from torch import Tensor

from xdog.core.description import RobotDescription
from xdog_learning.dataset import Demonstrations
from xdog_learning.grasp.act import ActPolicy
from xdog_learning.grasp.mlp import MlpPolicy
from xdog_learning.grasp.sampler import FrameSampler
from xdog_learning.grasp.settings import LearningSettings, MlpSettings, PolicySettings

Network = Union[ActPolicy, MlpPolicy]

VALIDATION_BATCH = 512
"""Frames of the held-out demonstrations on which progress is judged."""


def build_network(settings: PolicySettings, mlp: Optional[MlpSettings], image: "Optional[tuple[int, int]]") -> Network:
    """The network that is to be trained: the baseline if ``mlp`` is given, ACT otherwise."""
    if mlp is not None:
        return MlpPolicy(mlp, len(settings.token))
    return ActPolicy(settings.act, len(settings.token), settings.chunk, image)


def learning_rate(step: int, settings: LearningSettings) -> float:
    """Of a step: up in a line over `warmup` steps, then down to zero at `steps` as a half cosine."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    share = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))


def training_inputs(
    robot: RobotDescription, settings: PolicySettings, mlp: Optional[MlpSettings], data: Demonstrations
) -> Dict[str, str]:
    """Digest of settings, body and demonstrations. How long to train and how much of a chunk to use is left out."""
    shown = asdict(replace(settings, execute=1, demonstrations=2, learning=replace(settings.learning, steps=1)))
    contents: Dict[str, Any] = {
        "the settings": [shown, None if mlp is None else asdict(mlp)],
        "the robot's body": robot.urdf_hash,
        "the demonstrations": [data.starts.tolist(), float(data.action.sum()), float(data.state.sum())],
    }
    return {
        name: hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
        for name, content in contents.items()
    }


@dataclass
class TrainingProgress:
    """How far a run is: steps, wall seconds, the least held-out loss and the step that had it."""

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    best_step: int = 0


class GraspTrainer:
    """Trains one network.

    Args:
        network: fresh; its normalisers are fitted here.
        settings: of its learning.
        train: what it learns from.
        held_out: what it is judged on.
        seed: of the batches and their noise.
    """

    def __init__(
        self, network: Network, settings: LearningSettings, train: FrameSampler, held_out: FrameSampler, seed: int
    ) -> None:
        self.network, self.settings, self._train = network, settings, train
        self._validation = held_out.spread(VALIDATION_BATCH)
        self.progress = TrainingProgress()
        self._generator = torch.Generator().manual_seed(seed)
        self._optimizer = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        statistics = train.statistics()
        network.joints.fit(statistics["joints"])
        network.token.fit(statistics["token"])
        network.action.fit(statistics["action"])
        if isinstance(network, ActPolicy):
            network.place.fit(statistics["centre"])

    def step(self) -> Dict[str, float]:
        """Learn from one batch; gives its losses.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        rate = learning_rate(self.progress.step, self.settings)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        losses = self.network.loss(self._train.draw(self.settings.batch, self._generator))
        if not torch.isfinite(losses["total"]):
            raise FloatingPointError(f"the loss became {float(losses['total'].detach())} at step {self.progress.step}")
        self._optimizer.zero_grad(set_to_none=True)
        losses["total"].backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self._optimizer.step()
        self.progress.step += 1
        return _plain(losses)

    def validate(self) -> Dict[str, float]:
        """Losses on held-out demonstrations, without noise and dropout."""
        self.network.eval()
        with torch.no_grad():
            return _plain(self.network.loss(self._validation))

    def save(self, folder: Path, inputs: Dict[str, str], is_best: bool) -> None:
        """Write the newest checkpoint, and as the best if it is; older ones are replaced only when it is complete."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "inputs": inputs,
            "progress": asdict(self.progress),
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "batches": self._generator.get_state(),
            "torch": torch.get_rng_state(),
        }
        for name in ("newest", "best") if is_best else ("newest",):
            torch.save(content, folder / f"{name}.part")
            (folder / f"{name}.part").replace(folder / f"{name}.pt")

    def load(self, folder: Path, inputs: Dict[str, str]) -> None:
        """Go on from the newest checkpoint as if there had been no interruption.

        Raises:
            SystemExit: there is none, it was trained from something else, or it is damaged; with what to do.
        """
        content = read_checkpoint(folder, "newest")
        changed = [name for name in inputs if content["inputs"].get(name) != inputs[name]]
        if changed:
            raise SystemExit(
                f"{folder} cannot be resumed: {' and '.join(changed)} changed since it began. Undo the change, or "
                "train anew in another folder: --run FOLDER"
            )
        self.network.load_state_dict(content["network"])
        self._optimizer.load_state_dict(content["optimizer"])
        self.progress = TrainingProgress(**content["progress"])
        self._generator.set_state(content["batches"])
        torch.set_rng_state(content["torch"])


def read_checkpoint(folder: Path, name: str) -> Dict[str, Any]:
    """What `GraspTrainer.save` wrote as "newest" or "best".

    Raises:
        SystemExit: there is none or it is damaged; the message says what to do.
    """
    path = folder / f"{name}.pt"
    try:
        content: Dict[str, Any] = torch.load(path, weights_only=True)
        if {"inputs", "progress", "network", "optimizer", "batches", "torch"} - set(content):
            raise ValueError("it is no checkpoint of a grasp")
    except FileNotFoundError as error:
        raise SystemExit(f"{path} does not exist: train without --resume first.") from error
    except Exception as error:  # a damaged archive shows in many ways
        raise SystemExit(f"{path} cannot be read ({error}): delete {folder} and train without --resume.") from error
    return content


def _plain(losses: Dict[str, Tensor]) -> Dict[str, float]:
    return {name: float(loss.detach()) for name, loss in losses.items()}
