"""Whether the arm meets itself or the dog: the URDF's collision shapes, tested against each other along fixed axes.

Two convex shapes are apart if along some direction there is a gap between their shadows. The directions tried here are
the face normals of both, the cross products of their edges and the line of their centres. The widest gap found is never
wider than the true distance, so what is said to be clear is clear; shapes corner to corner may count as nearer than
they are. For boxes that overlap the answer is exact.
"""

import math
from dataclasses import dataclass
from typing import List, Mapping, Sequence, Tuple

import numpy as np

from xdog.arm.kinematics import ArmKinematics, joint_turn
from xdog.arm.shapes import Shape, collision_shapes
from xdog.core.description import DescriptionError, RobotDescription

Array = np.ndarray

PATH_STEP = 0.02
"""Between two poses that are checked along a path, sum of all joints' changes, rad. No point of the arm is further than
0.45 m from any axis, so none moves more than 9 mm in between: half of it from the next checked pose."""

AT_ONCE = 64
"""Poses of a path that are checked together: few enough for the processor's caches."""

NEARER = 1e-6
"""m. An arm that is clearly too near to something may move unless the separation shrinks by more than this."""

CLEARLY = 1e-4
"""m below the margin from where on that counts: else many small steps would creep through the margin."""


@dataclass(frozen=True, eq=False)
class _Posed:
    """Shapes in the arm's base, s of them: centres (..., s, 3) and rotations (..., s, 3, 3)."""

    centres: Array
    rotations: Array


class ArmCollision:
    """Checks arm poses, (6,) rad in the order of robot.arm, against the arm itself and the dog under it.

    The legs are where `set_legs` was last told; in the standing pose before.

    Attributes:
        pairs: the links of the shapes that are tested against each other, in the order of `separations`.
    """

    def __init__(self, robot: RobotDescription, margin: float) -> None:
        """Args: the robot; margin in m: what is nearer than this meets."""
        self._margin = margin
        self._arm = ArmKinematics(robot)
        shapes = collision_shapes(robot)
        order = {link: i for i, link in enumerate(self._arm.links)}
        moving = [shape for shape in shapes if order.get(shape.link, 0) > 0]
        fixed = [shape for shape in shapes if order.get(shape.link, 0) == 0]
        self._shapes = moving + fixed
        self._moving = np.array([order[shape.link] for shape in moving])
        self._first, self._second = _pairs(self._shapes, order, len(moving))
        self.pairs = [(self._shapes[a].link, self._shapes[b].link) for a, b in zip(self._first, self._second)]
        self._half = np.array([shape.half for shape in self._shapes])
        self._disc = np.array([shape.disc for shape in self._shapes])
        self._ball = np.array([shape.ball for shape in self._shapes])
        self._radius = np.array([shape.radius for shape in self._shapes])
        self._local = _Posed(
            np.array([shape.centre for shape in self._shapes]), np.array([shape.rotation for shape in self._shapes])
        )
        self._dog = _Dog(robot, self._arm.base, [shape.link for shape in fixed])
        self.set_legs(robot.legs.poses["stand"])

    def set_legs(self, joints: Array) -> None:
        """Take the legs to be at these angles, (12,) rad in the order of robot.legs."""
        origins, rotations = self._dog.links(joints)
        n = len(self._moving)
        self._fixed = _Posed(
            origins + np.einsum("sij,sj->si", rotations, self._local.centres[n:]), rotations @ self._local.rotations[n:]
        )

    def separations(self, joints: Array) -> Array:
        """Lower bounds of the distances in m for poses (..., 6): (..., pairs), negative where shapes overlap.

        Pairs that are far apart get a rougher bound, always above the margin.
        """
        poses = np.asarray(joints, dtype=float).reshape(-1, 6)
        posed = self._posed(poses)
        between = posed.centres[:, self._second] - posed.centres[:, self._first]
        bound = np.linalg.norm(between, axis=2) - self._radius[self._first] - self._radius[self._second]
        pose, pair = np.nonzero(bound < self._margin)
        first, second = self._first[pair], self._second[pair]
        bound[pose, pair] = _widest_gap(
            between[pose, pair],
            (posed.rotations[pose, first], self._half[first], self._disc[first], self._ball[first]),
            (posed.rotations[pose, second], self._half[second], self._disc[second], self._ball[second]),
        )
        return np.asarray(bound.reshape(*np.shape(joints)[:-1], -1))

    def collisions(self, joints: Array) -> List[str]:
        """What is nearer than the margin at a pose (6,), each as "link and link"; empty if all is clear."""
        return self._names(self.separations(joints) < self._margin)

    def obstacles(self, start: Array, path: Array) -> List[str]:
        """What a way through the poses ``path`` (n, 6) meets first, each as "link and link"; empty if all is clear.

        What is too near already at ``start`` (6,) counts only where the way brings it nearer still, so that an arm that
        was put somewhere by hand can move out.
        """
        before = self.separations(start)
        bound = np.where(before < self._margin - CLEARLY, before - NEARER, np.minimum(before, self._margin))
        for some in np.array_split(path, math.ceil(len(path) / AT_ONCE)):
            wrong = np.any(self.separations(some) < bound, axis=0)
            if wrong.any():
                return self._names(wrong)
        return []

    def straight_path_obstacles(self, start: Array, goal: Array) -> List[str]:
        """`obstacles` of the straight way in joint space from one pose (6,) to another."""
        return self.obstacles(start, straight_path(start, goal))

    def _names(self, wrong: Array) -> List[str]:
        return list(dict.fromkeys(f"{first} and {second}" for (first, second), bad in zip(self.pairs, wrong) if bad))

    def _posed(self, poses: Array) -> _Posed:
        origins, rotations = self._arm.link_poses(poses)
        n, count = len(self._moving), len(poses)
        turned = rotations[:, self._moving]
        centres = origins[:, self._moving] + np.einsum("psij,sj->psi", turned, self._local.centres[:n])
        fixed = (count, *self._fixed.centres.shape), (count, *self._fixed.rotations.shape)
        return _Posed(
            np.concatenate([centres, np.broadcast_to(self._fixed.centres, fixed[0])], axis=1),
            np.concatenate(
                [turned @ self._local.rotations[:n], np.broadcast_to(self._fixed.rotations, fixed[1])], axis=1
            ),
        )


