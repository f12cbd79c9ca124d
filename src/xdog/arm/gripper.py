"""The gripper's opening: the gap between the fingertips in m from the angle of the gripper joint, and back."""

from typing import Tuple

import numpy as np

from xdog.arm.kinematics import ArmKinematics
from xdog.arm.shapes import Shape, collision_shapes
from xdog.core.description import DescriptionError, RobotDescription

SAMPLES = 400
"""Points of the table of gaps over the joint's range: 5 mrad apart, straight in between to within 0.001 mm."""


class Gripper:
    """The gap of a robot's gripper.

    The gap is how thick a thing is that lies flat on the fixed finger and touches the moving fingertip: the distance
    of the moving fingertip from the fixed one's face. The fingertips are the outermost collision boxes of the URDF.

    Attributes:
        lever: from the gripper joint's axis to the moving fingertip, m: torque in Nm over force in N.
    """

    def __init__(self, robot: RobotDescription) -> None:
        arm = ArmKinematics(robot)
        self._angles = np.linspace(robot.arm.lower[5], robot.arm.upper[5], SAMPLES)
        fixed, moving = _fingertip(robot, arm.links[5]), _fingertip(robot, arm.links[6])
        poses = np.zeros((SAMPLES, 6))
        poses[:, 5] = self._angles
        origins, rotations = arm.link_poses(poses)
        corners = origins[:, 6, None] + np.einsum("nij,cj->nci", rotations[:, 6], moving.corners())
        corners = np.einsum(
            "nji,ncj->nci", rotations[:, 5], corners - origins[:, 5, None]
        )  # in the fixed finger's link
        self.lever = float(np.linalg.norm(np.cross(robot.joints[robot.arm.names[5]].axis, moving.centre)))
        thin = int(np.argmin(fixed.half))
        heights = (corners - fixed.centre) @ fixed.rotation[:, thin]
        towards = np.sign(heights[-1].mean())
        self._gaps = np.min(towards * heights, axis=1) - fixed.half[thin]
        if np.any(np.diff(self._gaps) <= 0.0) or self._gaps[0] < 0.0:
            raise DescriptionError("urdf/xdog.urdf: the gripper's gap must be positive and grow with its joint's angle")

    @property
    def range(self) -> Tuple[float, float]:
        """Smallest and largest gap, m."""
        return float(self._gaps[0]), float(self._gaps[-1])

    def gap(self, angle: float) -> float:
        """Gap in m at an angle of the gripper joint in rad; beyond the limits that of the limit."""
        return float(np.interp(angle, self._angles, self._gaps))

    def angle(self, gap: float) -> float:
        """Angle of the gripper joint in rad for a gap in m; beyond the range that of its end."""
        return float(np.interp(gap, self._gaps, self._angles))


def _fingertip(robot: RobotDescription, link: str) -> Shape:
    shapes = [shape for shape in collision_shapes(robot) if shape.link == link]
    if not shapes:
        raise DescriptionError(f"urdf/xdog.urdf: {link} has no collision shape, so the gripper's gap is unknown")
    return max(shapes, key=lambda shape: float(np.linalg.norm(shape.centre)))
