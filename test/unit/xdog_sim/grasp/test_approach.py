"""Approaches to objects: jaws around the object, within the joint limits, and a path that avoids collisions."""

from typing import List

import numpy as np
import pytest

from xdog.core.description import load_description
from xdog.grasp.observation import object_features
from xdog_sim.grasp.approach import Approach, GraspPlanner

ROBOT = load_description()
PLANNER = GraspPlanner(ROBOT)
DOWN = np.array([0.0, 0.0, -1.0])


def features(
    width: float = 0.04, height: float = 0.04, x: float = 0.28, y: float = 0.05, z: float = -0.15
) -> np.ndarray:
    return object_features(np.array([x, y, z]), np.array([width, width, height]), DOWN)


def approaches(**changes: float) -> List[Approach]:
    return list(PLANNER.candidates(features(**changes)))


def test_the_tool_puts_the_aim_between_the_jaws() -> None:
    aim, gap, beyond = np.array([0.25, 0.03, -0.12]), 0.06, 0.01
    angles = PLANNER.tool(aim, beyond, 1.2, gap, np.array([0.0, -0.3, 0.3, 0.8, -1.5]))
    tip, rotation = PLANNER.arm.forward(angles)
    # In gripper_frame the fixed jaw's tip is the origin: the aim lies half the gap beside it and before the tips.
    assert rotation.T @ (tip - aim) == pytest.approx([gap / 2.0, 0.0, beyond], abs=1e-3)


def test_candidates_are_within_the_joint_limits_and_open_wider_than_the_object() -> None:
    found = approaches()
    assert len(found) > 5
    for approach in found:
        for pose in (approach.before, approach.at, approach.lifted):
            assert np.all(ROBOT.arm.lower[:5] <= pose)
            assert np.all(pose <= ROBOT.arm.upper[:5])
        assert approach.opening > 0.04


def test_the_hand_comes_straight_to_the_object_and_lifts_it_straight_up() -> None:
    for approach in approaches()[:5]:
        before, at = (PLANNER.arm.forward(pose)[0] for pose in (approach.before, approach.at))
        middle = PLANNER.arm.forward(PLANNER.tool_between(approach, 0.5))[0]
        assert middle == pytest.approx(0.5 * (before + at), abs=2e-3)
        lifted = PLANNER.arm.forward(approach.lifted)[0]
        assert (lifted - at)[2] > 0.05
        assert np.hypot(*(lifted - at)[:2]) < 0.03  # the jaws close meanwhile, which moves the tip a little


def test_compact_objects_are_approached_from_above_and_tall_ones_from_the_side() -> None:
    compact, tall = approaches()[0], approaches(height=0.12)[0]
    assert compact.pitch > tall.pitch
    assert compact.pitch == pytest.approx(np.radians(90.0), abs=np.radians(30.0))


def test_nothing_out_of_reach_is_approached() -> None:
    assert approaches(x=0.7) == []


class Forbidden:
    """A checker in which some poses collide."""

    def __init__(self, blocked: List[np.ndarray]) -> None:
        self._blocked = blocked

    def free(self, joints: np.ndarray, with_object: bool) -> bool:
        return not any(np.allclose(joints[:5], pose) for pose in self._blocked)


def test_the_first_free_approach_is_taken_and_the_path_ends_before_the_object() -> None:
    found = approaches()
    start = ROBOT.arm.poses["home"]
    path = PLANNER.route(start, found, Forbidden([]))
    assert path is not None
    assert path.approach is found[0]
    assert path.way[-1][:5] == pytest.approx(found[0].before)
    second = PLANNER.route(start, found, Forbidden([found[0].at]))
    assert second is not None
    assert second.approach is found[1]
    assert PLANNER.route(start, found, Forbidden([approach.at for approach in found])) is None
