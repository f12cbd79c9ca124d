"""The path on which a lifted object is drawn back: up, straight back over the edge it stood behind, to the body."""

from typing import List, Optional

import numpy as np

from xdog.arm.kinematics import ArmKinematics, IkError
from xdog.core.description import FixedTransform
from xdog.grasp.trunk_pose import TrunkPose

Array = np.ndarray

WAYPOINT, LARGEST_CHANGE = 0.03, 0.5
"""m between two poses of the path, and rad that a joint may change between them."""

TILTS = tuple(sorted((0.1 * i for i in range(-8, 9)), key=abs))
"""rad by which the gripper may be tilted from one of them to the next."""


def plan_retreat(
    kinematics: ArmKinematics, arm_base: FixedTransform, trunk: TrunkPose, pose: Array, carried: Array
) -> List[Array]:
    """Poses (6,) rad of the path; it leads as far up and back as the arm reaches.

    Args:
        kinematics: the arm's.
        arm_base: where the arm sits on the trunk.
        trunk: how it is held; it stays so.
        pose: (6,) rad, where the arm is, the object in its gripper.
        carried: (6,) rad, where the path ends.
    """

    def tool(joints: Array) -> Array:
        return trunk.to_level(arm_base.to_reference(kinematics.forward(joints)[0]))

    def shifted(joints: Array, shift: Array) -> Optional[Array]:
        """The pose with its tool moved by ``shift`` (3,) m of the level frame and tilted as little as possible."""
        point = arm_base.from_reference(trunk.to_base(tool(joints) + shift))
        for tilt in TILTS:
            try:
                angles = kinematics.inverse(point, kinematics.pitch(joints) + tilt, float(joints[4]), joints)
            except IkError:
                continue
            if np.max(np.abs(angles - joints[:5])) < LARGEST_CHANGE:
                return np.append(angles, joints[5])
        return None

    path, end = [], tool(carried)
    for axis, beyond, step in ((2, -1.0, WAYPOINT), (0, 1.0, -WAYPOINT)):
        while beyond * (tool(pose)[axis] - end[axis]) > 0.0:
            moved = shifted(pose, step * np.eye(3)[axis])
            if moved is None:
                break
            path.append(moved)
            pose = moved
    return [*path, carried]