def straight_path(start: Array, goal: Array) -> Array:
    """Poses (n, 6) on the straight way between two, (6,) rad, dense enough to be checked; the goal is the last."""
    change = np.subtract(goal, start)
    count = max(1, math.ceil(float(np.abs(change).sum()) / PATH_STEP))
    return np.asarray(start + np.linspace(0.0, 1.0, count + 1)[1:, None] * change)


def even_path(poses: Array) -> Array:
    """Poses (m, 6) along a path, spaced evenly and near enough to each other to be checked; the first is left out."""
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(poses, axis=0)).sum(axis=1))])
    count = max(1, math.ceil(length[-1] / PATH_STEP))
    even = np.linspace(0.0, length[-1], count + 1)[1:]
    return np.stack([np.interp(even, length, column) for column in poses.T], axis=1)


def _pairs(shapes: Sequence[Shape], order: Mapping[str, int], moving: int) -> Tuple[Array, Array]:
    """Indices of the shapes that are tested against each other: not those of links that a joint connects.

    The arm's first moving link turns on the dog in place, so it is never tested against dog and base.
    """
    pairs = []
    for i, first in enumerate(shapes[:moving]):
        for j, second in enumerate(shapes[i + 1 :], i + 1):
            if abs(order[first.link] - order.get(second.link, 0)) > 1:
                pairs.append((i, j))
    if not pairs:
        raise DescriptionError("urdf/xdog.urdf: the arm's links have no collision shapes")
    first_indices, second_indices = np.array(pairs).T
    return first_indices, second_indices


_Extents = Tuple[Array, Array, Array, Array]


def _shadow(axes: Array, extents: _Extents) -> Array:
    """Half widths (m, k) of shapes' shadows along unit axes (m, k, 3)."""
    rotation, half, disc, ball = extents
    along = axes @ rotation
    ring = np.sqrt(np.maximum(1.0 - along[..., 2] ** 2, 0.0))
    return np.asarray((np.abs(along) @ half[:, :, None])[..., 0] + disc[:, None] * ring + ball[:, None])


def _widest_gap(between: Array, first: _Extents, second: _Extents) -> Array:
    """Widest gap (m,) between shapes' shadows; ``between`` (m, 3) leads from the first's centre to the second's."""
    a, b = np.swapaxes(first[0], 1, 2), np.swapaxes(second[0], 1, 2)  # rows are the axes
    crossed = np.cross(a[:, :, None], b[:, None]).reshape(-1, 9, 3)
    axes = np.concatenate([a, b, crossed, between[:, None]], axis=1)
    length = np.linalg.norm(axes, axis=2, keepdims=True)
    axes = np.where(length > 1e-6, axes / np.maximum(length, 1e-6), a[:, :1])  # parallel edges: nothing new
    gaps = np.abs(axes @ between[:, :, None])[..., 0] - _shadow(axes, first) - _shadow(axes, second)
    return np.asarray(np.max(gaps, axis=1)) if len(gaps) else np.empty(0)


@dataclass(frozen=True, eq=False)
class _Step:
    """One joint of the dog: its parent's place in the list, and its child's pose there by `joint_turn`'s terms."""

    parent: int
    offset: Array
    turn: Tuple[Array, Array, Array]
    leg_joint: int


class _Dog:
    """Where the links of the dog that carry shapes are, seen from the arm's base."""

    def __init__(self, robot: RobotDescription, arm_base: str, links: Sequence[str]) -> None:
        by_child = {joint.child: joint for joint in robot.joints.values()}
        legs = {name: i for i, name in enumerate(robot.legs.names)}
        self._steps: List[_Step] = []
        place = {robot.frames["base"]: 0}  # the list of poses starts with the trunk

        def add(link: str) -> int:
            if link not in place:
                if link not in by_child:
                    raise DescriptionError(f"urdf/xdog.urdf: {link} does not hang on {robot.frames['base']}")
                joint = by_child[link]
                step = _Step(add(joint.parent), np.array(joint.xyz), joint_turn(joint), legs.get(joint.name, -1))
                self._steps.append(step)
                place[link] = len(self._steps)
            return place[link]

        self._arm_base = add(arm_base)
        self._places = np.array([add(link) for link in links])

    def links(self, legs: Array) -> Tuple[Array, Array]:
        """Origins (s, 3) and rotations (s, 3, 3) of the links in the arm's base for leg angles (12,) rad."""
        origins, rotations = np.zeros((len(self._steps) + 1, 3)), np.empty((len(self._steps) + 1, 3, 3))
        rotations[0] = np.eye(3)
        for i, step in enumerate(self._steps, 1):
            angle = float(legs[step.leg_joint]) if step.leg_joint >= 0 else 0.0
            constant, sine, cosine = step.turn
            turn = constant + math.sin(angle) * sine + math.cos(angle) * cosine
            origins[i] = origins[step.parent] + rotations[step.parent] @ step.offset
            rotations[i] = rotations[step.parent] @ turn
        back = rotations[self._arm_base]
        return (origins[self._places] - origins[self._arm_base]) @ back, back.T @ rotations[self._places]
