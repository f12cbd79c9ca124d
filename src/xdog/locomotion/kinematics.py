"""Leg kinematics: joint angles to feet and back, with the geometry read from the URDF.

All positions are in the base frame (x forward, y left, z up), m. A leg has three joints: abad about the base's x,
hip and knee about the abad link's y. A URDF with another structure is refused.
"""

import math
from dataclasses import dataclass
from typing import Iterator, List, Sequence, Tuple, Union

import numpy as np

from xdog.core.body import Joint
from xdog.core.description import DescriptionError, RobotDescription

Array = np.ndarray
Angles = Tuple[float, float, float]
Vector = Union[Sequence[float], Array]


@dataclass(frozen=True)
class Leg:
    """One leg.

    Attributes:
        foot: name of the foot's link.
        joints: indices of abad, hip and knee among the robot's leg joints.
        origin: of the abad joint in the base frame, m.
        offset: from the abad joint to the hip joint along x and y, m.
        thigh, calf: lengths, m.
        signs: +1 or -1, direction of the joint axes along x, y, y.
        lower, upper: limits of abad, hip and knee, rad.
        foot_radius: of the spherical foot, m.
    """

    foot: str
    joints: Tuple[int, int, int]
    origin: Tuple[float, float, float]
    offset: Tuple[float, float]
    thigh: float
    calf: float
    signs: Angles
    lower: Angles
    upper: Angles
    foot_radius: float

    def _points(self, angles: Vector) -> Tuple[Angles, Angles, Angles]:
        """Hip, knee and foot centre in the base frame."""
        roll, hip = self.signs[0] * angles[0], self.signs[1] * angles[1]
        shank = hip + self.signs[2] * angles[2]
        (forward, side), c, s = self.offset, math.cos(roll), math.sin(roll)

        def turned(x: float, z: float) -> Angles:
            ox, oy, oz = self.origin
            return (ox + x, oy + c * side - s * z, oz + s * side + c * z)

        knee_x, knee_z = forward - self.thigh * math.sin(hip), -self.thigh * math.cos(hip)
        foot_x, foot_z = knee_x - self.calf * math.sin(shank), knee_z - self.calf * math.cos(shank)
        return turned(forward, 0.0), turned(knee_x, knee_z), turned(foot_x, foot_z)

    def forward(self, angles: Vector) -> Array:
        """Foot centre (3,) for the joint angles (3,) in rad."""
        return np.array(self._points(angles)[2])

    def knee(self, angles: Vector) -> Array:
        """Knee joint (3,) for the joint angles (3,) in rad."""
        return np.array(self._points(angles)[1])

    def axes(self, angles: Vector) -> Array:
        """Joint axes in the base frame, one per row, (3, 3)."""
        roll = self.signs[0] * angles[0]
        y_axis = np.array([0.0, math.cos(roll), math.sin(roll)])
        return np.array([[self.signs[0], 0.0, 0.0], self.signs[1] * y_axis, self.signs[2] * y_axis])

    def jacobian(self, angles: Vector, offset: Vector = (0.0, 0.0, 0.0)) -> Array:
        """Velocity of a point of the calf per joint velocity, (3, 3), both in the base frame.

        Args:
            angles: (3,) rad.
            offset: (3,) from the foot's centre to the point, m, in base axes; the sole lies one foot radius below.
        """
        hip, knee, foot = self._points(angles)
        arms = np.add(foot, offset) - np.array([self.origin, hip, knee])
        return np.cross(self.axes(angles), arms).T

    def _within(self, angles: Vector) -> bool:
        slack = 1e-9
        return all(low - slack <= q <= high + slack for low, q, high in zip(self.lower, angles, self.upper))

    def _clip(self, angles: Vector) -> Angles:
        abad, hip, knee = (min(max(q, low), high) for low, q, high in zip(self.lower, angles, self.upper))
        return (abad, hip, knee)

    def _solutions(self, foot: Vector) -> Iterator[Tuple[Angles, bool]]:
        """Candidates for a foot position, first the one with the foot below the hip, each with a flag: exact or not."""
        x = foot[0] - self.origin[0] - self.offset[0]
        y, z = foot[1] - self.origin[1], foot[2] - self.origin[2]
        side = self.offset[1]
        squared = y * y + z * z - side * side
        depth = math.sqrt(max(squared, 0.0))
        reach = math.hypot(x, depth)
        cosine = (reach * reach - self.thigh**2 - self.calf**2) / (2.0 * self.thigh * self.calf)
        exact = squared >= -1e-12 and abs(cosine) <= 1.0 + 1e-12
        bend = math.acos(min(max(cosine, -1.0), 1.0))
        for plane_z in (-depth, depth):
            roll = math.atan2(z, y) - math.atan2(plane_z, side)
            toward = math.atan2(-x, -plane_z)
            for shank in (self.signs[2] * bend, -self.signs[2] * bend):
                hip = toward - math.atan2(self.calf * math.sin(shank), self.thigh + self.calf * math.cos(shank))
                raw = (self.signs[0] * roll, self.signs[1] * hip, self.signs[2] * shank)
                abad, hip_angle, knee = (_wrapped(q, a, b) for q, a, b in zip(raw, self.lower, self.upper))
                yield (abad, hip_angle, knee), exact

    def reaches(self, foot: Vector) -> bool:
        """Whether the foot centre can reach this position (3,) within the joint limits."""
        return any(exact and self._within(angles) for angles, exact in self._solutions(foot))

    def inverse(self, foot: Vector) -> Array:
        """Joint angles (3,) in rad that put the foot centre at a position (3,), within the joint limits.

        A position out of reach gives the nearest reachable one (for feet held above the trunk, where the
        joint limits split the workspace in two, the nearest in one of the parts).
        """
        starts = [tuple(0.5 * (low + high) for low, high in zip(self.lower, self.upper))]
        for angles, exact in self._solutions(foot):
            if exact and self._within(angles):
                return np.array(self._clip(angles))
            starts.append(self._clip(angles))
        found = [self._nearest(start, foot) for start in starts]
        return min(found, key=lambda angles: math.dist(self._points(angles)[2], foot))

    def _nearest(self, start: Vector, foot: Vector) -> Array:
        """Descend from ``start`` to the nearest reachable position: damped least squares on the free joints."""
        angles, error, damping = np.array(start), math.dist(self._points(start)[2], foot), 1e-4
        for _ in range(30):
            miss = np.subtract(foot, self._points(angles)[2])
            jacobian = self.jacobian(angles)
            pull = jacobian.T @ miss
            free = ~(((angles <= self.lower) & (pull < 0.0)) | ((angles >= self.upper) & (pull > 0.0)))
            jacobian = jacobian[:, free]
            if not free.any() or float(np.max(np.abs(pull[free]))) < 1e-9:
                break
            step = np.zeros(3)
            step[free] = np.linalg.solve(jacobian.T @ jacobian + damping * np.eye(free.sum()), pull[free])
            trial = np.clip(angles + step, self.lower, self.upper)
            trial_error = math.dist(self._points(trial)[2], foot)
            if trial_error > error:
                damping *= 10.0
                continue
            gained, angles, error, damping = error - trial_error, trial, trial_error, 0.1 * damping
            if gained < 1e-7:
                break
        return angles


