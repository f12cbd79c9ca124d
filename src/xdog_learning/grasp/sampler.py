"""Batches of observations with the actions that followed, drawn from demonstrations."""

from typing import Dict, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from xdog.grasp.observation import OBJECT_FEATURES
from xdog_learning.dataset import Demonstrations
from xdog_learning.grasp.settings import NoiseSettings, PolicySettings

CENTRE = [OBJECT_FEATURES.index(name) for name in ("centre_x", "centre_y", "centre_z")]

Batch = Dict[str, Tensor]


class FrameSampler:
    """Draws frames of some episodes of a dataset. Everything but the images is kept as tensors.

    Args:
        demonstrations: the dataset; with images for an image policy.
        episodes: numbers of the episodes to draw from.
        settings: features, chunk and noise.
    """

    def __init__(self, demonstrations: Demonstrations, episodes: Sequence[int], settings: PolicySettings) -> None:
        self._settings = settings
        self._images = demonstrations.images
        self._joints = torch.from_numpy(demonstrations.state)
        self._features = torch.from_numpy(demonstrations.environment_state)
        self._action = torch.from_numpy(demonstrations.action)
        self._seen = [OBJECT_FEATURES.index(name) for name in settings.token]
        starts = torch.from_numpy(demonstrations.starts)
        spans = [torch.arange(int(starts[number]), int(starts[number + 1])) for number in episodes]
        self.frames = torch.cat(spans)
        self._ends = torch.cat([span[-1].expand(len(span)) for span in spans])

    def statistics(self) -> Dict[str, Tensor]:
        """What normalisers are fitted to: joints, features, action and centre over all frames."""
        features = self._features[self.frames]
        return {
            "joints": self._joints[self.frames],
            "features": features[:, self._seen],
            "action": self._action[self.frames],
            "centre": features[:, CENTRE],
        }

    def draw(self, count: int, generator: torch.Generator) -> Batch:
        """Random frames, with noise."""
        batch = self._batch(torch.randint(len(self.frames), (count,), generator=generator))
        return disturb(batch, self._settings, generator)

    def spread(self, count: int) -> Batch:
        """At most ``count`` frames, evenly spread over all, without noise: the same at every call."""
        return self._batch(torch.linspace(0, len(self.frames) - 1, min(count, len(self.frames))).long())

    def _batch(self, rows: Tensor) -> Batch:
        frames, ends = self.frames[rows], self._ends[rows]
        following = frames[:, None] + torch.arange(self._settings.chunk)
        features = self._features[frames]
        batch = {
            "joints": self._joints[frames],
            "features": features[:, self._seen],
            "action": self._action[torch.minimum(following, ends[:, None])],
            "real": following <= ends[:, None],
            "centre": features[:, CENTRE],
        }
        if self._images is not None:
            batch["image"] = torch.from_numpy(self._images[frames.numpy()])
        return batch


def disturb(batch: Batch, settings: PolicySettings, generator: torch.Generator) -> Batch:
    """The batch with noise on the observations; the actions stay those for the true state.

    The error of the object's position is drawn for every frame. A policy without memory learns the same from that
    as from an error that is constant during an episode: the action that is right on average for the observation.
    """
    noise = settings.noise
    joints = batch["joints"] + noise.joints * torch.randn(batch["joints"].shape, generator=generator)
    features = batch["features"].clone()
    for column, name in enumerate(settings.token):
        if name.startswith("centre_"):
            features[:, column] += noise.object * torch.randn(len(features), generator=generator)
    disturbed = {**batch, "joints": joints, "features": features}
    if "image" in batch:
        disturbed["image"] = disturb_images(batch["image"], noise, generator)
    return disturbed


def disturb_images(images: Tensor, noise: NoiseSettings, generator: torch.Generator) -> Tensor:
    """Images (n, h, w, 3) uint8, each brighter or darker, with more or less contrast, and shifted by a few pixels."""
    count, height, width, _ = images.shape
    spread = 2.0 * torch.rand(2, count, 1, 1, 1, generator=generator) - 1.0
    values = images.float()
    mean = values.mean((1, 2, 3), keepdim=True)
    values = (values - mean) * (1.0 + noise.contrast * spread[0]) + mean + 255.0 * noise.brightness * spread[1]
    images = values.round().clamp(0, 255).to(torch.uint8)
    if noise.shift == 0:
        return images
    edge = noise.shift
    padded = functional.pad(images.permute(0, 3, 1, 2).float(), (edge,) * 4, mode="replicate").to(torch.uint8)
    down, right = torch.randint(0, 2 * edge + 1, (2, count), generator=generator)
    rows = (down[:, None] + torch.arange(height))[:, None, :, None]
    columns = (right[:, None] + torch.arange(width))[:, None, None, :]
    every = torch.arange(count)[:, None, None, None]
    return padded[every, torch.arange(3)[None, :, None, None], rows, columns].permute(0, 2, 3, 1)
