"""Whether the gripper holds something and how far it has lifted it: from joint angles and the gripper's servo alone."""

from typing import Optional

import numpy as np

from xdog.arm.gripper import Gripper
from xdog.core.timers import HoldTimer
from xdog.grasp.config import PickConfig

Array = np.ndarray


class GripMonitor:
    """Watches one attempt.

    Args:
        config: pick.yaml.
        gripper: gap from angle.

    Attributes:
        tool: (3,) m, gripper_frame in the level frame.
        holding: whether something is between the jaws.
        held_up: whether it has been holding something up long enough.
        closed_on_nothing: whether it has been closed and empty, at the object, for too long.
    """

    def __init__(self, config: PickConfig, gripper: Gripper) -> None:
        self._config, self._gripper = config, gripper
        self._opened = False
        self._grasped: Optional[Array] = None
        self._up, self._empty = HoldTimer(), HoldTimer()
        self.tool = np.zeros(3)
        self.holding = self.held_up = self.closed_on_nothing = False

    @property
    def displacement(self) -> Array:
        """How far the gripper has moved since it closed on something, (3,) m, level frame; zero without a grip."""
        return np.zeros(3) if self._grasped is None else np.asarray(self.tool - self._grasped)

    @property
    def lift(self) -> float:
        """How far it has risen with what it holds, m."""
        return float(self.displacement[2])

    def update(self, now: float, tool: Array, angle: float, effort: float, near: bool) -> None:
        """A measurement.

        Args:
            now: s.
            tool: (3,) m, gripper_frame in the level frame.
            angle: of the gripper joint, rad.
            effort: of its servo, Nm, negative when closing.
            near: whether the gripper is where the object was seen.
        """
        grip = self._config.grip
        gap = self._gripper.gap(angle)
        self._opened = self._opened or gap >= grip.open
        self.tool = np.asarray(tool, dtype=float)
        self.holding = self._opened and gap >= grip.gap and -effort >= grip.effort
        if not self.holding:
            self._grasped = None
        elif self._grasped is None:
            self._grasped = self.tool.copy()
        up = self.holding and self.lift >= self._config.lift.height
        self.held_up = self._up.update(now, up, self._config.lift.hold)
        empty = self._opened and near and gap < grip.gap
        self.closed_on_nothing = self._empty.update(now, empty, self._config.approach.empty)
