"""Arm kinematics: joint angles to gripper_frame and back, with the geometry read from the URDF.

All poses are in arm_base_link (x forward, y left, z up), m and rad. The tool's approach direction is +z of
gripper_frame. The arm has five joints: a pan about the vertical, three parallel hinges (lift, elbow, wrist flex) that
move the tool in the vertical plane that the pan chose, and a roll in that plane along the approach direction. The
sixth joint opens the gripper. Where the URDF is built differently, the description is refused.

Everything is solved in closed form: the pan from the distance of the tool to the plane, then two links in the plane.
"""

import math
from dataclasses import dataclass
from typing import Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from xdog.core.body import Joint
from xdog.core.description import DescriptionError, RobotDescription
from xdog.core.rotations import rotation_matrix

Array = np.ndarray
Vector = Union[Sequence[float], Array]

PARALLEL = 1e-6
"""Largest deviation between unit vectors that counts as parallel; the URDF writes pi/2 with few digits."""


class IkError(ValueError):
    """No joint angles within the limits bring the gripper there. The message says what is in the way."""


@dataclass(frozen=True)
class _Planar:
    """The arm at zero angles in its plane: (u, w) with u ahead and w such that hinges turn u towards w.

    Attributes:
        pan: where the pan axis stands in the base, (3,).
        ahead, normal: unit vectors of the plane's u and of the hinges' axis at zero pan, (3,), horizontal.
        vertical: +1 if w points up, else -1.
        signs: direction of each of the five axes, +1 or -1, along z, the normal three times, and the approach.
        lift: from the pan axis to the lift axis, (2,).
        upper, fore: from lift to elbow and from elbow to wrist flex, (2,).
        approach: direction of the tool, (2,).
    """

    pan: Array
    ahead: Array
    normal: Array
    vertical: float
    signs: Tuple[float, ...]
    lift: Array
    upper: Array
    fore: Array
    approach: Array


