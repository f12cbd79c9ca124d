"""In which conditions a grasp policy was trained: what it has seen, and so what it may be asked for."""

from dataclasses import dataclass, field
from typing import Mapping, Optional

import numpy as np

from xdog.core.config_file import NOT_NEGATIVE, Range
from xdog.grasp.config import ArmPose

Array = np.ndarray


@dataclass(frozen=True)
class Support:
    """Something that objects stand on, and the stances in which grasping from it was learned.

    Attributes:
        height: of its surface above the ground, m.
        rise: of the trunk over plain standing, m.
        pitch: of the trunk, rad, nose down positive.
    """

    height: Range = field(metadata=NOT_NEGATIVE)
    rise: Range
    pitch: Range


@dataclass(frozen=True)
class GraspWorkspace:
    """Where objects were grasped.

    Attributes:
        supports: by name.
        radius: horizontal distance from the arm's base, m.
        azimuth: around the arm's base from straight ahead, rad.
    """

    supports: Mapping[str, Support]
    radius: Range = field(metadata=NOT_NEGATIVE)
    azimuth: Range


@dataclass(frozen=True)
class ViewPoses:
    """Poses of the five joints before the gripper, rad, in which the wrist camera has the object in its picture.

    Attributes:
        low: for what lies on the ground or a table.
        high: for what stands more than
        above: m over the arm's base.
    """

    low: ArmPose
    high: ArmPose
    above: float

    def pose(self, height: float) -> Array:
        """The one (5,) for an object whose middle is ``height`` m over the arm's base."""
        return np.array(self.high if height > self.above else self.low)


@dataclass(frozen=True)
class TrainingConditions:
    """What a grasp policy has learned.

    Attributes:
        workspace: where objects were, and how the dog stood.
        start_noise: rad by which each joint was off the pose in which a grasp began.
        view_poses: in which grasps by the wrist camera began; None for a policy that began in the poses of robot.yaml.
    """

    workspace: GraspWorkspace
    start_noise: float = field(metadata=NOT_NEGATIVE)
    view_poses: Optional[ViewPoses] = None
