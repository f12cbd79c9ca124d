"""Collision check of arm poses with MuJoCo's collision shapes in the world of a grasp scenario."""

import copy
from typing import List

import mujoco
import numpy as np

from xdog.core.description import RobotDescription
from xdog_sim.grasp.objects import OBJECT
from xdog_sim.world import joint_indices

Array = np.ndarray

SELF = 8
"""Contact bit for self-collision of the arm."""


class Clearance:
    """Collision check of arm poses against dog, support, floor, object and the arm itself.

    Args:
        model: the world of a scenario with the object in its initial place.
        robot: the body.
        margin: distance that counts as a collision, m.
    """

    def __init__(self, model: mujoco.MjModel, robot: RobotDescription, margin: float) -> None:
        self._model = copy.copy(model)
        self._data = mujoco.MjData(self._model)
        model = self._model
        self._arm_q = joint_indices(model, robot.arm.names).qpos
        self._body = model.geom_bodyid
        object_body = model.body(OBJECT).id
        moving = [model.jnt_bodyid[model.joint(name).id] for name in robot.arm.names]
        self._fixed = [i for i in range(model.ngeom) if model.body_weldid[self._body[i]] == 0]
        arm = np.isin(self._body, moving)
        # Base and shoulder always touch, as do consecutive links.
        model.geom_contype[arm] |= SELF
        model.geom_conaffinity[arm] |= SELF
        base = self._body == model.body("arm_base_link").id
        model.geom_conaffinity[base] |= SELF
        model.geom_contype[arm & (self._body == moving[0])] &= ~SELF
        self._object_geoms = np.flatnonzero(self._body == object_body)
        self._fingers = np.flatnonzero(np.isin(self._body, moving[4:]))
        model.geom_margin[:] = 0.0
        model.geom_margin[arm] = margin
        mujoco.mj_kinematics(model, self._data)

    def free(self, joints: Array, with_object: bool) -> bool:
        """Whether the arm at ``joints``, (6,) rad, is free of collisions; ``with_object`` includes the object."""
        model, data = self._model, self._data
        data.qpos[self._arm_q] = joints
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_collision(model, data)
        for i in range(data.ncon):
            pair = data.contact.geom[i]
            touches_object = np.isin(pair, self._object_geoms).any()
            if touches_object and (not with_object or np.isin(pair, self._fixed).any()):
                continue
            return False
        return True

    def support_hits_dog(self, support: str) -> bool:
        """Whether the support, if there is one, collides with the dog."""
        model, data = self._model, self._data
        place = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, support)
        if place < 0:
            return False
        dog: List[int] = [i for i in self._fixed if self._body[i] != 0 and model.geom_contype[i]]
        return any(mujoco.mj_geomDistance(model, data, i, place, 0.02, None) < 0.015 for i in dog)
