"""Episodes of many robots under fixed commands, recorded for scoring."""

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional

import numpy as np
import torch
from torch import Tensor

from xdog.core.description import RobotDescription
from xdog_learning.report import ReportProgress
from xdog_sim.batch.factory import make_batch
from xdog_sim.randomization import Randomization
from xdog_sim.tasks.gait_config import GaitConfig
from xdog_sim.tasks.velocity import VelocityTask
from xdog_sim.world import WorldOptions

Actor = Callable[[Tensor], Tensor]
"""From observations (n, size) to raw actions (n, 12)."""

COMMAND_INTERVAL = 5.0
"""Seconds between commands of the scored episodes."""


@dataclass
class Episodes:
    """Recordings of n episodes, k control steps each; samples after a fall are not valid.

    Attributes:
        command, linear_velocity, angular_velocity: (k, n, 3). planar_error, yaw_error: (k, n) squared.
        position: (k, n, 2) of the trunk, m. valid: (k, n) bool. fell: (n,) bool.
        power: (k, n) positive mechanical power, W. action_rate: (k, n) rms change of the joint targets, rad.
        torque_share, limit_share: (k, n) largest torque over its limit, and largest distance of a joint from the
        middle of its range over half the range. lost: simulations that became non-finite.
    """

    command: np.ndarray
    linear_velocity: np.ndarray
    angular_velocity: np.ndarray
    planar_error: np.ndarray
    yaw_error: np.ndarray
    position: np.ndarray
    valid: np.ndarray
    fell: np.ndarray
    power: np.ndarray
    action_rate: np.ndarray
    torque_share: np.ndarray
    limit_share: np.ndarray
    lost: int


def evaluation_options(config: GaitConfig) -> WorldOptions:
    """The physics of the evaluation: 1 kHz, every contact, the URDF's dry friction, the solver run to convergence."""
    return WorldOptions(
        timestep=config.physics.evaluate_timestep,
        leg_actuators="position",
        leg_kp=config.control.kp,
        leg_kd=config.control.kd,
        arm="fixed",
        contacts="full",
        sensors=False,
        visuals=False,
        solver_iterations=20,
    )


def run_episodes(
    actor: Actor,
    robot: RobotDescription,
    config: GaitConfig,
    ranges: Randomization,
    commands: Tensor,
    seed: int,
    options: Optional[WorldOptions] = None,
    push: Optional[Tensor] = None,
    push_time: float = 0.0,
    interval: float = COMMAND_INTERVAL,
    report: Optional[ReportProgress] = None,
    label: str = "",
) -> Episodes:
    """Run one episode per robot under fixed commands (c, n, 3), each held for ``interval`` seconds.

    Args:
        actor: the policy.
        robot: its body.
        config: period, time step and gains.
        ranges: of the bodies, floors, delays and pushes.
        commands: (c, n, 3) m/s and rad/s.
        seed: of everything random.
        options: the physics; `evaluation_options` if None.
        push: (n, 2) m/s, world, given to every trunk ``push_time`` seconds after the start.
        push_time: s.
        interval: s that a command holds.
        report: called with ``label`` and the completed share.
        label: name of the episodes in progress reports.
    """
    count = commands.shape[1]
    sim = make_batch(options or evaluation_options(config), count, robot=robot)
    steps = round(commands.shape[0] * interval / config.control.period)
    task = VelocityTask(sim, robot, config, ranges, seed, commands=commands, command_interval=interval)
    task.episode_steps = steps + 1
    middle = torch.tensor((robot.legs.lower + robot.legs.upper) / 2, dtype=torch.float32)
    half = torch.tensor((robot.legs.upper - robot.legs.lower) / 2, dtype=torch.float32)
    effort = torch.tensor(robot.legs.effort, dtype=torch.float32)
    upright, fell = torch.ones(count, dtype=torch.bool), torch.zeros(count, dtype=torch.bool)
    rows: Dict[str, List[Tensor]] = {
        name: []
        for name in (
            "command", "linear_velocity", "angular_velocity", "planar_error", "yaw_error",
            "position", "valid", "power", "action_rate", "torque_share", "limit_share",
        )
    }  # fmt: skip
    observation, _ = task.observe()
    for k in range(steps):
        if push is not None and k == round(push_time / config.control.period):
            sim.push(torch.arange(count), torch.cat([push, torch.zeros(count, 1)], 1))
        result = task.step(actor(observation))
        observation, final = result.observation, result.final
        fell |= result.terminated & upright
        upright &= ~result.terminated
        position = sim.state().position[:, :2]
        rows["command"].append(final.command)
        rows["linear_velocity"].append(final.linear_velocity)
        rows["angular_velocity"].append(final.angular_velocity)
        rows["planar_error"].append(final.planar_error)
        rows["yaw_error"].append(final.yaw_error)
        rows["position"].append(position)
        rows["valid"].append(upright.clone())
        rows["power"].append((final.torque[:, -1] * final.joint_velocity).clamp(min=0.0).sum(1))
        change = config.control.action_scale * (final.action - final.last_action)
        rows["action_rate"].append((change**2).mean(1).sqrt())
        rows["torque_share"].append((final.torque.abs().amax(1) / effort).amax(1))
        rows["limit_share"].append(((final.joint_position + task.default - middle).abs() / half).amax(1))
        if report is not None and k % 10 == 9:
            report(label, (k + 1) / steps)
    stacked = {name: torch.stack(values).numpy() for name, values in rows.items()}
    return Episodes(
        **stacked,
        fell=fell.numpy(),
        lost=sim.failures,
    )
