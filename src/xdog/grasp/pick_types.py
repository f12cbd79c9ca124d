"""What goes into picking an object up, and what comes out of it."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Optional, Protocol

import numpy as np

from xdog.grasp.trunk_pose import TrunkPose
from xdog.locomotion.stance import BodyPose

Array = np.ndarray


class AfterPick(IntEnum):
    """What becomes of the object, as in PickObject.action."""

    HOLD = 0
    CARRY = 1
    HAND_OVER = 2


class GraspingPolicy(Protocol):
    """What grasps: `xdog.grasp.policy.GraspPolicy`, or a stand-in."""

    def reset(self) -> None:
        """A new attempt begins."""
        ...

    def act(self, joints: Array, features: Array) -> Array:
        """Joint targets (6,) rad for one policy period from measured joints (6,) and the object's features."""
        ...


@dataclass(frozen=True, eq=False)
class PickInput:
    """What is known at one control period.

    Attributes:
        now: s.
        arm, effort: (6,) rad and Nm.
        trunk: how it is held.
        standing: whether the legs stand, and neither walk nor rise.
        torque_off: why nothing holds the legs up, whatever they were commanded; empty if they are held.
        objection: why nothing may move; empty if it may.
    """

    now: float
    arm: Array
    effort: Array
    trunk: TrunkPose
    standing: bool
    torque_off: str
    objection: str


@dataclass(frozen=True, eq=False)
class PickCommand:
    """What shall happen in this control period: arm targets (6,) rad and a body pose, None for no change."""

    arm: Optional[Array]
    body: Optional[BodyPose]


@dataclass(frozen=True)
class PickOutcome:
    """How it ended, as in PickObject's result."""

    success: bool
    outcome: str
    message: str


class PickEnd(Exception):  # noqa: N818 - no error: how the script ends
    """Ends the script of a pick. ``outcome`` says how."""

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = PickOutcome(outcome in ("picked", "handed_over"), outcome, message)
