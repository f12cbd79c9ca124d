"""How objects are approached, in demonstrations and so by what was learned from them."""

import math

import numpy as np

Array = np.ndarray

LEVEL_JAWS = -math.pi / 2.0 + 0.0487
"""rad of wrist_roll at which the jaws close horizontally: a quarter turn and the offset in the URDF's wrist_roll."""

TALL = 1.6
"""An object that is higher than so many of its widths is a bottle. It is taken from the side."""

STEEP, SLANTED = math.radians(90.0), math.radians(35.0)
"""rad below the horizontal: preferred approach of compact and of tall objects."""


def is_tall(width: float, height: float) -> bool:
    """Whether an object, by its extents in m, is taken from the side."""
    return height > TALL * width


def preferred_approach(tall: bool) -> float:
    """The direction in which demonstrations approach an object if they can, rad below the horizontal."""
    return SLANTED if tall else STEEP


def lean(heading: Array, gravity: Array) -> float:
    """By how much a horizontal direction of the arm's base leads downwards, rad.

    Args:
        heading: (3,) unit vector in the arm's horizontal plane.
        gravity: (3,) unit vector in the arm's base.
    """
    return math.atan2(float(gravity @ heading), -float(gravity[2]))


def approach_direction(heading: Array, pitch: float) -> Array:
    """The unit vector (3,) that leads along a heading, (3,), and by ``pitch`` (rad) down, both in the arm's base."""
    return np.asarray(heading * math.cos(pitch) - np.array([0.0, 0.0, math.sin(pitch)]))