class ArmKinematics:
    """The arm of a robot. Joint angles are (6,), or (5,) where the gripper does not matter; order of robot.arm.

    Attributes:
        links: the moving links from the shoulder to the moving jaw, preceded by the arm's base.
        base: name of the arm's base link.
    """

    def __init__(self, robot: RobotDescription) -> None:
        joints = [robot.joints[name] for name in robot.arm.names]
        if len(joints) != 6:
            raise DescriptionError(f"urdf/xdog.urdf: the arm needs six joints, it has {len(joints)}")
        parents = [joints[0].parent, *(joint.child for joint in joints[:5])]
        if [joint.parent for joint in joints] != parents:
            raise DescriptionError("urdf/xdog.urdf: the arm's joints must follow each other in the order of robot.yaml")
        self.base = joints[0].parent
        self.links = (self.base, *(joint.child for joint in joints))
        self.lower, self.upper = robot.arm.lower[:5], robot.arm.upper[:5]
        self._names = robot.arm.names
        self._offsets = np.array([joint.xyz for joint in joints])
        turns = [joint_turn(joint) for joint in joints]
        self._constant, self._sine, self._cosine = (np.array(terms) for terms in zip(*turns))
        self._axes = np.array([joint.axis for joint in joints])
        self._tool = robot.fixed_transform(robot.tool_frame, joints[4].child)
        self._plane = self._planar(joints)

    def link_poses(self, joints: Vector) -> Tuple[Array, Array]:
        """Where the links are.

        Args:
            joints: (..., 6) rad, or (..., 5) for all links but the jaw.

        Returns:
            Origins (..., n + 1, 3) in m and rotations (..., n + 1, 3, 3) of ``links`` in the arm's base.
        """
        angles = np.asarray(joints, dtype=float)[..., None, None]
        n = angles.shape[-3]
        turns = self._constant[:n] + self._sine[:n] * np.sin(angles) + self._cosine[:n] * np.cos(angles)
        origins, rotations = np.zeros((*turns.shape[:-3], n + 1, 3)), np.empty((*turns.shape[:-3], n + 1, 3, 3))
        rotations[..., 0, :, :] = np.eye(3)
        for i in range(n):
            origins[..., i + 1, :] = origins[..., i, :] + rotations[..., i, :, :] @ self._offsets[i]
            rotations[..., i + 1, :, :] = rotations[..., i, :, :] @ turns[..., i, :, :]
        return origins, rotations

    def forward(self, joints: Vector) -> Tuple[Array, Array]:
        """Position (3,) in m and rotation (3, 3) of gripper_frame in the arm's base."""
        origins, rotations = self.link_poses(np.asarray(joints, dtype=float)[:5])
        return origins[5] + rotations[5] @ self._tool.position, rotations[5] @ self._tool.rotation

    def jacobian(self, joints: Vector) -> Array:
        """Velocity of gripper_frame per joint velocity, (6, 5): rows 0 to 2 linear in m/rad, 3 to 5 angular."""
        origins, rotations = self.link_poses(np.asarray(joints, dtype=float)[:5])
        tool = origins[5] + rotations[5] @ self._tool.position
        axes = np.einsum("nij,nj->ni", rotations[1:], self._axes[:5])
        return np.vstack([np.cross(axes, tool - origins[1:]).T, axes.T])

    def pitch(self, joints: Vector) -> float:
        """Angle of the approach direction below the horizontal, rad in (-pi, pi], as `inverse` takes it.

        Zero is level, away from the pan axis; pi/2 straight down; beyond that back towards the pan axis.
        """
        position, rotation = self.forward(joints)
        outward = self._outward(position, float(np.asarray(joints)[0]))
        return math.atan2(-rotation[2, 2], float(outward @ rotation[:, 2]))

    def inverse(self, position: Vector, pitch: float, roll: float = 0.0, seed: Optional[Vector] = None) -> Array:
        """Joint angles (5,) in rad that bring gripper_frame to a position with a direction of approach.

        Args:
            position: (3,) m in the arm's base.
            pitch: of the approach direction, rad, see `pitch`. Its heading follows from the position.
            roll: of the gripper about the approach direction: the angle of the wrist_roll joint, rad.
            seed: angles to stay near to, the largest difference counts; the middle of the limits by default.

        Raises:
            IkError: there are none within the limits.
        """
        near = 0.5 * (self.lower + self.upper) if seed is None else np.asarray(seed, dtype=float)[:5]
        return min(self.solutions(position, pitch, roll), key=lambda angles: float(np.max(np.abs(angles - near))))

    def solutions(self, position: Vector, pitch: float, roll: float = 0.0) -> List[Array]:
        """All joint angles (5,) within the limits that `inverse` may choose from: four at most.

        Raises:
            IkError: there are none.
        """
        found, problems = [], []
        for angles, problem in self._candidates(np.asarray(position, dtype=float), pitch, roll):
            if problem:
                problems.append(problem)
                continue
            outside = (angles < self.lower - 1e-9) | (angles > self.upper + 1e-9)
            if outside.any():
                i = int(np.argmax(outside))
                limits = f"{self.lower[i]:.2f}..{self.upper[i]:.2f}"
                problems.append(f"{self._names[i]} would have to be at {angles[i]:.2f} rad, its limits are {limits}")
            else:
                found.append(np.clip(angles, self.lower, self.upper))
        if not found:
            x, y, z = (float(value) for value in position)
            where = f"({x:.3f}, {y:.3f}, {z:.3f}) m with pitch {pitch:.2f} rad and roll {roll:.2f} rad"
            raise IkError(f"the arm cannot reach {where}: {'; or '.join(dict.fromkeys(problems))}")
        return found

    def _outward(self, position: Array, pan: float) -> Array:
        """Horizontal unit vector (3,) in the arm's plane, from the pan axis towards ``position``."""
        turn = self._plane.signs[0] * pan
        c, s = math.cos(turn), math.sin(turn)
        x, y, _ = self._plane.ahead
        ahead = np.array([c * x - s * y, s * x + c * y, 0.0])
        return ahead if float(ahead @ (position - self._plane.pan)) >= 0.0 else -ahead

    def _candidates(self, position: Array, pitch: float, roll: float) -> Iterator[Tuple[Array, str]]:
        """Angles (5,) of each branch, whatever the limits, or why a branch has none."""
        plane = self._plane
        tool_u, tool_w, aside = self._tool_in_plane(roll)
        heading = position - plane.pan
        squared = heading[0] ** 2 + heading[1] ** 2 - aside**2
        if squared < 0.0:
            yield np.full(5, np.nan), f"it is nearer than {abs(aside):.4f} m to the vertical axis of {self._names[0]}"
            return
        down = -plane.vertical
        for forward in (1.0, -1.0):
            ahead = forward * math.sqrt(squared)
            along = ahead * plane.ahead[:2] + aside * plane.normal[:2]
            pan = plane.signs[0] * (math.atan2(heading[1], heading[0]) - math.atan2(along[1], along[0]))
            wanted = math.atan2(down * math.sin(pitch), forward * math.cos(pitch))
            turn = wanted - math.atan2(plane.approach[1], plane.approach[0])
            wrist_u = ahead - plane.lift[0] - (math.cos(turn) * tool_u - math.sin(turn) * tool_w)
            wrist_w = plane.vertical * heading[2] - plane.lift[1] - (math.sin(turn) * tool_u + math.cos(turn) * tool_w)
            upper, fore = math.hypot(*plane.upper), math.hypot(*plane.fore)
            reach = math.hypot(wrist_u, wrist_w)
            cosine = (reach**2 - upper**2 - fore**2) / (2.0 * upper * fore)
            if abs(cosine) > 1.0 + 1e-9:
                bound = f"at most {upper + fore:.3f}" if cosine > 0.0 else f"at least {abs(upper - fore):.3f}"
                names = f"{self._names[3]} would be {reach:.3f} m from {self._names[1]}"
                yield np.full(5, np.nan), f"{names}, {bound} m is possible"
                continue
            bend = math.acos(min(max(cosine, -1.0), 1.0))
            at_rest = math.atan2(plane.fore[1], plane.fore[0]) - math.atan2(plane.upper[1], plane.upper[0])
            for bent in (bend, -bend):
                first = math.atan2(wrist_w, wrist_u) - math.atan2(fore * math.sin(bent), upper + fore * math.cos(bent))
                lift = first - math.atan2(plane.upper[1], plane.upper[0])
                elbow = bent - at_rest
                turns = np.array([lift, elbow, turn - lift - elbow]) * plane.signs[1:4]
                yield self._wrapped(np.array([pan, *turns, roll])), ""

    def _wrapped(self, angles: Array) -> Array:
        """The angles plus the multiples of a turn that bring each nearest to the middle of its range."""
        middle = 0.5 * (self.lower + self.upper)
        turned = middle + np.remainder(angles - middle + math.pi, 2.0 * math.pi) - math.pi
        turned[4] = angles[4]  # the roll was asked for as a joint angle
        return np.asarray(turned)

    def _tool_in_plane(self, roll: float) -> Tuple[float, float, float]:
        """From the wrist flex axis to the tool at zero angles but for the roll: u, w, and aside of the plane, m."""
        angles = np.array([0.0, 0.0, 0.0, 0.0, roll])
        origins, _ = self.link_poses(angles)
        position, _ = self.forward(angles)
        plane = self._plane
        offset = position - origins[4]
        aside = float(plane.normal @ (position - plane.pan))
        return float(plane.ahead @ offset), plane.vertical * float(offset[2]), aside

    def _planar(self, joints: Sequence[Joint]) -> _Planar:
        origins, rotations = self.link_poses(np.zeros(5))
        axes = np.einsum("nij,nj->ni", rotations[1:], self._axes[:5])
        approach = (rotations[5] @ self._tool.rotation)[:, 2]
        up, normal = np.array([0.0, 0.0, 1.0]), axes[1]
        ahead = np.cross(normal, up) * (1.0 if np.cross(normal, up) @ approach >= 0.0 else -1.0)
        plane_vertical = float(np.cross(normal, ahead)[2])
        wanted = (up, normal, normal, normal, approach)
        signs = [float(axis @ direction) for axis, direction in zip(axes, wanted)]
        for joint, sign in zip(joints, signs):
            if abs(abs(sign) - 1.0) > PARALLEL:
                raise DescriptionError(
                    f"urdf/xdog.urdf: {joint.name} does not turn about the vertical (first joint), the hinges' common "
                    "axis (second to fourth) or the approach direction (fifth); arm kinematics needs that"
                )
        if abs(normal[2]) > PARALLEL or abs(approach @ normal) > PARALLEL:
            raise DescriptionError("urdf/xdog.urdf: the arm's hinges must be horizontal, its approach in their plane")

        def planar(vector: Array) -> Array:
            return np.array([ahead @ vector, plane_vertical * vector[2]])

        return _Planar(
            pan=origins[1],
            ahead=ahead,
            normal=normal,
            vertical=plane_vertical,
            signs=tuple(math.copysign(1.0, sign) for sign in signs),
            lift=planar(origins[2] - origins[1]),
            upper=planar(origins[3] - origins[2]),
            fore=planar(origins[4] - origins[3]),
            approach=planar(approach),
        )


def joint_turn(joint: Joint) -> Tuple[Array, Array, Array]:
    """Three (3, 3) matrices C, S, K: the rotation of a joint's child in its parent is C + S sin(q) + K cos(q)."""
    origin = rotation_matrix(*joint.rpy)
    x, y, z = np.array(joint.axis) / np.linalg.norm(joint.axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    cosine = -(origin @ cross @ cross)
    return origin - cosine, origin @ cross, cosine
