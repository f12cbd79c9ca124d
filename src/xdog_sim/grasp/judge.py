"""The strict judge of a grasp: an object counts as picked up only while the jaws alone hold it from both sides.

A grasp succeeds if the lowest point of the object stays lifted by `SuccessConfig.lift` for `hold` without a break, each
jaw presses on it from its inner side, and nothing else touches it except the palm. Once both jaws have touched the
object, no part of the arm may penetrate it deeper than `penetration`.
"""

import mujoco
import numpy as np

from xdog.core.description import RobotDescription
from xdog_sim.grasp.config import SuccessConfig
from xdog_sim.grasp.objects import OBJECT

Array = np.ndarray

OTHER, ARM, FIXED, MOVING, PALM, ITEM = 0, 1, 2, 4, 8, 16
"""Kinds of geoms: others, the arm without the gripper, the two jaws, the palm, the object."""
CHECK_PERIOD = 0.005
"""s between full checks; penetration is checked at every call."""
MIN_INWARD_COSINE = 0.3
"""Smallest cosine between the contact force of a jaw and the direction towards the other jaw."""


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
    """Judges one attempt.

    Attributes:
        gripped: whether both jaws have touched the object.
        deepest: largest penetration of object and arm since then, m.
        lift: height of the object's lowest point above its initial height, m.
        held: for how long the object has counted as held, s.
        longest: the longest `held`, s.
        fault: why the object does not count as held right now; empty if it does.
    """

    def __init__(
        self, model: mujoco.MjModel, data: mujoco.MjData, robot: RobotDescription, config: SuccessConfig
    ) -> None:
        """Args: a world whose body ``object`` rests where it is to be picked up."""
        self._model, self._data, self._config = model, data, config
        bodies = model.geom_bodyid
        arm = [model.body(robot.joints[name].child).id for name in robot.arm.names]
        self._hand, jaw = arm[4:]
        solid = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
        hand = np.flatnonzero(solid & (bodies == self._hand))
        kind = np.full(model.ngeom, OTHER)
        kind[np.isin(bodies, [*arm, model.body("arm_base_link").id])] = ARM
        kind[hand] = FIXED
        kind[hand[np.argmax(model.geom_pos[hand, 2])]] = PALM  # the finger reaches further along -z of the hand
        kind[solid & (bodies == jaw)] = MOVING
        self._object_geoms = np.flatnonzero(solid & (bodies == model.body(OBJECT).id))
        kind[self._object_geoms] = ITEM
        self._kind = kind
        self._start = lowest_point(model, data, self._object_geoms)
        self._last = float(data.time)
        self.gripped, self.deepest, self.lift, self.held, self.longest = False, 0.0, 0.0, 0.0, 0.0
        self.fault = "not between the jaws"

    @property
    def success(self) -> bool:
        """Whether the grasp has succeeded."""
        return self.longest >= self._config.hold - 1e-9 and not self.failed

    @property
    def failed(self) -> bool:
        """Whether this attempt can no longer succeed."""
        return self.deepest >= self._config.penetration

    @property
    def reason(self) -> str:
        """Why an attempt that ended now has not succeeded, and how far the object was lifted."""
        fault = "too deep in the object" if self.failed else self.fault or "held for too short a time"
        return f"{fault}, lifted {self.lift:.3f} m"

    def update(self) -> None:
        """Judge the current state; call it after every physics step."""
        contact = self._data.contact
        kinds = self._kind[contact.geom]
        pairs = kinds.sum(axis=1)
        touching = np.flatnonzero((pairs >= ITEM) & (contact.dist <= 0.0))
        both = pairs[touching] - ITEM
        self.gripped = self.gripped or (FIXED in both and MOVING in both)
        if self.gripped and both.any():
            self.deepest = max(self.deepest, float(-contact.dist[touching[both > 0]].min()))
        elapsed = float(self._data.time) - self._last
        if elapsed < CHECK_PERIOD - 1e-9:
            return
        self._last += elapsed
        self.lift = lowest_point(self._model, self._data, self._object_geoms) - self._start
        self.fault = self._find_fault(touching, both)
        self.held = self.held + elapsed if not self.fault else 0.0
        self.longest = max(self.longest, self.held)

    def _find_fault(self, touching: Array, other: Array) -> str:
        """The fault, given the contacts of the object and the kinds of the touching geoms, (n,) each."""
        contact, data = self._data.contact, self._data
        if FIXED not in other or MOVING not in other:
            return "not between the jaws"
        if np.isin(other, (OTHER, ARM)).any():
            geom = contact.geom[touching[np.isin(other, (OTHER, ARM))][0]]
            names = [self._model.geom(i).name or self._model.body(self._model.geom_bodyid[i]).name for i in geom]
            return f"touches {next((name for i, name in zip(geom, names) if i not in self._object_geoms), OBJECT)}"
        # Contact normals point from the first geom to the second. Here they shall point towards the object.
        away = np.where(self._kind[contact.geom[touching, 0]] == ITEM, -1.0, 1.0)
        push = away[:, None] * contact.frame[touching, :3]
        across = (
            push @ data.xmat[self._hand].reshape(3, 3)[:, 0]
        )  # along the direction from the fixed to the moving jaw
        if across[other == FIXED].mean() < MIN_INWARD_COSINE or across[other == MOVING].mean() > -MIN_INWARD_COSINE:
            return "not pressed from both sides"
        return "" if self.lift >= self._config.lift else "not lifted"
