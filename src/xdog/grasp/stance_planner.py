"""How the dog must hold its trunk so that the arm reaches an object, or how far it must step first."""

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Tuple

import numpy as np

from xdog.arm.collision import ArmCollision
from xdog.arm.kinematics import ArmKinematics, IkError
from xdog.core.config_file import ConfigError, Range, parse, read
from xdog.core.description import RobotDescription
from xdog.core.paths import share_path
from xdog.grasp.trunk_pose import TrunkPose, standing_trunk_pose
from xdog.locomotion.stance import BodyPose, Stance

Array = np.ndarray

APPROACHES = tuple(math.radians(angle) for angle in range(90, -41, -10))
"""Directions of approach that are tried, rad below the horizontal."""

TALL, STEEP, SLANTED = 1.6, math.radians(90.0), math.radians(35.0)
"""Demonstrations take an object from above, one that is higher than so many widths aslant."""

LEVEL_JAWS = -0.5 * math.pi + 0.0487
"""rad of wrist_roll at which the jaws close horizontally."""

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


@dataclass(frozen=True)
class Support:
    """Something that objects stand on, and the stances in which grasping from it was learned: ranges, low and high.

    Attributes:
        name: for people.
        height: of its surface above the ground, m.
        rise: of the trunk over plain standing, m.
        pitch: of the trunk, rad, nose down positive.
    """

    name: str
    height: Tuple[float, float]
    rise: Tuple[float, float]
    pitch: Tuple[float, float]


@dataclass(frozen=True)
class GraspWorkspace:
    """Where grasping was learned: on which supports, and how far from the arm's base.

    Attributes:
        supports: and the stances for them.
        radius: horizontal distance, low and high, m.
        azimuth: from straight ahead, low and high, rad.
    """

    supports: Tuple[Support, ...]
    radius: Tuple[float, float]
    azimuth: Tuple[float, float]


@dataclass(frozen=True)
class _Stances:
    height: Range
    rise: Range
    pitch: Range


@dataclass(frozen=True)
class _Place:
    radius: Range
    azimuth: Range


@dataclass(frozen=True)
class _Learned:
    supports: Mapping[str, _Stances]
    place: _Place


def load_grasp_workspace(path: Optional[Path] = None) -> GraspWorkspace:
    """The ranges of sim/grasp_scenarios.yaml: what grasps are learned with is what the robot may use.

    Raises:
        ConfigError: the file is malformed; the message names it.
        OSError: it cannot be read.
    """
    path = path or share_path("sim", "grasp_scenarios.yaml")
    content = read(path)
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping with supports and place")
    part = {name: content[name] for name in ("supports", "place") if name in content}
    learned = parse(_Learned, part, str(path))
    supports = tuple(Support(name, **vars(stances)) for name, stances in learned.supports.items())
    return GraspWorkspace(supports, learned.place.radius, learned.place.azimuth)


class StancePlanner:
    """Chooses height and pitch of the trunk for an object.

    Args:
        robot: its description.
        stance: what the legs can do.
        learned: in which stances and where grasping was learned.

    Attributes:
        legs: kinematics of the legs.
        arm_base: where the arm sits on the trunk.
    """

    def __init__(self, robot: RobotDescription, stance: Stance, learned: GraspWorkspace) -> None:
        self._arm = ArmKinematics(robot)
        self.arm_base = robot.fixed_transform(self._arm.base)
        self.legs = stance.legs
        self._stance, self._learned = stance, learned
        self._collision = ArmCollision(robot, CLEAR)
        self._standing = standing_trunk_pose(stance.legs, stance.stand).height

    def posture(self, pose: BodyPose) -> TrunkPose:
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
        centre, tall = np.asarray(centre, dtype=float), bool(size[2] > TALL * max(size[0], size[1]))
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
        for support in sorted(self._learned.supports, key=away):
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
        posture = self.posture(pose)
        away = centre - posture.to_level(self.arm_base.position)
        for value, (low, high) in (
            (math.hypot(away[0], away[1]), self._learned.radius),
            (math.atan2(away[1], away[0]), self._learned.azimuth),
        ):
            if not low - SLACK <= value <= high + SLACK:
                return -math.inf
        point, down = self.arm_base.from_reference(posture.to_base(centre)), self.arm_base.rotation.T @ posture.gravity
        ahead = np.array([point[0], point[1], 0.0]) / math.hypot(point[0], point[1])
        lean = math.atan2(float(down @ ahead), -float(down[2]))
        self._collision.set_legs(self.legs.joints(self._stance.feet_at(pose)))
        wanted, widest = SLANTED if tall else STEEP, -math.inf
        for pitch in sorted((approach - lean for approach in APPROACHES), key=lambda p: abs(p + lean - wanted)):
            room = self._approach_room(point, ahead, pitch)
            widest = max(widest, room)
            if widest >= LEAST_CLEAR:  # demonstrations, too, take the first direction that is free
                break
        return widest

    def _approach_room(self, point: Array, ahead: Array, pitch: float) -> float:
        """Distance (m) of arm and dog at a point (3,) of the arm's base and RETREAT before it; -inf if out of reach."""
        direction = ahead * math.cos(pitch) - np.array([0.0, 0.0, math.sin(pitch)])
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
        low, high = self._learned.azimuth
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