def _wrapped(angle: float, lower: float, upper: float) -> float:
    """The angle plus the multiple of a full turn that is nearest to the middle of its range."""
    middle = 0.5 * (lower + upper)
    return middle + math.remainder(angle - middle, 2.0 * math.pi)


def _sign(joint: Joint, direction: int) -> float:
    value = joint.axis[direction]
    others = [part for i, part in enumerate(joint.axis) if i != direction]
    if abs(value) != 1.0 or any(others) or any(joint.rpy):
        raise DescriptionError(
            f"urdf/xdog.urdf: {joint.name} has axis {joint.axis} and rpy {joint.rpy}; leg kinematics needs an axis "
            f"along {'xyz'[direction]} and no rotation"
        )
    return value


def _chain(robot: RobotDescription, foot: str) -> List[Joint]:
    """Joints from the base to a foot."""
    by_child = {joint.child: joint for joint in robot.joints.values()}
    chain: List[Joint] = []
    link = foot
    while link != robot.frames["base"]:
        if link not in by_child:
            raise DescriptionError(f"urdf/xdog.urdf: {foot} is not connected to {robot.frames['base']}")
        chain.insert(0, by_child[link])
        link = chain[0].parent
    return chain


def leg_of(robot: RobotDescription, foot: str) -> Leg:
    """Kinematics of the leg that ends in the link ``foot``.

    Raises:
        DescriptionError: the leg in the URDF has another structure than this module solves.
    """
    chain = _chain(robot, foot)
    if len(chain) != 4 or chain[3].kind != "fixed" or any(joint.name not in robot.legs.names for joint in chain[:3]):
        names = ", ".join(joint.name for joint in chain)
        raise DescriptionError(f"urdf/xdog.urdf: {foot} needs an abad, a hip, a knee and a fixed joint; it has {names}")
    abad, hip, knee, tip = chain
    if hip.xyz[2] or any(knee.xyz[:2]) or any(tip.xyz[:2]) or knee.xyz[2] >= 0.0 or tip.xyz[2] >= 0.0:
        raise DescriptionError(f"urdf/xdog.urdf: thigh and calf of {foot} must point straight down at zero angles")
    members = (abad, hip, knee)
    return Leg(
        foot=foot,
        joints=(
            robot.legs.names.index(abad.name),
            robot.legs.names.index(hip.name),
            robot.legs.names.index(knee.name),
        ),
        origin=abad.xyz,
        offset=hip.xyz[:2],
        thigh=-knee.xyz[2],
        calf=-tip.xyz[2],
        signs=(_sign(abad, 0), _sign(hip, 1), _sign(knee, 1)),
        lower=(members[0].lower, members[1].lower, members[2].lower),
        upper=(members[0].upper, members[1].upper, members[2].upper),
        foot_radius=next(shape.size[0] for shape in robot.links[foot].collisions if shape.kind == "sphere"),
    )


