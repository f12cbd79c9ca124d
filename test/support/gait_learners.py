"""Small PPO models on the velocity task, and the settings files of small trainings."""

import dataclasses
from pathlib import Path
from typing import Any

import yaml
from simulated_robots import CONFIG, config_with, make_batch, make_task

from xdog.core.paths import share_path
from xdog.locomotion.observation import ObservationBuilder
from xdog_learning.gait.environment import GaitVecEnv
from xdog_learning.gait.ppo import GaitPPO, build_ppo
from xdog_sim.tasks.gait_config import GaitConfig

OBSERVATION_SIZE = ObservationBuilder(CONFIG.observation).size
SMALL = {"robots": 16, "steps": 8, "minibatches": 2, "epochs": 1, "actor": [16], "critic": [16]}
SMALL_CONFIG: GaitConfig = config_with(
    ppo=dataclasses.replace(CONFIG.ppo, **{**SMALL, "actor": (16,), "critic": (16,)})  # type: ignore[arg-type]
)
"""The shipped settings with a tiny model."""


def make_environment(count: int = 4, **changes: Any) -> GaitVecEnv:
    """Some robots without any randomisation."""
    return GaitVecEnv(make_task(make_batch(count), config=config_with(**changes)))


def make_learner(folder: Path, count: int = 4) -> GaitPPO:
    """A tiny untrained model."""
    return build_ppo(make_environment(count), SMALL_CONFIG.ppo, seed=3, log_folder=str(folder))


def write_settings(folder: Path, **changes: Any) -> Path:
    """policies/gait.yaml with the tiny model and further changes, as folder/gait.yaml."""
    content = yaml.safe_load(share_path("policies", "gait.yaml").read_text())
    content["ppo"].update(SMALL)
    content.update(changes)
    path = folder / "gait.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
