"""How objects are approached: directions by hand, and jaws that close horizontally."""

import math

import numpy as np
import pytest

from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import load_description
from xdog.grasp.approach_geometry import (
    LEVEL_JAWS,
    SLANTED,
    STEEP,
    approach_direction,
    is_tall,
    lean,
    preferred_approach,
)

AHEAD = np.array([1.0, 0.0, 0.0])


def test_bottles_are_tall_and_balls_are_not() -> None:
    assert not is_tall(0.04, 0.04)
    assert not is_tall(0.05, 0.08)
    assert is_tall(0.04, 0.10)
    assert (preferred_approach(False), preferred_approach(True)) == (STEEP, SLANTED)


def test_directions_by_hand() -> None:
    np.testing.assert_allclose(approach_direction(AHEAD, math.pi / 2), [0.0, 0.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(approach_direction(AHEAD, 0.0), AHEAD)
    np.testing.assert_allclose(approach_direction(AHEAD, math.pi / 6), [math.sqrt(0.75), 0.0, -0.5])


def test_a_dog_with_its_nose_down_leans_along_its_heading() -> None:
    gravity = np.array([math.sin(0.2), 0.0, -math.cos(0.2)])
    assert lean(AHEAD, gravity) == pytest.approx(0.2)
    assert lean(-AHEAD, gravity) == pytest.approx(-0.2)
    assert lean(np.array([0.0, 1.0, 0.0]), gravity) == pytest.approx(0.0)
    # Straight down in the world is 0.2 rad less than straight down in the arm's frame.
    np.testing.assert_allclose(approach_direction(AHEAD, math.pi / 2 - 0.2), gravity, atol=1e-12)


def test_level_jaws_close_horizontally() -> None:
    arm = ArmKinematics(load_description())
    for pose in ([0.0, 0.0, 0.0, 0.0, LEVEL_JAWS], [0.4, -0.6, 0.3, 1.1, LEVEL_JAWS]):
        jaws = arm.forward(pose)[1][:, 0]  # from one jaw to the other
        assert jaws[2] == pytest.approx(0.0, abs=2e-3)
