"""Paths of the arm: pieces that take over from each other, joint by joint."""

import numpy as np

from xdog.arm.path import ArmPath, PathPiece
from xdog.arm.spline import Spline

PLACE = np.arange(6.0) / 10.0


def ramp(joints: "list[int]", begin: float, end: float, length: float = 1.0) -> PathPiece:
    """All these joints go from 0 to ``end`` in ``length`` s."""
    knots = np.array([[0.0] * len(joints), [end] * len(joints)])
    return PathPiece(np.array(joints), begin, begin, Spline(np.array([0.0, length]), knots, np.zeros_like(knots), None))


def test_without_pieces_the_arm_stays() -> None:
    position, velocity = ArmPath(PLACE).sample(np.array([0.0, 7.0]))
    np.testing.assert_array_equal(position, [PLACE, PLACE])
    assert not velocity.any()


def test_a_piece_moves_its_joints_from_its_begin_on() -> None:
    path = ArmPath(PLACE, [ramp([0, 2], 10.0, 1.0)])
    before, during, after = path.sample(np.array([9.9, 10.5, 12.0]))[0]
    np.testing.assert_array_equal(before, PLACE)
    np.testing.assert_allclose(during, [0.5, 0.1, 0.5, 0.3, 0.4, 0.5])
    np.testing.assert_allclose(after, [1.0, 0.1, 1.0, 0.3, 0.4, 0.5])


def test_a_later_piece_takes_over_its_joints_and_no_others() -> None:
    path = ArmPath(PLACE, [ramp([0, 1], 0.0, 1.0)]).followed_by(ramp([1], 0.5, 2.0), now=0.2)
    np.testing.assert_allclose(path.sample(np.array(1.0))[0][:2], [1.0, 1.0])
    np.testing.assert_allclose(path.sample(np.array(1.5))[0][:2], [1.0, 2.0])


def test_a_newer_piece_replaces_what_would_come_after_it() -> None:
    path = ArmPath(PLACE, [ramp([0], 0.0, 1.0), ramp([0], 5.0, 3.0)]).followed_by(ramp([0], 2.0, -1.0), now=1.0)
    np.testing.assert_allclose(path.sample(np.array([1.0, 4.0, 9.0]))[0][:, 0], [1.0, -1.0, -1.0])


def test_for_some_joints_the_others_stay_at_a_place() -> None:
    path = ArmPath(PLACE, [ramp([0, 2], 0.0, 1.0)]).restricted(np.array([2, 3]), np.full(6, 9.0))
    np.testing.assert_allclose(path.sample(np.array(2.0))[0], [9.0, 9.0, 1.0, 0.3, 9.0, 9.0])
