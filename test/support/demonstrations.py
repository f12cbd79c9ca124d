"""Made-up demonstrations for the tests: smooth motions, a picture that moves with them."""

from pathlib import Path
from typing import Optional, Sequence, Tuple

import numpy as np

from xdog.grasp.observation import OBJECT_FEATURE_COUNT
from xdog_learning.dataset import DatasetWriter
from xdog_learning.dataset.episode import Episode

FPS = 25


def make_episode(
    seed: int, frames: int = 20, size: Optional[Tuple[int, int]] = None, task: str = "pick up the cube", fps: int = FPS
) -> Episode:
    """An episode that its seed determines; ``size`` (height, width) gives it images."""
    generator = np.random.default_rng(seed)
    phase = generator.uniform(0.0, 6.0, 6) + np.linspace(0.0, 3.0, frames)[:, None]
    images = None
    if size is not None:
        height, width = size
        columns = (np.arange(width)[None, :] * 4 + 12 * np.arange(frames)[:, None] + 40 * seed) % 256
        images = np.broadcast_to(columns[:, None, :, None], (frames, height, width, 3)).astype(np.uint8)
    # rad: the gripper cannot close as far as the other joints turn.
    middle = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.7])
    swing = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.7])
    return Episode(
        state=(middle + swing * np.sin(phase)).astype(np.float32),
        environment_state=generator.normal(size=(frames, OBJECT_FEATURE_COUNT)).astype(np.float32),
        action=(middle + swing * np.sin(phase + 0.1)).astype(np.float32),
        images=images,
        task=task,
        fps=fps,
    )


def write_dataset(folder: Path, episodes: Sequence[Episode]) -> None:
    """Begin a dataset, or add to one, in a session of its own."""
    with DatasetWriter(folder) as writer:
        for episode in episodes:
            writer.add(episode)


def assert_same_episode(found: Episode, wanted: Episode) -> None:
    """Equal numbers and words, pictures as far as the video keeps them."""
    for name in ("state", "environment_state", "action"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert (found.task, found.fps) == (wanted.task, wanted.fps)
    if found.images is not None:
        assert wanted.images is not None
        assert np.abs(found.images.astype(int) - wanted.images).mean() < 5.0, "the next frame differs by 12"
