"""How the arm can get at an object: directions of approach, and a way there that hits nothing.

Everything is worked out from the object's features, in arm_base_link. The jaws close horizontally around the object's
middle; the direction of approach lies in the vertical plane that the pan joint chooses.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Iterator, List, Protocol, Sequence, Tuple

import numpy as np

from xdog.arm.gripper import Gripper
from xdog.arm.kinematics import ArmKinematics, IkError
from xdog.core.description import RobotDescription
from xdog.grasp.approach_geometry import LEVEL_JAWS, approach_direction, is_tall, lean, preferred_approach

Array = np.ndarray

ROOM = 0.036
"""m that the jaws open wider than the object."""
WIDEST = 0.092
"""m, largest opening used."""
MOST_BEYOND = 0.018
"""m, most that the fingertips reach past the object's middle."""
LEAST_BEYOND = 0.004
"""m, least."""
ABOVE_SUPPORT = 0.003
"""m that the fingertips stay off what the object lies on."""
DEEPEST = 0.022
"""m of object between fingertips and its near end: deeper in, the moving jaw, which leans outwards, holds a wide thing
by its rim, far from where the fixed jaw's tip presses, and it slips."""
BACK_OFF = 0.07
"""m from pre-grasp to grasp."""
LIFT = 0.085
"""m that the object is raised: more than what counts, because it may have tilted."""
BODY = 0.10
"""Share of its height by which a tall object is taken below its middle."""
RAISES = (0.0, 0.005, 0.010)
"""m by which the aim may be raised if the hand would touch the support else."""
FROM_THE_SIDE = math.radians(50.0)
"""rad below the horizontal: a steeper hand would meet a bottle's neck with its palm."""
PITCHES = np.radians(np.arange(90.0, -46.0, -5.0))


class CollisionChecker(Protocol):
    """What knows whether an arm pose hits something."""

    def free(self, joints: Array, with_object: bool) -> bool:
        """Whether the pose (6,) rad is free."""
        ...


@dataclass(frozen=True, eq=False)
class Approach:
    """One way to take the object: arm poses (5,) rad, the jaws' opening m and the direction of approach.

    Attributes:
        before, at, lifted: arm poses at pre-grasp, grasp and after the lift.
        aim: (3,) m, the point that the jaws close around.
        beyond: m that the fingertips reach past it.
        pitch: rad below the arm's horizontal plane, as ArmKinematics takes it.
        opening: m.
    """

    before: Array
    at: Array
    lifted: Array
    aim: Array
    beyond: float
    pitch: float
    opening: float


@dataclass(frozen=True, eq=False)
class GraspPath:
    """An approach and the poses, each (6,) rad, to pass on the way to its pre-grasp, which is the last of them."""

    approach: Approach
    way: Tuple[Array, ...]


