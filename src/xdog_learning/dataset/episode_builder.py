"""Builds an episode from the measurements of a robot while a demonstration is recorded."""

from typing import List, Optional

import numpy as np

from xdog_learning.dataset.episode import Episode

Array = np.ndarray


class EpisodeBuilderError(RuntimeError):
    """The measurements cannot become an episode."""


class EpisodeBuilder:
    """Collects one episode at an exact rate, in the time of the measurements' stamps.

    The action of a frame is the arm's target at the time of the next frame: what a policy with this period has to
    command.

    Args:
        fps: frames per second.
        object_features: (k,) of the object, the same in all frames: as observed before the arm came into view.
        task: description of the task.
        with_images: whether every frame needs an image.
    """

    def __init__(self, fps: int, object_features: Array, task: str, with_images: bool) -> None:
        self._fps, self._object_features, self._task, self.with_images = fps, object_features, task, with_images
        self._states: List[Array] = []
        self._actions: List[Array] = []
        self._images: List[Array] = []
        self._begin = 0.0

    @property
    def seconds(self) -> float:
        """Duration so far."""
        return len(self._actions) / self._fps

    def sample(self, stamp: float, joints: Array, target: Array, image: Optional[Array]) -> bool:
        """Add a measurement.

        Args:
            stamp: when it was taken, s.
            joints: (6,) rad.
            target: (6,) rad, last target of the arm.
            image: (H, W, 3) uint8, the newest camera image.

        Returns:
            Whether it was used as a frame.

        Raises:
            EpisodeBuilderError: measurements or images are missing.
        """
        if not self._states:
            self._begin = stamp
        late = stamp - (self._begin + len(self._states) / self._fps)
        if late < -1e-6:
            return False
        if late > 1.0 / self._fps:
            raise EpisodeBuilderError(f"no joint_states for {late + 1.0 / self._fps:.2f} s")
        if self.with_images and image is None:
            raise EpisodeBuilderError("no camera image has come in")
        if self._states:
            self._actions.append(target)
        self._states.append(joints)
        if image is not None and self.with_images:
            self._images.append(image)
        return True

    def finish(self) -> Episode:
        """Return the episode.

        Raises:
            EpisodeBuilderError: it is too short.
        """
        count = len(self._actions)
        if count < 2:
            raise EpisodeBuilderError("nothing was recorded")
        return Episode(
            state=np.asarray(self._states[:count], dtype=np.float32),
            environment_state=np.tile(np.asarray(self._object_features, dtype=np.float32), (count, 1)),
            action=np.asarray(self._actions, dtype=np.float32),
            images=np.stack(self._images[:count]) if self.with_images else None,
            task=self._task,
            fps=self._fps,
        )
