"""Training one network, with its optimiser and random numbers; a checkpoint continues it exactly."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, FrozenSet, Mapping, Optional, Union

import torch
from torch import Tensor

from xdog.core.description import RobotDescription
from xdog_learning.dataset import Demonstrations
from xdog_learning.grasp.act import ActPolicy
from xdog_learning.grasp.mlp import MlpPolicy
from xdog_learning.grasp.sampler import FrameSampler
from xdog_learning.grasp.settings import LearningSettings, MlpSettings, PolicySettings
from xdog_learning.run_folder import DivergenceError, digests

Network = Union[ActPolicy, MlpPolicy]

VALIDATION_BATCH = 512
"""Frames of the held-out demonstrations on which progress is measured."""
RANDOM_STATES: FrozenSet[str] = frozenset({"batches", "torch"})
"""Entries of a checkpoint besides `xdog_learning.run_folder.PARTS`: the states of the random generators."""


def build_network(settings: PolicySettings, mlp: Optional[MlpSettings], image: "Optional[tuple[int, int]]") -> Network:
    """The network to train: the baseline if ``mlp`` is given, ACT otherwise."""
    if mlp is not None:
        return MlpPolicy(mlp, len(settings.token))
    return ActPolicy(settings.act, len(settings.token), settings.chunk, image)


def learning_rate(step: int, settings: LearningSettings) -> float:
    """Learning rate of a step: linear up over `warmup` steps, then a half cosine down to zero at `steps`."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    share = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))


def training_inputs(
    robot: RobotDescription, settings: PolicySettings, mlp: Optional[MlpSettings], data: Demonstrations
) -> Dict[str, str]:
    """Digest of settings, body and demonstrations. How long to train and how much of a chunk to use are left out."""
    shown = asdict(replace(settings, execute=1, demonstrations=2, learning=replace(settings.learning, steps=1)))
    return digests(
        {
            "the settings": [shown, None if mlp is None else asdict(mlp)],
            "the robot's body": robot.urdf_hash,
            "the demonstrations": [data.starts.tolist(), float(data.action.sum()), float(data.state.sum())],
        }
    )


@dataclass
class TrainingProgress:
    """How far a run is: steps, wall seconds, the smallest held-out loss and its step."""

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    best_step: int = 0


class GraspTrainer:
    """Trains one network.

    Args:
        network: untrained; its normalisers are fitted here.
        settings: of its learning.
        train: frames to learn from.
        held_out: frames to validate on.
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
        network.token.fit(statistics["features"])
        network.action.fit(statistics["action"])
        if isinstance(network, ActPolicy):
            network.place.fit(statistics["centre"])

    def step(self) -> Dict[str, float]:
        """Learn from one batch; gives its losses.

        Raises:
            DivergenceError: the loss or its gradient is not finite; the weights are as before.
        """
        rate = learning_rate(self.progress.step, self.settings)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        losses = self.network.loss(self._train.draw(self.settings.batch, self._generator))
        _require_finite(losses["total"], f"the loss at step {self.progress.step}")
        self._optimizer.zero_grad(set_to_none=True)
        losses["total"].backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        _require_finite(norm, f"the gradient at step {self.progress.step}")
        self._optimizer.step()
        self.progress.step += 1
        return _plain(losses)

    def validate(self) -> Dict[str, float]:
        """Losses on held-out demonstrations, without noise and dropout.

        Raises:
            DivergenceError: they are not finite.
        """
        self.network.eval()
        with torch.no_grad():
            losses = self.network.loss(self._validation)
        _require_finite(losses["total"], f"the held-out loss at step {self.progress.step}")
        return _plain(losses)

    def checkpoint(self, inputs: Mapping[str, str]) -> Dict[str, Any]:
        """Everything needed to continue the run; ``inputs`` as from `training_inputs`."""
        return {
            "inputs": dict(inputs),
            "progress": asdict(self.progress),
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "batches": self._generator.get_state(),
            "torch": torch.get_rng_state(),
        }

    def restore(self, content: Mapping[str, Any]) -> None:
        """Continue from a checkpoint as if there had been no interruption.

        Raises:
            AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError: it does not fit the network.
        """
        raw = content["progress"]
        progress = TrainingProgress(int(raw["step"]), float(raw["seconds"]), float(raw["best"]), int(raw["best_step"]))
        self.network.load_state_dict(content["network"])
        self._optimizer.load_state_dict(content["optimizer"])
        self._generator.set_state(content["batches"])
        torch.set_rng_state(content["torch"])
        self.progress = progress


def _require_finite(value: Tensor, what: str) -> None:
    if not torch.isfinite(value):
        raise DivergenceError(f"{what} became {float(value.detach())}")


def _plain(losses: Dict[str, Tensor]) -> Dict[str, float]:
    return {name: float(loss.detach()) for name, loss in losses.items()}
