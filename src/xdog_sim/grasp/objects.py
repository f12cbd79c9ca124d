"""Objects to be grasped and their supports, as parts of a MuJoCo world."""

import math
from dataclasses import dataclass
from typing import Sequence, Tuple

import mujoco
import numpy as np

from xdog.core.description import RobotDescription
from xdog_sim.grasp.config import GraspScenarioConfig

Array = np.ndarray

OBJECT = "object"
"""Name of the object's body and its free joint."""
SUPPORT = "support"
"""Name of the geom on which the object stands, unless that is the floor."""
NECK_HEIGHT, NECK_WIDTH = 0.36, 0.5
"""The neck of a bottle as a fraction of its height and width."""
SOLREF = (0.004, 1.0)
"""Time constant (s, four physics steps) and damping ratio: stiff enough that a firm grip penetrates well below 1 mm."""
SOLIMP = (0.95, 0.99, 0.001, 0.5, 2.0)
TABLE_SIZE = (0.30, 0.60)
"""m, depth and width of the top of a table or shelf."""
BOARD = 0.018
"""m, thickness of a shelf board."""


@dataclass(frozen=True)
class GraspObject:
    """One object, upright: kind ("ball", "cube", "bottle", "cup"), width and height in m, mass in kg, colour 0..1."""

    kind: str
    width: float
    height: float
    mass: float
    friction: float
    colour: Tuple[float, float, float]

    @property
    def size(self) -> Array:
        """Size of its bounding box when it is upright and not rotated, (3,) m."""
        return np.array([self.width, self.width, self.height])


def add_object(
    spec: mujoco.MjSpec,
    item: GraspObject,
    position: Array,
    yaw: float,
    config: GraspScenarioConfig,
    name: str = OBJECT,
) -> None:
    """Add a free body called ``name``; position (3,) m is its centre in the world, yaw in rad.

    Its own friction applies to all its contacts. It collides with the floor, supports and every part of the robot.
    """
    body = spec.worldbody.add_body(name=name, pos=position, quat=[math.cos(yaw / 2.0), 0.0, 0.0, math.sin(yaw / 2.0)])
    body.add_freejoint(name=name)
    radius, half = item.width / 2.0, item.height / 2.0
    geom = mujoco.mjtGeom

    def solid(kind: mujoco.mjtGeom, size: Sequence[float], z: float, share: float) -> None:
        body.add_geom(
            type=kind,
            size=[*size, *[0.0] * (3 - len(size))],
            pos=[0.0, 0.0, z],
            mass=share * item.mass,
            rgba=[*item.colour, 1.0],
            contype=1,
            conaffinity=3,  # bits of xdog_sim.world: 1 the body against the world, 2 the arm against the trunk
            condim=4,
            priority=2,
            friction=[item.friction, config.torsional_friction, 0.0],
            solref=list(SOLREF),
            solimp=list(SOLIMP),
        )

    def visual(size: Sequence[float], z: float, colour: Sequence[float]) -> None:
        body.add_geom(
            type=geom.mjGEOM_CYLINDER, size=[*size, 0.0], pos=[0.0, 0.0, z], mass=0.0, contype=0, conaffinity=0,
            rgba=[*colour, 1.0],
        )  # fmt: skip

    if item.kind == "ball":
        solid(geom.mjGEOM_SPHERE, [radius], 0.0, 1.0)
    elif item.kind == "cube":
        solid(geom.mjGEOM_BOX, [radius, radius, half], 0.0, 1.0)
    elif item.kind == "cup":
        solid(geom.mjGEOM_CYLINDER, [radius, half], 0.0, 1.0)
        visual([0.86 * radius, 0.0005], half, [0.12, 0.10, 0.10])
    elif item.kind == "bottle":
        neck = NECK_HEIGHT * half
        solid(geom.mjGEOM_CYLINDER, [radius, half - neck], -neck, 0.9)
        solid(geom.mjGEOM_CYLINDER, [NECK_WIDTH * radius, neck], half - neck, 0.1)
        visual([1.05 * NECK_WIDTH * radius, 0.2 * neck], half - 0.2 * neck, [0.95, 0.95, 0.95])
    else:
        raise ValueError(f"unknown object '{item.kind}'; known: ball, cube, bottle, cup")


def add_support(spec: mujoco.MjSpec, kind: str, surface: float, edge_x: float, y: float, name: str = SUPPORT) -> None:
    """Add the support of an object: a block as a table, a board on posts as a shelf, nothing for the ground.

    The support is a separate body called ``name``, and so is the geom of its top: geoms of the world body are ground.

    Args:
        surface: height of its top above the ground, m.
        edge_x: world x of the edge that faces the dog, m.
        y: world y of its centre, m.
    """
    if kind == "ground":
        return
    body = spec.worldbody.add_body(name=name)
    depth, width = TABLE_SIZE
    thick = surface if kind == "table" else BOARD

    def block(part: str, size: Sequence[float], centre: Sequence[float], solid: int) -> None:
        body.add_geom(
            name=part,
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=[0.5 * length for length in size],
            pos=list(centre),
            rgba=[0.72, 0.58, 0.42, 1.0],
            contype=0,
            conaffinity=solid,
        )

    block(name, [depth, width, thick], [edge_x + depth / 2.0, y, surface - thick / 2.0], 1)
    if kind == "shelf":
        for side, post in ((-1.0, "post_right"), (1.0, "post_left")):
            centre = [edge_x + depth - 0.02, y + side * (width / 2.0 - 0.02), (surface - BOARD) / 2.0]
            block(f"{name}_{post}", [0.03, 0.03, surface - BOARD], centre, 0)


def prepare_for_grasping(spec: mujoco.MjSpec, robot: RobotDescription) -> None:
    """Set up the contact solver for grasping, and contacts between the arm and the legs."""
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0  # Menagerie's robotstudio_so101
    spec.option.iterations = spec.option.ls_iterations = 50  # with 10 line searches, grasped objects are flung away
    legs = {robot.joints[name].child for name in robot.legs.names} | set(robot.feet)
    for geom in spec.geoms:
        if geom.parent.name in legs and geom.contype:
            geom.conaffinity = 2
