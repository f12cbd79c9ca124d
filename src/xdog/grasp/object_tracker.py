"""Which of the detected objects is meant, and where it is now."""

from dataclasses import dataclass
from typing import List, Optional, Sequence

import numpy as np

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class TrackedDetection:
    """One detected object.

    Attributes:
        stamp: when the image was taken, s.
        label: its class.
        centre: (3,) m, middle of its box in the level frame.
        size: (3,) m, extents of its box: two horizontal ones and the height.
    """

    stamp: float
    label: str
    centre: Array
    size: Array


class ObjectTracker:
    """Follows one object through detections that carry no identity: the next one is the nearest of its label.

    Args:
        gate: m that an object may seem to jump between two detections and still be the same.
        memory: number of detections whose median is the object's place.
    """

    def __init__(self, gate: float, memory: int) -> None:
        self._gate, self._memory = gate, memory
        self._seen: List[TrackedDetection] = []

    @property
    def target(self) -> Optional[TrackedDetection]:
        """The object where it was seen last, None before it was chosen."""
        return self._seen[-1] if self._seen else None

    @property
    def steady(self) -> bool:
        """Whether `place` rests on as many detections as ``memory``."""
        return len(self._seen) >= self._memory

    def place(self) -> Array:
        """Median (3,) m of the last detections, level frame. Raises ValueError before the object was chosen."""
        if not self._seen:
            raise ValueError("no object was chosen")
        middle: Array = np.median([detection.centre for detection in self._seen], axis=0)
        return middle

    def forget(self) -> None:
        """Choose again."""
        self._seen = []

    def choose(self, detections: Sequence[TrackedDetection], label: str, near: Array) -> Optional[TrackedDetection]:
        """Take the object of a label ("" for any) that is nearest to a point (3,) of the level frame.

        One that is chosen stays so unless another is nearer by more than the gate: a detector misses objects now and
        then, and the nearest one may have been missing from the first image. Returns the target.
        """

        def away(detection: TrackedDetection) -> float:
            return float(np.linalg.norm(detection.centre - near))

        fitting = [detection for detection in detections if label in ("", detection.label)]
        if fitting:
            nearest = min(fitting, key=away)
            if self.target is None or away(nearest) < away(self.target) - self._gate:
                self._seen = [nearest]
        return self.target

    def follow(self, detections: Sequence[TrackedDetection]) -> bool:
        """Look for the chosen object among newer detections; whether it is there."""
        if not self._seen:
            return False
        last = self._seen[-1]
        fitting = [
            detection for detection in detections if detection.label == last.label and detection.stamp > last.stamp
        ]
        if not fitting:
            return False
        nearest = min(fitting, key=lambda detection: float(np.linalg.norm(detection.centre - last.centre)))
        if float(np.linalg.norm(nearest.centre - last.centre)) > self._gate:
            return False
        self._seen = [*self._seen, nearest][-self._memory :]
        return True
