"""How the dog must hold its trunk so that the arm reaches an object, or how far it must step first."""

import itertools
import math
from typing import List, Optional, Sequence

import numpy as np

from xdog.arm.collision import ArmCollision
from xdog.arm.kinematics import ArmKinematics, IkError
from xdog.core.description import RobotDescription
from xdog.grasp.approach_geometry import LEVEL_JAWS, approach_direction, is_tall, lean, preferred_approach
from xdog.grasp.conditions import GraspWorkspace, Support
from xdog.grasp.trunk_pose import TrunkPose, standing_trunk_pose
from xdog.locomotion.stance import BodyPose, Stance

Array = np.ndarray

APPROACHES = tuple(math.radians(angle) for angle in range(90, -41, -10))
"""Directions of approach that are tried, rad below the horizontal."""

OPEN = 0.8
"""rad of the gripper on its way to an object."""

RETREAT = 0.05
"""m by which the gripper must be able to stand off the object along its approach."""

CLEAR, LEAST_CLEAR = 0.015, 0.007
"""m between the arm at the object and the dog: enough, and the least that leaves the arm controller's margin (arm.yaml)
some room."""

SHARES = tuple(itertools.product((0.5, 0.0, 1.0), repeat=2))
"""Of a support's ranges of rise and pitch: the stances that are tried."""

STANCES = 5
"""How many stances advice is sought with: it must come while the object is still where it is."""

SLACK = 0.01
"""By how much, in m and rad, an object may lie outside the region in which grasping was learned."""

STEPS = tuple(sorted((0.05 * i for i in range(-8, 41)), key=abs))
"""m towards the object (or away from it) that are tried when it is out of reach."""


class OutOfReachError(ValueError):
    """No stance brings the object within reach. The text says how far to step.

    Attributes:
        step: m towards the object, negative away from it, zero if a turn is enough; None where nothing helps.
    """

    def __init__(self, message: str, step: Optional[float]) -> None:
        super().__init__(message)
        self.step = step


class StancePlanner:
    """Chooses height and pitch of the trunk for an object.

    Args:
        robot: its description.
        stance: what the legs can do.
        workspace: in which stances and where the policy has learned to grasp.

    Attributes:
        legs: kinematics of the legs.
        arm_base: where the arm sits on the trunk.
    """

    def __init__(self, robot: RobotDescription, stance: Stance, workspace: GraspWorkspace) -> None:
        self._arm = ArmKinematics(robot)
        self.arm_base = robot.fixed_transform(self._arm.base)
        self.legs = stance.legs
        self._stance, self._workspace = stance, workspace
        self._collision = ArmCollision(robot, CLEAR)
        self._standing = standing_trunk_pose(stance.legs, stance.stand).height

    def trunk_pose(self, pose: BodyPose) -> TrunkPose:
        """How the trunk is held in a stance on level ground."""
        return TrunkPose(self._standing + pose.height, pose.roll, pose.pitch)

    def choose(self, centre: Array, size: Array) -> BodyPose:
        """The first stance in which the arm grasps an object well clear of the dog, else the one that is clearest.

        Stances that were learned for the height of the object's support come first.

        Args:
            centre: (3,) m in the level frame.
            size: (3,) m, extents; the last one is the height.

        Raises:
            OutOfReachError: there is none.
        """
        centre, tall = np.asarray(centre, dtype=float), is_tall(float(max(size[0], size[1])), float(size[2]))
        poses = self._poses(float(centre[2] - 0.5 * size[2]))
        best, clearest = poses[0], -math.inf
        for pose in poses:
            room = self._room(pose, centre, tall)
            if room > clearest:
                best, clearest = pose, room
            if clearest >= CLEAR:
                break
        if clearest < LEAST_CLEAR:
            raise self._out_of_reach(centre, tall, poses[:STANCES])
        return best

    def _poses(self, surface: float) -> List[BodyPose]:
        """Stances to try for an object on a surface at a height (m): the nearest support's first, from their middle."""

        def away(support: Support) -> float:
            return max(support.height[0] - surface, surface - support.height[1], 0.0)

        poses = []
        for support in sorted(self._workspace.supports.values(), key=away):
            for share in sorted(SHARES, key=lambda s: abs(s[0] - s[1])):
                rise, pitch = (
                    low + part * (high - low) for (low, high), part in zip((support.rise, support.pitch), share)
                )
                poses.append(BodyPose(height=rise, pitch=pitch))
        return [pose for pose in poses if self._stance.within_reach(pose) == pose]

    def _room(self, pose: BodyPose, centre: Array, tall: bool) -> float:
        """Distance (m) of arm and dog when the arm grasps at ``centre``, (3,) m in the level frame, as learned.

        Minus infinity where that was not learned or is out of reach.
        """
        trunk = self.trunk_pose(pose)
        away = centre - trunk.to_level(self.arm_base.position)
        for value, (low, high) in (
            (math.hypot(away[0], away[1]), self._workspace.radius),
            (math.atan2(away[1], away[0]), self._workspace.azimuth),
        ):
            if not low - SLACK <= value <= high + SLACK:
                return -math.inf
        point, down = self.arm_base.from_reference(trunk.to_base(centre)), self.arm_base.rotation.T @ trunk.gravity
        ahead = np.array([point[0], point[1], 0.0]) / math.hypot(point[0], point[1])
        leaning = lean(ahead, down)
        self._collision.set_legs(self.legs.joints(self._stance.feet_at(pose)))
        wanted, widest = preferred_approach(tall), -math.inf
        for pitch in sorted((approach - leaning for approach in APPROACHES), key=lambda p: abs(p + leaning - wanted)):
            room = self._approach_room(point, ahead, pitch)
            widest = max(widest, room)
            if widest >= LEAST_CLEAR:  # demonstrations, too, take the first direction that is free
                break
        return widest

    def _approach_room(self, point: Array, ahead: Array, pitch: float) -> float:
        """Distance (m) of arm and dog at a point (3,) of the arm's base and RETREAT before it; -inf if out of reach."""
        direction = approach_direction(ahead, pitch)
        try:
            at = self._arm.inverse(point, pitch, LEVEL_JAWS)
            before = self._arm.inverse(point - RETREAT * direction, pitch, LEVEL_JAWS, seed=at)
        except IkError:
            return -math.inf
        return float(self._collision.separations(np.array([[*at, OPEN], [*before, OPEN]])).min())

    def _out_of_reach(self, centre: Array, tall: bool, poses: Sequence[BodyPose]) -> OutOfReachError:
        """What would help: a turn until the object is ahead, a step towards it or away from it, or both."""
        distance, bearing = math.hypot(centre[0], centre[1]), math.atan2(centre[1], centre[0])
        side = "left" if bearing > 0.0 else "right"
        degrees = f"{abs(math.degrees(bearing)):.0f} degrees to the {side}"
        where = f"the object is {distance:.2f} m away, {degrees} and {centre[2]:.2f} m above the ground"
        low, high = self._workspace.azimuth
        turn = not low <= bearing <= high
        ahead = np.array([1.0, 0.0]) if turn else centre[:2] / distance
        for step in STEPS:
            left = distance - step
            spot = np.array([*(left * ahead), centre[2]])
            if left > 0.0 and any(self._room(pose, spot, tall) >= LEAST_CLEAR for pose in poses):
                ways = [f"turn {degrees}"] * turn
                ways += [f"step {abs(step):.2f} m {'nearer' if step > 0.0 else 'back'}"] * (step != 0.0)
                return OutOfReachError(f"{where}: {' and '.join(ways)}, then try again", step)
        return OutOfReachError(f"{where}: the arm reaches it from nowhere", None)
