"""Random draws of the velocity task: body, delays and pose for each episode, and commands.

Drawing a few rows costs almost as much as drawing hundreds, and in training a few episodes begin at each step. A
`RowPool` therefore draws hundreds of rows at a time and hands them out as they are needed.
"""

import math
from dataclasses import dataclass
from typing import Any, Callable, Generic, Protocol, Tuple, TypeVar

import torch
from torch import Tensor

from xdog.core.description import RobotDescription
from xdog.locomotion.gait import limit_command
from xdog_sim.batch.protocol import BatchParameters
from xdog_sim.config import load_sim_config
from xdog_sim.randomization import Randomization, TrunkTable, draw_parameters, uniform
from xdog_sim.tasks.gait_config import CommandSettings, GaitConfig

POOL_SIZE = 256
"""Number of rows drawn at a time."""


@dataclass
class EpisodeStart:
    """Initial conditions of m robots for an episode.

    Attributes:
        parameters: physical parameters.
        orientation: (m, 4) of the trunk, w, x, y, z: level, with any heading. joint_position: (m, 12) rad.
        ramp: (m, k, 3) see `ramp_shares`. sensor_delay: (m,) physics steps.
        offset: (m, 12) constant errors of the encoders, rad.
        dynamics: (m, 19) those of the parameters that the critic observes, scaled.
    """

    parameters: BatchParameters
    orientation: Tensor
    joint_position: Tensor
    ramp: Tensor
    sensor_delay: Tensor
    offset: Tensor
    dynamics: Tensor

    def select(self, rows: slice) -> "EpisodeStart":
        """The initial conditions of some of the robots."""
        return EpisodeStart(*(_rows(getattr(self, name), rows) for name in self.__dataclass_fields__))


@dataclass
class DrawnCommands:
    """Commands (m, 3), m/s and rad/s, and the number of control steps (m,) for which each lasts."""

    command: Tensor
    steps: Tensor

    def select(self, rows: slice) -> "DrawnCommands":
        """Some of the commands."""
        return DrawnCommands(self.command[rows], self.steps[rows])


def _rows(values: Any, rows: slice) -> Any:
    if isinstance(values, BatchParameters):
        return BatchParameters(*(getattr(values, name)[rows] for name in values.__dataclass_fields__))
    return values[rows]


class _Selectable(Protocol):
    def select(self, rows: slice) -> Any: ...


Drawn = TypeVar("Drawn", bound=_Selectable)


class RowPool(Generic[Drawn]):
    """Hands out independent rows, each once. ``draw(count)`` draws many at a time."""

    def __init__(self, draw: Callable[[int], Drawn]) -> None:
        self._draw = draw
        self._drawn, self._next, self._size = draw(0), 0, 0

    def take(self, count: int) -> Drawn:
        """The next ``count`` rows."""
        if self._next + count > self._size:
            self._next, self._size = 0, max(count, POOL_SIZE)
            self._drawn = self._draw(self._size)
        self._next += count
        return self._drawn.select(slice(self._next - count, self._next))


def draw_starts(
    count: int,
    robot: RobotDescription,
    config: GaitConfig,
    ranges: Randomization,
    table: TrunkTable,
    timestep: float,
    generator: torch.Generator,
) -> EpisodeStart:
    """Draw initial conditions for ``count`` episodes; ``timestep`` is the physics step, s."""
    control, default = config.control, torch.tensor(robot.legs.poses["stand"], dtype=torch.float32)
    parameters = draw_parameters(ranges, table, count, robot, control.kp, control.kd, generator)
    half = 0.5 * uniform((-math.pi, math.pi), (count,), generator)
    zero = torch.zeros(count)
    command_delay = uniform(ranges.command_delay, (count,), generator)
    sensor_delay = (uniform(ranges.sensor_delay, (count,), generator) / timestep).round()
    offset = uniform(ranges.joint_offset, (count, len(default)), generator)
    dynamics = [
        parameters.friction[:, None] - 0.8,
        parameters.trunk_mass[:, None] - 3.5,
        10.0 * parameters.trunk_com,
        50.0 * command_delay[:, None],
        0.5 * sensor_delay[:, None] * timestep / 0.005,
        10.0 * offset,
    ]
    return EpisodeStart(
        parameters=parameters,
        orientation=torch.stack([torch.cos(half), zero, zero, torch.sin(half)], 1),
        joint_position=default + uniform((-0.1, 0.1), (count, len(default)), generator),
        ramp=ramp_shares(command_delay, round(control.period / timestep), timestep, load_sim_config().legs.ramp),
        sensor_delay=sensor_delay.long(),
        offset=offset,
        dynamics=torch.cat(dynamics, 1),
    )


def ramp_shares(delay: Tensor, count: int, timestep: float, ramp: float) -> Tensor:
    """Weights of the oldest, the previous and the newest of three targets in each physics step, (m, count, 3).

    Args:
        delay: (m,) s from sending a target until the actuator starts to move towards it.
        count: physics steps per control step. timestep: physics step, s. ramp: duration of the linear interpolation, s.
    """
    ends = (torch.arange(count) + 1) * timestep
    ramp = max(ramp, 1e-9)  # without a ramp, a step
    progress = (ends[None] - delay[:, None]) / ramp
    # The previous target was sent one control step earlier.
    newest, arrived = progress.clamp(0.0, 1.0), (count * timestep / ramp + progress).clamp(0.0, 1.0)
    return torch.stack([1.0 - arrived, arrived - newest, newest], 2)


def draw_commands(count: int, settings: CommandSettings, period: float, generator: torch.Generator) -> DrawnCommands:
    """Draw commands with the shares and ranges of the settings; ``period`` is the control period, s."""
    ranges: Tuple[Tuple[float, float], ...] = (settings.vx, settings.vy, settings.wz)
    drawn = torch.stack([uniform(bounds, (count,), generator) for bounds in ranges], 1)
    kind = torch.rand(count, generator=generator)
    axis = torch.nn.functional.one_hot(torch.randint(3, (count,), generator=generator), 3)
    one_axis = kind < settings.stand + settings.single
    drawn = torch.where(one_axis[:, None], drawn * axis, drawn)
    fast = 0.5 * (
        1.0 + torch.rand(count, generator=generator)
    )  # the faster half of the range, which needs the most practice
    sideways = 2.0 * torch.rand(count, generator=generator) - 1.0
    running = torch.stack([settings.run_vx * fast, 0.1 * sideways, 0.5 * sideways], 1)
    spinning = torch.stack([0.2 * sideways, torch.zeros(count), settings.spin_wz * fast * torch.sign(sideways)], 1)
    drawn = torch.where((kind > 1.0 - settings.run)[:, None], running, drawn)
    spins = (kind > 1.0 - settings.run - settings.spin) & (kind <= 1.0 - settings.run)
    drawn = torch.where(spins[:, None], spinning, drawn)
    drawn[kind < settings.stand] = 0.0
    drawn = limit_command(drawn, settings.ranges, settings.max_lateral_acceleration, torch)
    return DrawnCommands(drawn, (uniform(settings.interval, (count,), generator) / period).long())
