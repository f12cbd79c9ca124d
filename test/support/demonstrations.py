"""Made-up demonstrations for the tests: smooth motions, a picture that moves with them."""

from typing import Optional, Tuple

import numpy as np

from xdog.grasp.observation import TOKEN_SIZE
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
        columns = (np.arange(width)[None, :] * 4 + 3 * np.arange(frames)[:, None] + 40 * seed) % 256
        images = np.broadcast_to(columns[:, None, :, None], (frames, height, width, 3)).astype(np.uint8)
    return Episode(
        state=np.sin(phase).astype(np.float32),
        environment_state=generator.normal(size=(frames, TOKEN_SIZE)).astype(np.float32),
        action=np.sin(phase + 0.1).astype(np.float32),
        images=images,
        task=task,
        fps=fps,
    )
