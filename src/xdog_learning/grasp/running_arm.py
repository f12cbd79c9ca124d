"""The interface of the arm that recording and replay move. No ROS."""

from typing import Optional, Protocol

import numpy as np

Array = np.ndarray


class RunningArm(Protocol):
    """The arm that is moved; `ArmLink` in a running graph."""

    @property
    def joints(self) -> Optional[Array]:
        """Measured (6,) rad; None before the first measurement."""
        ...

    @property
    def mode(self) -> str:
        """What arm_controller does: stopped, trajectory, gripper, streaming or holding; empty before it is known."""
        ...

    def target(self) -> Optional[Array]:
        """The newest goal of the arm, (6,) rad; its measured joints if that is old."""
        ...

    def objection(self) -> str:
        """Why the arm may not move; empty if it may."""
        ...

    def interruption(self) -> str:
        """Why the arm stopped following the setpoints since `watch`, or may not move; empty if it still follows."""
        ...

    def watch(self) -> None:
        """Clear earlier interruptions."""
        ...

    def send(self, target: Array, duration: float) -> None:
        """Send a setpoint: (6,) rad, to be reached in ``duration`` s."""
        ...
