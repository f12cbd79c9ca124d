"""Content of a gait's checkpoint: the weights, the progress of the run and digests of its inputs."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping

from xdog.core.description import RobotDescription
from xdog_learning.gait.ppo import GaitPPO
from xdog_learning.run_folder import digests
from xdog_sim.config import load_sim_config
from xdog_sim.randomization import Randomization
from xdog_sim.tasks.gait_config import GaitConfig


@dataclass(frozen=True)
class GaitProgress:
    """Progress of a run.

    Attributes:
        seconds: wall time of the training so far.
        best: scores of the best checkpoint by name, from the checks during training; "total" is the one compared.
        steps: control steps so far, over all robots.
        updates: passes over a rollout so far.
        rate: learning rate.
    """

    seconds: float = 0.0
    best: Mapping[str, float] = field(default_factory=lambda: {"total": math.inf})
    steps: int = 0
    updates: int = 0
    rate: float = 0.0


def training_inputs(robot: RobotDescription, config: GaitConfig, ranges: Randomization) -> Dict[str, str]:
    """Digest of settings, body and ranges. The length of the training and comments in the files do not count."""
    settings = dataclasses.asdict(dataclasses.replace(config, ppo=dataclasses.replace(config.ppo, total_steps=0)))
    body = [robot.urdf_hash, [float(angle) for angle in robot.legs.poses["stand"]]]
    return digests(
        {
            "the settings": settings,
            "the robot's body or stand pose": body,
            "sim/randomization.yaml": dataclasses.asdict(ranges),
            "legs.ramp of sim/hardware.yaml": load_sim_config().legs.ramp,
        }
    )


def make_checkpoint(model: GaitPPO, inputs: Mapping[str, str], progress: GaitProgress) -> Dict[str, Any]:
    """Make a checkpoint of the model."""
    return {
        "inputs": dict(inputs),
        "progress": {**dataclasses.asdict(progress), "best": dict(progress.best)},
        "network": model.policy.state_dict(),
        "optimizer": model.policy.optimizer.state_dict(),
    }


def restore_checkpoint(model: GaitPPO, content: Mapping[str, Any]) -> GaitProgress:
    """Restore the model from a checkpoint.

    Raises:
        AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError: the content does not fit it.
    """
    raw = content["progress"]
    progress = GaitProgress(
        seconds=float(raw["seconds"]),
        best={"total": math.inf, **{str(name): float(score) for name, score in raw["best"].items()}},
        steps=int(raw["steps"]),
        updates=int(raw["updates"]),
        rate=float(raw["rate"]),
    )
    model.policy.load_state_dict(content["network"])
    model.policy.optimizer.load_state_dict(content["optimizer"])
    model.num_timesteps, model._n_updates, model.rate = progress.steps, progress.updates, progress.rate
    return progress
