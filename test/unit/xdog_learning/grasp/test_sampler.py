"""Batches: chunks that end with their episode, selected features, and noise."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from grasp_trainings import (
    HEIGHT,
    RAW,
    SETTINGS,
    WIDTH,
    make_demonstrations,
)

from xdog.core.config_file import parse
from xdog_learning.grasp.sampler import FrameSampler, disturb, disturb_images
from xdog_learning.grasp.settings import GraspSettings


def test_chunks_end_with_their_episode() -> None:
    batches = FrameSampler(make_demonstrations((3, 4)), [0, 1], SETTINGS.state)
    batch = batches.spread(7)
    assert batch["action"][:, :, 0].tolist() == [
        [0, 1, 2, 2, 2], [1, 2, 2, 2, 2], [2, 2, 2, 2, 2],
        [3, 4, 5, 6, 6], [4, 5, 6, 6, 6], [5, 6, 6, 6, 6], [6, 6, 6, 6, 6],
    ]  # fmt: skip
    assert batch["real"].sum(1).tolist() == [3, 2, 1, 4, 3, 2, 1]
    assert batch["real"][0].tolist() == [True, True, True, False, False]


def test_only_the_named_episodes_and_entries_are_seen() -> None:
    data = make_demonstrations((3, 4, 2))
    policy = dataclasses.replace(SETTINGS.state, token=("height", "centre_x"))
    batches = FrameSampler(data, [0, 2], policy)
    assert batches.frames.tolist() == [0, 1, 2, 7, 8]
    batch = batches.spread(5)
    np.testing.assert_array_equal(batch["features"], data.environment_state[[0, 1, 2, 7, 8]][:, [4, 0]])
    np.testing.assert_array_equal(batch["centre"], data.environment_state[[0, 1, 2, 7, 8], :3])


def test_noise_changes_observations_only() -> None:
    raw = copy.deepcopy(RAW)
    raw["state"]["noise"].update(joints=0.1, object=0.2)
    policy = parse(GraspSettings, raw, "grasp_training.yaml").state
    batch = FrameSampler(make_demonstrations(), [0, 1, 2, 3], policy).spread(26)
    batch = {name: values.repeat(200, *[1] * (values.ndim - 1)) for name, values in batch.items()}
    noisy = disturb(batch, policy, torch.Generator().manual_seed(1))
    moved = noisy["features"] - batch["features"]
    assert moved[:, :3].std().item() == pytest.approx(0.2, rel=0.05)
    assert not moved[:, 3:].any()
    assert (noisy["joints"] - batch["joints"]).std().item() == pytest.approx(0.1, rel=0.05)
    for name in ("action", "real", "centre"):
        assert torch.equal(noisy[name], batch[name])


def test_images_are_shifted_and_brightened() -> None:
    noise = dataclasses.replace(SETTINGS.image.noise, brightness=0.0, contrast=0.0, shift=2)
    image = torch.arange(HEIGHT * WIDTH).remainder(251).to(torch.uint8).view(1, HEIGHT, WIDTH, 1).repeat(8, 1, 1, 3)
    shifted = disturb_images(image, noise, torch.Generator().manual_seed(0))
    assert shifted.shape == image.shape
    assert shifted.dtype == torch.uint8
    inner = shifted[:, 4:-4, 4:-4]
    places = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    for i in range(8):
        assert any(
            torch.equal(inner[i], image[i, 4 + down : HEIGHT - 4 + down, 4 + right : WIDTH - 4 + right])
            for down, right in places
        )
    lit = disturb_images(image, dataclasses.replace(noise, brightness=0.2, shift=0), torch.Generator().manual_seed(0))
    change = (lit.float() - image.float())[:, 20, 20, 0]
    assert change.abs().max() <= 52
    assert change.unique().numel() > 4
