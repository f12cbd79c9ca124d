"""Paths of the whole arm: pieces that take over from each other, and joints that no piece moves."""

import numpy as np
import pytest

from xdog.arm.path import ArmPath, PathPiece
from xdog.arm.spline import Spline

PLACE = np.arange(6.0)
FIVE, ALL = np.arange(5), np.arange(6)


def piece(joints: np.ndarray, begin: float, start: float, end: float) -> PathPiece:
    """All its joints from one place to another within a second of its begin."""
    n = len(joints)
    spline = Spline(np.array([0.0, 1.0]), np.array([[start] * n, [end] * n]), np.zeros((2, n)), None)
    return PathPiece(joints, begin, begin, spline)


def places(path: ArmPath, *times: float) -> np.ndarray:
    return path.sample(np.array(times))[0]


def test_without_pieces_nothing_moves() -> None:
    positions, velocities = ArmPath(PLACE).sample(np.array([0.0, 9.0]))
    np.testing.assert_array_equal(positions, [PLACE, PLACE])
    np.testing.assert_array_equal(velocities, np.zeros((2, 6)))


def test_a_piece_takes_over_at_its_begin_for_its_joints_alone() -> None:
    path = ArmPath(PLACE, [piece(FIVE, 1.0, 7.0, 8.0)])
    np.testing.assert_array_equal(places(path, 0.9)[0], PLACE)
    np.testing.assert_array_equal(places(path, 1.0)[0], [*[7.0] * 5, 5.0])
    np.testing.assert_array_equal(places(path, 3.0)[0], [*[8.0] * 5, 5.0])
    assert path.sample(np.array(1.5))[1][0] == pytest.approx(1.5)


def test_later_pieces_replace_what_starts_after_them_and_what_is_over_is_dropped() -> None:
    path = ArmPath(PLACE)
    for begin, end in ((1.0, 1.0), (3.0, 2.0), (2.0, 3.0)):
        path = path.followed_by(piece(ALL, begin, 0.0, end), 0.5)
    np.testing.assert_allclose(places(path, 1.99, 2.5, 9.0)[:, 0], [1.0, 1.5, 3.0], atol=1e-3)
    path = path.followed_by(piece(ALL, 4.0, 3.0, 4.0), 2.5)
    assert len(path._pieces) == 2  # the one under way and the one to come
    np.testing.assert_allclose(places(path, 2.5, 9.0)[:, 0], [1.5, 4.0])


def test_many_goals_for_later_do_not_pile_up() -> None:
    path = ArmPath(PLACE)
    for i in range(500):
        path = path.followed_by(piece(ALL, 0.02 * i + 1.0, 0.0, 1.0), 0.02 * i)
    assert len(path._pieces) <= 52


def test_a_restricted_path_leaves_the_other_joints_elsewhere() -> None:
    path = ArmPath(PLACE, [piece(ALL, 1.0, 7.0, 7.0)]).restricted(FIVE, np.full(6, -1.0))
    np.testing.assert_array_equal(places(path, 0.0)[0], [0.0, 1.0, 2.0, 3.0, 4.0, -1.0])
    np.testing.assert_array_equal(places(path, 2.0)[0], [*[7.0] * 5, -1.0])
