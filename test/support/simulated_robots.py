"""Small batches and tasks for tests, and a batch that records what it receives."""

import dataclasses
from typing import Any, List, Optional, Tuple

import torch
from torch import Tensor

from xdog.core.description import load_description
from xdog_sim.batch.factory import training_options
from xdog_sim.batch.mujoco_cpu import MujocoBatch
from xdog_sim.batch.protocol import BatchState
from xdog_sim.randomization import Randomization, nominal_ranges
from xdog_sim.tasks.gait_config import GaitConfig, load_gait_config
from xdog_sim.tasks.velocity import VelocityTask

ROBOT = load_description()
CONFIG = load_gait_config()
STAND = torch.tensor(ROBOT.legs.poses["stand"], dtype=torch.float32)
LEVEL = torch.tensor([1.0, 0.0, 0.0, 0.0])


def make_batch(num: int, timestep: float = 0.005, threads: int = 1) -> MujocoBatch:
    return MujocoBatch(training_options(timestep, CONFIG.control.kp, CONFIG.control.kd), num, threads, ROBOT)


def place(sim: MujocoBatch, height: float = 0.28, ids: Optional[Tensor] = None) -> None:
    """Put robots at rest in the stand pose, level, at the origin."""
    ids = torch.arange(sim.num) if ids is None else ids
    position = torch.tensor([0.0, 0.0, height]).repeat(len(ids), 1)
    sim.reset(ids, position, LEVEL.repeat(len(ids), 1), STAND.repeat(len(ids), 1))


def hold(num: int, steps: int = 4) -> Tensor:
    """Targets (num, steps, 12) that hold the stand pose."""
    return STAND.repeat(num, steps, 1)


class RecordingSim(MujocoBatch):
    """A batch that records the targets and pushes that it receives."""

    def __init__(self, num: int, timestep: float = 0.005) -> None:
        super().__init__(training_options(timestep, CONFIG.control.kp, CONFIG.control.kd), num, 1, ROBOT)
        self.targets: List[Tensor] = []
        self.pushes: List[Tuple[int, Tensor, Tensor]] = []

    def step(self, targets: Tensor) -> Tensor:
        self.targets.append(targets.clone())
        return super().step(targets)

    def push(self, ids: Tensor, linear: Tensor, yaw: Optional[Tensor] = None) -> None:
        for row, robot in enumerate(ids.tolist()):
            self.pushes.append((robot, linear[row], torch.zeros(()) if yaw is None else yaw[row]))
        super().push(ids, linear, yaw)


class OffsetVelocitySim(MujocoBatch):
    """A batch whose reported linear velocity of the trunk is wrong by 3 m/s."""

    def __init__(self, num: int) -> None:
        super().__init__(training_options(0.005, CONFIG.control.kp, CONFIG.control.kd), num, 1, ROBOT)

    def state(self, ages: Optional[Tensor] = None) -> BatchState:
        state = super().state(ages)
        return dataclasses.replace(state, linear_velocity=state.linear_velocity + 3.0)


def config_with(**changes: Any) -> GaitConfig:
    return dataclasses.replace(CONFIG, **changes)


def make_task(
    sim: MujocoBatch,
    ranges: Optional[Randomization] = None,
    seed: int = 1,
    config: GaitConfig = CONFIG,
    **options: Any,
) -> VelocityTask:
    return VelocityTask(sim, ROBOT, config, nominal_ranges() if ranges is None else ranges, seed, **options)
