"""Random bodies, floors and actuators, drawn from the ranges of sim/randomization.yaml."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import mujoco
import numpy as np
import torch
from torch import Tensor

from xdog.core.config_file import NOT_NEGATIVE, POSITIVE, SHARE, Range, load, numbers
from xdog.core.description import RobotDescription
from xdog.core.paths import share_path
from xdog_sim.batch.protocol import BatchParameters
from xdog_sim.world import WorldOptions, build_model


@numbers(NOT_NEGATIVE)
@dataclass(frozen=True)
class SensorNoise:
    """Largest uniform noise: rad/s, share of a unit vector, rad, rad/s."""

    angular_velocity: float
    gravity: float
    position: float
    velocity: float


@dataclass(frozen=True)
class Randomization:
    """Content of sim/randomization.yaml, which explains each entry."""

    friction: Range = field(metadata=POSITIVE)
    trunk_mass: Range
    trunk_com: Range
    payload: Range = field(metadata=NOT_NEGATIVE)
    arm_anywhere: float = field(metadata=SHARE)
    arm_near_stow: float = field(metadata=NOT_NEGATIVE)
    stiffness: Range = field(metadata=POSITIVE)
    damping: Range = field(metadata=POSITIVE)
    strength: Range = field(metadata=POSITIVE)
    joint_offset: Range
    command_delay: Range = field(metadata=NOT_NEGATIVE)
    sensor_delay: Range = field(metadata=NOT_NEGATIVE)
    push_interval: Range = field(metadata=POSITIVE)
    push_speed: Range = field(metadata=NOT_NEGATIVE)
    push_spin: Range
    noise: SensorNoise

    def without_pushes(self) -> "Randomization":
        """The same ranges, without pushes."""
        return replace(self, push_interval=Range(1e9, 1e9))


def load_ranges(path: Optional[Path] = None) -> Randomization:
    """The ranges of sim/randomization.yaml, or of another file of the same form; raises what `load` raises."""
    return load(Randomization, path or share_path("sim", "randomization.yaml"))


def nominal_ranges() -> Randomization:
    """Ranges without any variation, noise, delay or push: the robot of the URDF."""
    zero, one = Range(0.0, 0.0), Range(1.0, 1.0)
    return Randomization(
        friction=Range(0.8, 0.8), trunk_mass=zero, trunk_com=zero, payload=zero, arm_anywhere=0.0, arm_near_stow=0.0,
        stiffness=one, damping=one, strength=one, joint_offset=zero, command_delay=zero, sensor_delay=zero,
        push_interval=zero, push_speed=zero, push_spin=zero, noise=SensorNoise(0.0, 0.0, 0.0, 0.0),
    ).without_pushes()  # fmt: skip


class TrunkTable:
    """Trunk, camera and arm as one rigid body, for many arm poses; built once with MuJoCo's kinematics.

    Args:
        robot: the body.
        ranges: what varies.
        size: number of arm poses to prepare.
        seed: of the draws.
    """

    def __init__(self, robot: RobotDescription, ranges: Randomization, size: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        model = build_model(WorldOptions(visuals=False, sensors=False), robot)
        data = mujoco.MjData(model)
        base = model.body(robot.frames["base"]).id
        bodies = [i for i in range(model.nbody) if _rides_on_trunk(model, i, base, robot)]
        columns = [model.joint(name).qposadr[0] for name in robot.arm.names]
        tool = model.body(robot.tool_frame).id
        stow = robot.arm.poses["stow"]
        rows: List[Tuple[float, np.ndarray, np.ndarray, np.ndarray]] = []
        for _ in range(size):
            if rng.random() < ranges.arm_anywhere:
                pose = rng.uniform(robot.arm.lower, robot.arm.upper)
            else:
                pose = stow + rng.uniform(-1.0, 1.0, stow.size) * ranges.arm_near_stow
            data.qpos[:7] = [0, 0, 0, 1, 0, 0, 0]
            data.qpos[columns] = np.clip(pose, robot.arm.lower, robot.arm.upper)
            mujoco.mj_kinematics(model, data)
            rotations = data.ximat[bodies].reshape(-1, 3, 3)
            inertias = rotations @ (model.body_inertia[bodies][:, :, None] * rotations.transpose(0, 2, 1))
            mass, com, inertia = merge_bodies(model.body_mass[bodies], data.xipos[bodies], inertias)
            rows.append((mass, com, inertia, data.xpos[tool].copy()))
        self.mass = torch.tensor([row[0] for row in rows], dtype=torch.float32)
        self.com = torch.tensor(np.array([row[1] for row in rows]), dtype=torch.float32)
        self.inertia = torch.tensor(np.array([row[2] for row in rows]), dtype=torch.float32)
        self.tool = torch.tensor(np.array([row[3] for row in rows]), dtype=torch.float32)


def merge_bodies(mass: np.ndarray, com: np.ndarray, inertia: np.ndarray) -> Tuple[float, np.ndarray, np.ndarray]:
    """One rigid body from k: masses (k,) kg, centres (k, 3) m, inertias (k, 3, 3) about them, common axes.

    Returns:
        mass kg, centre (3,) m, inertia (3, 3) about the common centre, kg m^2.
    """
    total = float(mass.sum())
    centre = (mass[:, None] * com).sum(0) / total
    arm = com - centre
    steiner = mass[:, None, None] * ((arm**2).sum(1)[:, None, None] * np.eye(3) - arm[:, :, None] * arm[:, None, :])
    return total, centre, (inertia + steiner).sum(0)


def _rides_on_trunk(model: mujoco.MjModel, body: int, base: int, robot: RobotDescription) -> bool:
    legs = {robot.joints[name].child for name in robot.legs.names}
    while body not in (0, base):
        if model.body(body).name in legs:
            return False
        body = model.body_parentid[body]
    return body != 0


def uniform(bounds: Sequence[float], shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Uniform draws from [low, high]."""
    return bounds[0] + (bounds[1] - bounds[0]) * torch.rand(tuple(shape), generator=generator)


def draw_parameters(
    ranges: Randomization,
    table: TrunkTable,
    count: int,
    robot: RobotDescription,
    kp: float,
    kd: float,
    generator: torch.Generator,
) -> BatchParameters:
    """Bodies, floors and actuators of ``count`` robots. kp in Nm/rad and kd in Nm s/rad are the nominal gains."""
    joints = len(robot.legs.names)
    row = torch.randint(len(table.mass), (count,), generator=generator)
    payload = uniform(ranges.payload, (count,), generator)
    extra = uniform(ranges.trunk_mass, (count,), generator)
    shift = uniform(ranges.trunk_com, (count, 3), generator)
    bare, bare_com = table.mass[row] + extra, table.com[row] + shift
    mass = bare + payload
    lever = table.tool[row] - bare_com
    com = bare_com + (payload / mass)[:, None] * lever
    reduced = (payload * bare / mass)[:, None, None]
    steiner = (lever**2).sum(1)[:, None, None] * torch.eye(3) - lever[:, :, None] * lever[:, None, :]
    inertia = table.inertia[row] * (bare / table.mass[row])[:, None, None] + reduced * steiner
    strength = uniform(ranges.strength, (count, joints), generator)
    return BatchParameters(
        trunk_mass=mass,
        trunk_com=com,
        trunk_inertia=inertia,
        friction=uniform(ranges.friction, (count,), generator),
        kp=kp * strength * uniform(ranges.stiffness, (count, joints), generator),
        kd=kd * strength * uniform(ranges.damping, (count, joints), generator),
        effort=torch.tensor(robot.legs.effort, dtype=torch.float32) * strength,
    )