class GraspPlanner:
    """Finds approaches for one arm."""

    def __init__(self, robot: RobotDescription) -> None:
        self.arm = ArmKinematics(robot)
        self.gripper = Gripper(robot)
        self._stow = robot.arm.poses["stow"]

    def tool(self, aim: Array, beyond: float, pitch: float, gap: float, near: Array) -> Array:
        """Arm pose (5,) that has ``aim`` (3,) m between jaws ``gap`` m apart, ``beyond`` m before their tips.

        Raises:
            UnreachableError: there is none.
        """
        position, angles = aim, near
        for _ in range(3):  # the jaws' middle lies beside the arm's plane, which moves the plane a little
            angles = self.arm.inverse(position, pitch, LEVEL_JAWS, near)
            rotation = self.arm.forward(angles)[1]
            position = aim + rotation @ np.array([gap / 2.0, 0.0, beyond])
        return angles

    def candidates(self, features: Array, spare: float = 0.0) -> Iterator[Approach]:
        """Approaches within the joints' limits, best first.

        Args:
            features: (8,), see xdog.grasp.observation.
            spare: m that the arm must be able to lift higher, and reach further out.
        """
        centre, width, height = features[:3].astype(float), float(features[3]), float(features[4])
        down = features[5:8].astype(float)
        heading = np.array([centre[0], centre[1], 0.0]) / math.hypot(centre[0], centre[1])
        leaning = lean(heading, down)
        tall = is_tall(width, height)
        wanted = preferred_approach(tall)
        opening = min(width + ROOM, WIDEST)
        most = min(max(width / 2.0 - ABOVE_SUPPORT, LEAST_BEYOND), MOST_BEYOND)
        near = np.array([-math.atan2(centre[1], centre[0]), -0.3, 0.3, 0.8, LEVEL_JAWS])
        pitches = sorted(PITCHES, key=lambda pitch: abs(pitch - wanted))
        for raise_more, world_pitch in itertools.product(RAISES if spare == 0.0 else RAISES[:1], pitches):
            # Seen along a steep approach a slender object is long: it is taken by its upper end.
            beyond = min(max(DEEPEST - 0.5 * width, LEAST_BEYOND), most)
            raised = 0.5 * height * max(math.sin(world_pitch), 0.0) + beyond - DEEPEST
            raised = min(max(raised, 0.0), max(height - width, 0.0), 0.4 * height)
            if tall and world_pitch <= FROM_THE_SIDE:
                beyond, raised = most, -BODY * height
            pitch = world_pitch - leaning
            approach = approach_direction(heading, pitch)
            aim = centre - down * (raised + raise_more)
            try:
                at = self.tool(aim, beyond, pitch, opening, near)
                before = self.tool(aim - BACK_OFF * approach, beyond, pitch, opening, at)
                lifted = self.tool(aim - LIFT * down, beyond, pitch, width, at)
                if spare > 0.0:
                    self.tool(aim + spare * (heading - down) - LIFT * down, beyond, pitch, width, at)
            except IkError:
                continue
            if max(np.abs(before - at).max(), np.abs(lifted - at).max()) < 1.2:
                yield Approach(before, at, lifted, aim, beyond, pitch, opening)

    def route(self, start: Array, candidates: Sequence[Approach], room: CollisionChecker) -> "GraspPath | None":
        """The first approach with a free way from ``start``, (6,) rad."""
        for approach in candidates:
            angle = self.gripper.angle(approach.opening)
            before, at = np.append(approach.before, angle), np.append(approach.at, angle)
            lifted = np.append(approach.lifted, angle)
            middle = np.append(self.tool_between(approach, 0.5), angle)
            if not room.free(before, with_object=True) or not all(room.free(p, False) for p in (middle, at, lifted)):
                continue
            for way in self._ways(start, before):
                if _free(start, way, room):
                    return GraspPath(approach, tuple(way))
        return None

    def tool_between(self, approach: Approach, share: float) -> Array:
        """Arm pose (5,) on the straight way from pre-grasp (0) to grasp (1)."""
        first, last = self.arm.forward(approach.before)[0], self.arm.forward(approach.at)[0]
        return self.arm.inverse(first + share * (last - first), approach.pitch, LEVEL_JAWS, approach.at)

    def _ways(self, start: Array, before: Array) -> Iterator[List[Array]]:
        yield [before]
        for reach in (0.6, 0.3, 0.0):  # draw the arm in, turn there, and stretch
            tucked = self._stow + reach * (before - self._stow)
            tucked[[0, 4, 5]] = before[[0, 4, 5]]
            yield [tucked, before]
        tucked = self._stow.copy()
        tucked[[0, 4, 5]] = before[[0, 4, 5]]
        yield [np.append(self._stow[:4], start[4:]) * [0, 1, 1, 1, 1, 1] + [start[0], 0, 0, 0, 0, 0], tucked, before]


def _free(start: Array, way: Sequence[Array], room: CollisionChecker) -> bool:
    last = start
    for goal in way:
        steps = max(int(np.abs(goal - last).max() / 0.08), 1)
        for share in np.linspace(0.0, 1.0, steps + 1)[1:]:
            if not room.free(last + share * (goal - last), with_object=True):
                return False
        last = goal
    return True
