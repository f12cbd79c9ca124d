"""Tiny grasp policies and made-up demonstrations for them."""

import copy
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import torch
from demonstrations import make_episode, write_dataset

from xdog.core.config_file import parse, read
from xdog.core.description import load_description
from xdog.core.paths import share_path
from xdog.grasp.observation import OBJECT_FEATURES
from xdog_learning.dataset import Demonstrations
from xdog_learning.grasp.sampler import FrameSampler
from xdog_learning.grasp.settings import GraspSettings, PolicySettings
from xdog_learning.grasp.trainer import GraspTrainer, Network, build_network

ROBOT = load_description()
RAW: Dict[str, Any] = read(share_path("policies", "grasp_training.yaml"))
"""The shipped settings."""
HEIGHT, WIDTH = 48, 64
"""px, of the images."""
TINY_ACT = {"width": 16, "heads": 2, "feedforward": 16, "encoder_layers": 1, "decoder_layers": 1, "dropout": 0.0}


def tiny_settings(**changes: Any) -> GraspSettings:
    """The shipped settings, made small; changes go into both policies."""
    raw = copy.deepcopy(RAW)
    raw["mlp"] = {"width": 8, "layers": 2}
    raw["validation"] = 0.25
    for observe in ("state", "image"):
        raw[observe].update(chunk=5, execute=2, **changes)
        raw[observe]["act"].update(TINY_ACT)
        raw[observe]["learning"].update(batch=4, steps=6, warmup=2)
    raw["image"]["act"].update(backbone_width=8, keypoints=4)
    return parse(GraspSettings, raw, "grasp_training.yaml")


SETTINGS = tiny_settings()


def make_demonstrations(lengths: Tuple[int, ...] = (7, 4, 9, 6), images: bool = False) -> Demonstrations:
    """Episodes whose actions count frames: joint 0 is the frame's number, so that every chunk can be identified."""
    rng = np.random.default_rng(3)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    frames = int(starts[-1])
    action = rng.normal(size=(frames, 6)).astype(np.float32)
    action[:, 0] = np.arange(frames)
    return Demonstrations(
        folder=Path("none"),
        fps=25,
        state=rng.normal(size=(frames, 6)).astype(np.float32),
        environment_state=rng.normal(size=(frames, len(OBJECT_FEATURES))).astype(np.float32),
        action=action,
        images=rng.integers(0, 255, (frames, HEIGHT, WIDTH, 3), np.uint8) if images else None,
        starts=starts,
        tasks=("pick",) * len(lengths),
        recording={},
    )


def make_network(policy: PolicySettings, image: bool) -> Network:
    """An ACT network that has not learned anything."""
    torch.manual_seed(0)
    return build_network(policy, None, (HEIGHT, WIDTH) if image else None)


def make_trainer(policy: PolicySettings, data: Demonstrations) -> GraspTrainer:
    """It learns from the first three episodes and holds out the fourth."""
    network = build_network(policy, None, None if data.images is None else (HEIGHT, WIDTH))
    return GraspTrainer(
        network, policy.learning, FrameSampler(data, [0, 1, 2], policy), FrameSampler(data, [3], policy), seed=1
    )


def write_demonstrations(folder: Path, count: int = 4, images: bool = False) -> Path:
    """A dataset in a folder."""
    size = (HEIGHT, WIDTH) if images else None
    write_dataset(folder, [make_episode(number, 6, size) for number in range(count)])
    return folder
