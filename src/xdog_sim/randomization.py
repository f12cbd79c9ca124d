"""Bodies, floors and actuators drawn from sim/randomization.yaml."""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import mujoco
import numpy as np
import torch
import yaml
from torch import Tensor

from xdog.core.description import RobotDescription
from xdog.core.paths import share_path
from xdog_sim.batch.protocol import BatchParameters
from xdog_sim.world import WorldOptions, build_model

_RANGES = (
    "friction", "trunk_mass", "trunk_com", "payload", "stiffness", "damping", "strength", "joint_offset",
    "command_delay", "sensor_delay", "push_interval", "push_speed", "push_spin",
)  # fmt: skip
_NUMBERS = ("arm_anywhere", "arm_near_stow")
_NOISES = ("angular_velocity", "gravity", "position", "velocity")


class RandomizationError(ValueError):
    """The file of randomisation ranges is malformed."""


def load_ranges(path: Optional[Path] = None) -> Dict[str, Any]:
    """The ranges of sim/randomization.yaml, or of another file of the same form.

    Raises:
        RandomizationError: an entry is missing, unknown or not a range; the message names it.
    """
    path = path or share_path("sim", "randomization.yaml")
    try:
        ranges = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise RandomizationError(f"{path} is not valid YAML: {error}") from error
    known = {*_RANGES, *_NUMBERS, "noise"}
    if not isinstance(ranges, dict) or set(ranges) != known:
        given = set(ranges) if isinstance(ranges, dict) else set()
        raise RandomizationError(
            f"{path}: missing entries: {', '.join(sorted(known - given)) or 'none'}; "
            f"unknown entries: {', '.join(sorted(given - known)) or 'none'}"
        )
    for name in _RANGES:
        if not _is_range(ranges[name]):
            raise RandomizationError(f"{path}: {name} must be [low, high] with low <= high, got {ranges[name]!r}")
    missing = [name for name in _NOISES if name not in (ranges["noise"] or {})]
    if missing:
        raise RandomizationError(f"{path}: noise lacks {', '.join(missing)}")
    return ranges


def _is_range(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and len(value) == 2
        and all(isinstance(end, (int, float)) for end in value)
        and value[0] <= value[1]
    )


def nominal_ranges() -> Dict[str, Any]:
    """Ranges without any variation, noise, delay or push: the robot as its URDF says."""
    one, zero = [1.0, 1.0], [0.0, 0.0]
    ranges: Dict[str, Any] = dict.fromkeys(_RANGES, zero)
    ranges.update(friction=[0.8, 0.8], stiffness=one, damping=one, strength=one, push_interval=[1e9, 1e9])
    ranges.update(arm_anywhere=0.0, arm_near_stow=0.0, noise=dict.fromkeys(_NOISES, 0.0))
    return ranges


class TrunkTable:
    """Trunk, camera and arm as one rigid body, for many arm poses; built once with MuJoCo's kinematics.

    Args:
        robot: the body.
        ranges: of `load_ranges`.
        size: how many arm poses to prepare.
        seed: of the drawing.
    """

    def __init__(self, robot: RobotDescription, ranges: Mapping[str, Any], size: int, seed: int) -> None:
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
            if rng.random() < ranges["arm_anywhere"]:
                pose = rng.uniform(robot.arm.lower, robot.arm.upper)
            else:
                pose = stow + rng.uniform(-1.0, 1.0, stow.size) * ranges["arm_near_stow"]
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
    ranges: Mapping[str, Any],
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
    payload = uniform(ranges["payload"], (count,), generator)
    extra = uniform(ranges["trunk_mass"], (count,), generator)
    shift = uniform(ranges["trunk_com"], (count, 3), generator)
    bare, bare_com = table.mass[row] + extra, table.com[row] + shift
    mass = bare + payload
    lever = table.tool[row] - bare_com
    com = bare_com + (payload / mass)[:, None] * lever
    reduced = (payload * bare / mass)[:, None, None]
    steiner = (lever**2).sum(1)[:, None, None] * torch.eye(3) - lever[:, :, None] * lever[:, None, :]
    inertia = table.inertia[row] * (bare / table.mass[row])[:, None, None] + reduced * steiner
    strength = uniform(ranges["strength"], (count, joints), generator)
    return BatchParameters(
        trunk_mass=mass,
        trunk_com=com,
        trunk_inertia=inertia,
        friction=uniform(ranges["friction"], (count,), generator),
        kp=kp * strength * uniform(ranges["stiffness"], (count, joints), generator),
        kd=kd * strength * uniform(ranges["damping"], (count, joints), generator),
        effort=torch.tensor(robot.legs.effort, dtype=torch.float32) * strength,
    )