class LegKinematics:
    """All legs of a robot, in the order of its feet; joint arrays (12,) in the order of its leg joints."""

    def __init__(self, robot: RobotDescription) -> None:
        self.legs = tuple(leg_of(robot, foot) for foot in robot.feet)
        self.index = np.array([leg.joints for leg in self.legs])

    def feet(self, joints: Array) -> Array:
        """Foot centres (4, 3) for joint angles (12,)."""
        return np.array([leg.forward(joints[index]) for leg, index in zip(self.legs, self.index)])

    def joints(self, feet: Array) -> Array:
        """Joint angles (12,) for foot centres (4, 3); a position out of reach gives the nearest reachable one."""
        angles = np.zeros(self.index.size)
        for leg, index, foot in zip(self.legs, self.index, feet):
            angles[index] = leg.inverse(foot)
        return angles

    def reach(self, feet: Array) -> bool:
        """Whether every foot centre (4, 3) can be reached within the joint limits."""
        return all(leg.reaches(foot) for leg, foot in zip(self.legs, feet))

    def torques(self, joints: Array, forces: Array) -> Array:
        """Joint torques (12,) in Nm with which the feet press on the ground.

        Args:
            joints: (12,) rad.
            forces: (4, 3) of each foot on the ground, N, base frame.
        """
        torques = np.zeros(self.index.size)
        for leg, index, force in zip(self.legs, self.index, forces):
            torques[index] = leg.jacobian(joints[index]).T @ force
        return torques
