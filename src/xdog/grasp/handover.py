"""Whether a person pulls at what the arm holds out: stiff servos hardly give way, but their effort shows it."""

import math
from typing import List, Optional

import numpy as np

from xdog.core.timers import HoldTimer
from xdog.grasp.config import HandOverConfig

Array = np.ndarray

STILL = 0.02
"""rad by which a joint of an arm at rest may seem to move."""


class HandoverDetector:
    """Learns what holding takes while the arm is at rest, then notices what differs from that.

    Args:
        config: how long and how much.
    """

    def __init__(self, config: HandOverConfig) -> None:
        self._config = config
        self._since, self._place = math.inf, np.zeros(0)
        self._efforts: List[Array] = []
        self._rest: Optional[Array] = None
        self._pulled = HoldTimer()

    def update(self, now: float, joints: Array, effort: Array) -> bool:
        """Whether a person has been pulling for long enough; to be called once a control period.

        Args:
            now: s.
            joints: (5,) rad, without the gripper.
            effort: (5,) Nm.
        """
        if self._rest is None:
            if not self._efforts or np.max(np.abs(joints - self._place)) > STILL:
                self._since, self._place, self._efforts = now, joints, []
            self._efforts.append(effort)
            if now - self._since >= self._config.settle:
                self._rest = np.mean(self._efforts, axis=0)
            return False
        pulled = float(np.linalg.norm(effort - self._rest)) > self._config.pull
        return self._pulled.update(now, pulled, self._config.time)
