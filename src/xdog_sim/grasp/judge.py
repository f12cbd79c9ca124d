"""The strict judge of a grasp: an object counts as picked up only while the jaws alone hold it from both sides.

A grasp succeeds if the object's lowest point is lifted by `SuccessConfig.lift` and stays so for `hold` in one piece,
while each jaw presses on it with its inner side, towards the other jaw, and nothing else but the gripper's palm touches
it; and if from the first touch of both jaws on no part of the arm was ever deeper in the object than `penetration`.
"""

from typing import List, Optional

import mujoco
import numpy as np

from xdog.description import RobotDescription
from xdog_sim.grasp.config import SuccessConfig
from xdog_sim.grasp.objects import OBJECT

Array = np.ndarray

INWARDS = 0.3
"""Smallest cosine between a jaw's push and the direction towards the other jaw."""


def lowest_point(model: mujoco.MjModel, data: mujoco.MjData, geoms: Array) -> float:
    """Height (m) of the lowest point of spheres, boxes and cylinders."""
    lowest = np.inf
    for geom in geoms:
        down, size = data.geom_xmat[geom].reshape(3, 3)[2], model.geom_size[geom]
        if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_SPHERE:
            reach = size[0]
        elif model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_BOX:
            reach = np.abs(down) @ size
        else:
            reach = size[0] * np.sqrt(max(1.0 - down[2] ** 2, 0.0)) + size[1] * abs(down[2])
        lowest = min(lowest, data.geom_xpos[geom, 2] - reach)
    return float(lowest)


class Judge:
    """Watches one attempt.

    Attributes:
        gripped: whether both jaws have touched the object.
        deepest: penetration of object and arm since then, m.
        lift: how far the object's lowest point is above where it was, m.
        held: for how long everything has been as it should, s.
        longest: the longest `held`, s.
        fault: why the object does not count as held right now, in words; empty if it does.
    """

    def __init__(
        self, model: mujoco.MjModel, data: mujoco.MjData, robot: RobotDescription, config: SuccessConfig
    ) -> None:
        """Args: a world with a body ``object`` at rest, where it is to be picked up from."""
        self._model, self._data, self._config = model, data, config
        bodies = model.geom_bodyid
        arm = [model.body(joint.child).id for joint in map(robot.joints.get, robot.arm.names) if joint is not None]
        self._hand, jaw = arm[4], arm[5]
        solid = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
        self._item = np.flatnonzero(solid & (bodies == model.body(OBJECT).id))
        hand = np.flatnonzero(solid & (bodies == self._hand))
        # The fingers reach further along the approach direction (the hand's -z) than the palm.
        palm = hand[np.argmax(model.geom_pos[hand, 2])]
        kind = np.full(model.ngeom, "", dtype="<U6")
        kind[np.isin(bodies, [*arm, model.body("arm_base_link").id])] = "arm"
        kind[hand], kind[palm] = "fixed", "palm"
        kind[solid & (bodies == jaw)] = "moving"
        kind[self._item] = "object"
        self._kind = kind
        self._start = lowest_point(model, data, self._item)
        self._last = float(data.time)
        self.gripped, self.deepest, self.lift, self.held, self.longest = False, 0.0, 0.0, 0.0, 0.0
        self.fault = "not touched"

    @property
    def success(self) -> bool:
        """Whether the grasp counts."""
        return self.longest >= self._config.hold - 1e-9 and self.deepest < self._config.penetration

    @property
    def spoilt(self) -> bool:
        """Whether this attempt can no longer count."""
        return self.deepest >= self._config.penetration

    def watch(self) -> None:
        """Judge the present moment; call it after every physics step or every few."""
        data = self._data
        elapsed, self._last = float(data.time) - self._last, float(data.time)
        self.lift = lowest_point(self._model, data, self._item) - self._start
        self.fault = self._find_fault()
        self.held = self.held + elapsed if not self.fault else 0.0
        self.longest = max(self.longest, self.held)

    def _find_fault(self) -> str:
        data = self._data
        fixed: List[Array] = []
        moving: List[Array] = []
        other: Optional[str] = None
        deepest = 0.0
        if data.ncon:
            contact = data.contact
            pairs, kinds = contact.geom, self._kind[contact.geom]
            for i in np.flatnonzero((kinds == "object").any(axis=1)):
                which = int(kinds[i, 0] == "object")  # place of the other geom in the pair
                name = str(kinds[i, which])
                push = contact.frame[i, :3] * (-1.0 if which else 1.0)  # from the other geom to the object
                if contact.dist[i] > 0.0:
                    continue
                if name:
                    deepest = max(deepest, -float(contact.dist[i]))
                if name == "fixed":
                    fixed.append(push)
                elif name == "moving":
                    moving.append(push)
                elif name != "palm":
                    other = name or self._model.geom(pairs[i, which]).name or "the dog"
        self.gripped = self.gripped or bool(fixed and moving)
        if self.gripped:
            self.deepest = max(self.deepest, deepest)
        if not fixed or not moving:
            return "not between the jaws"
        across = data.xmat[self._hand].reshape(3, 3)[:, 0]  # from the fixed jaw to the moving one
        if np.mean(fixed, axis=0) @ across < INWARDS or np.mean(moving, axis=0) @ across > -INWARDS:
            return "not pressed from both sides"
        if other is not None:
            return f"touches {other}"
        if self.lift < self._config.lift:
            return "not lifted"
        return ""
