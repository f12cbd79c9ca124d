"""The velocity task: follow commanded vx, vy and wz. It runs on any BatchSim."""

import math
from dataclasses import dataclass
from typing import Dict, Optional, Tuple, Union

import torch
from torch import Tensor

from xdog.core.description import RobotDescription
from xdog.core.rotations import projected_gravity
from xdog.locomotion.gait import TrotReference, advance_gait, start_gait
from xdog.locomotion.observation import Measurements, ObservationBuilder
from xdog_sim.batch.protocol import BatchSim, BatchState
from xdog_sim.randomization import Randomization, TrunkTable, uniform
from xdog_sim.tasks.episodes import RowPool, draw_commands, draw_starts
from xdog_sim.tasks.gait_config import GaitConfig
from xdog_sim.tasks.velocity_rewards import FOOT_RADIUS, RewardInputs, total_reward

Rows = Union[slice, Tensor]
"""Selection of robots: ids (m,) or a slice."""
ALL_ROBOTS = slice(None)
FALL_TILT = 1.0
"""Tilt that counts as a fall, rad; the limit of the safety supervisor."""
FALL_HEIGHT = 0.12
"""Height of the trunk's origin below which the robot has fallen, m; its underside is 0.054 m lower."""


@dataclass
class TaskStep:
    """Result of one control step for n robots.

    Attributes:
        observation: (n, size) for the next action; where an episode ended, the first of the new one.
        privileged: (n, privileged size), likewise, for the critic.
        reward: (n,).
        terminated: (n,) bool, the robot fell or its simulation diverged. truncated: (n,) bool, the time was up.
        terminal_observation, terminal_privileged: as above, of the last state of each episode that ended.
        final: values of this step before any reset, for metrics.
    """

    observation: Tensor
    privileged: Tensor
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    terminal_observation: Tensor
    terminal_privileged: Tensor
    final: RewardInputs


class VelocityTask:
    """Commands, disturbs, rewards and resets n robots.

    Args:
        sim: the robots.
        robot: description of the robot.
        config: from policies/gait.yaml.
        ranges: from sim/randomization.yaml.
        seed: for all random numbers.
        commands: (k, n, 3) fixed commands, changed every ``command_interval`` seconds; random ones if None.
        command_interval: s, only with ``commands``.
        stagger: start with random episode times, so that the episodes do not all end together (training).
    """

    def __init__(
        self,
        sim: BatchSim,
        robot: RobotDescription,
        config: GaitConfig,
        ranges: Randomization,
        seed: int,
        commands: Optional[Tensor] = None,
        command_interval: float = 5.0,
        stagger: bool = False,
    ) -> None:
        self.sim, self.robot, self.config, self.ranges = sim, robot, config, ranges
        self.builder = ObservationBuilder(config.observation)
        self.generator = torch.Generator().manual_seed(seed)
        self.period = config.control.period
        self.substeps = round(self.period / sim.timestep)
        self.episode_steps = round(config.episode / self.period)
        table = TrunkTable(robot, ranges, 256, seed)
        self._start_pool = RowPool(lambda m: draw_starts(m, robot, config, ranges, table, sim.timestep, self.generator))
        self._command_pool = RowPool(lambda m: draw_commands(m, config.command, self.period, self.generator))
        self._commands, self._command_steps = commands, round(command_interval / self.period)
        n, joints = sim.num, len(robot.legs.names)
        self.default = torch.tensor(robot.legs.poses["stand"], dtype=torch.float32)
        middle = torch.tensor((robot.legs.lower + robot.legs.upper) / 2, dtype=torch.float32)
        half = torch.tensor((robot.legs.upper - robot.legs.lower) / 2, dtype=torch.float32)
        self._soft_low, self._soft_high = middle - 0.95 * half, middle + 0.95 * half
        self.command = torch.zeros(n, 3)
        self.gait = start_gait(n, torch)
        self._reference = TrotReference(robot, config.trot, torch)
        self._target = {"height": config.target.height, "swing_height": config.trot.swing_height}
        self.age = torch.zeros(n, dtype=torch.long)
        self._next_command = torch.zeros(n, dtype=torch.long)
        self._next_push = torch.zeros(n, dtype=torch.long)
        self._action, self._older_action = torch.zeros(n, joints), torch.zeros(n, joints)
        self._targets = self.default.repeat(n, 3, 1)
        self._history = torch.zeros(n, self.builder.depth, self.builder.frame_size)
        self._ramp, self._sensor_delay = torch.zeros(n, self.substeps, 3), torch.zeros(n, dtype=torch.long)
        self._offset, self._dynamics = torch.zeros(n, joints), torch.zeros(n, 7 + joints)
        self._feet = torch.zeros(n, len(robot.feet), 3)
        self._widths = [3, 3, joints, joints]  # of the measured terms
        noise = ranges.noise
        levels = (noise.angular_velocity, noise.gravity, noise.position, noise.velocity)
        self._noise = torch.cat([torch.full((k,), level) for k, level in zip(self._widths, levels)])
        self.falls = 0
        self._start_episodes(torch.arange(n))
        if stagger:
            self.age = torch.randint(self.episode_steps, (n,), generator=self.generator)
            self._next_command += self.age
            self._next_push += self.age
        self.observation_size = self.builder.size
        self.privileged_size = self._privileged(sim.state(), ALL_ROBOTS).shape[1]

    def observe(self) -> Tuple[Tensor, Tensor]:
        """Current observations of actor and critic: (n, observation size), (n, privileged size)."""
        return self.builder.observe(self._history, torch), self._privileged(self.sim.state(), ALL_ROBOTS)

    def step(self, action: Tensor) -> TaskStep:
        """One control step of every robot with raw actions (n, 12)."""
        diverged = self._simulate(action)
        self.age += 1
        state = self.sim.state()
        step = self._measure(state, action, diverged)
        reward = total_reward(step, self.config.reward, self._target, self.period)
        reward[diverged] = 0.0
        self._older_action, self._action = self._action.clone(), action.clone()
        self.gait = advance_gait(self.gait, self.command, self.config.trot, self.period, torch)
        terminated = step.fell
        truncated = (self.age >= self.episode_steps) & ~terminated
        self._new_commands()
        self._pushes()
        self._history = self.builder.push(
            self._history, self._frame(self.sim.state(self._sensor_delay), ALL_ROBOTS), torch
        )
        observation, privileged = self.observe()
        ended = torch.nonzero(terminated | truncated).flatten()
        terminal, terminal_privileged = observation[ended], privileged[ended]
        self.falls += int(terminated.sum())
        if len(ended):
            started = self._start_episodes(ended)
            observation[ended] = self.builder.observe(self._history[ended], torch)
            privileged[ended] = self._privileged(started, ended)
        return TaskStep(observation, privileged, reward, terminated, truncated, terminal, terminal_privileged, step)

    def _simulate(self, action: Tensor) -> Tensor:
        """Simulate one control step with delayed targets, ramped as the actuators do.

        The offset is subtracted from the targets, because the actuators control with the same encoders.
        """
        target = self._reference.angles(self.gait) + self.config.control.action_scale * action
        self._targets = torch.cat([self._targets[:, 1:], target[:, None]], 1)
        return self.sim.step(torch.baddbmm(-self._offset[:, None], self._ramp, self._targets))

    def _measure(self, state: BatchState, action: Tensor, diverged: Tensor) -> RewardInputs:
        gravity = _gravity(state.orientation)
        deviation = state.joint_position - self.default
        feet = self.sim.foot_position
        foot_velocity = (feet - self._feet) / self.period
        self._feet = feet.clone()
        fell = diverged | (-gravity[:, 2] < math.cos(FALL_TILT)) | (state.position[:, 2] < FALL_HEIGHT)
        excess = (self._soft_low - state.joint_position).clamp(min=0.0)
        excess = excess + (state.joint_position - self._soft_high).clamp(min=0.0)
        return RewardInputs(
            command=self.command.clone(),
            linear_velocity=_in_trunk(state.orientation, state.linear_velocity),
            angular_velocity=state.angular_velocity,
            gravity=gravity,
            height=state.position[:, 2],
            joint_position=deviation,
            joint_velocity=state.joint_velocity,
            limit_excess=excess,
            torque=self.sim.torque,
            action=action,
            last_action=self._action,
            older_action=self._older_action,
            foot_position=feet,
            foot_velocity=foot_velocity,
            gait=self.gait,
            fell=fell,
        )

    def _frame(self, sensed: BatchState, ids: Rows) -> Tensor:
        """Newest observation frame of the robots ``ids`` from the sensed state, with encoder offset and noise."""
        angles = sensed.joint_position - self.default + self._offset[ids]
        gravity = _gravity(sensed.orientation)
        exact = torch.cat([sensed.angular_velocity, gravity, angles, sensed.joint_velocity], 1)
        random = torch.rand(exact.shape, generator=self.generator).mul_(2.0).sub_(1.0)
        angular_velocity, gravity, angles, velocities = torch.addcmul(exact, random, self._noise).split(self._widths, 1)
        measured = Measurements(
            angular_velocity=angular_velocity,
            gravity=gravity,
            command=self.command[ids],
            position=angles,
            velocity=velocities,
            last_action=self._action[ids],
            gait=self.gait.select(ids),
        )
        return self.builder.frame(measured, torch)

    def _privileged(self, state: BatchState, ids: Rows) -> Tensor:
        """Observations of the critic only, for the robots ``ids``: true state, disturbances and dynamics."""
        gait = self.gait.select(ids)
        angle = 2.0 * math.pi * gait.phase[:, None]
        amplitude = gait.amplitude[:, None]
        left = 1.0 - self.age[ids, None] / self.episode_steps
        return torch.cat(
            [
                2.0 * _in_trunk(state.orientation, state.linear_velocity),
                0.25 * state.angular_velocity,
                _gravity(state.orientation),
                self.command[ids],
                state.joint_position - self.default,
                0.05 * state.joint_velocity,
                0.5 * self._action[ids],
                0.5 * self._older_action[ids],
                amplitude * torch.sin(angle),
                amplitude * torch.cos(angle),
                gait.command,
                10.0 * (state.position[:, 2:3] - self.config.target.height),
                10.0 * (self.sim.foot_position[ids, :, 2] - FOOT_RADIUS),
                self._dynamics[ids],
                left,
            ],
            1,
        )

    def _new_commands(self) -> None:
        if self._commands is not None:
            slot = (self.age // self._command_steps).clamp(max=len(self._commands) - 1)
            self.command = self._commands[slot, torch.arange(self.sim.num)]
            return
        ids = torch.nonzero(self.age >= self._next_command).flatten()
        if len(ids):
            self._draw_commands(ids)

    def _draw_commands(self, ids: Tensor) -> None:
        drawn = self._command_pool.take(len(ids))
        self.command[ids] = drawn.command
        self._next_command[ids] = self.age[ids] + drawn.steps

    def _pushes(self) -> None:
        ids = torch.nonzero(self.age >= self._next_push).flatten()
        if not len(ids):
            return
        speed = uniform(self.ranges.push_speed, (len(ids),), self.generator)
        heading = 2.0 * math.pi * torch.rand(len(ids), generator=self.generator)
        push = torch.stack([speed * torch.cos(heading), speed * torch.sin(heading), 0.0 * speed], 1)
        self.sim.push(ids, push, uniform(self.ranges.push_spin, (len(ids),), self.generator))
        self._schedule_push(ids)

    def _schedule_push(self, ids: Tensor) -> None:
        wait = uniform(self.ranges.push_interval, (len(ids),), self.generator) / self.period
        self._next_push[ids] = self.age[ids] + wait.long()

    def _start_episodes(self, ids: Tensor) -> BatchState:
        """Start episodes of the robots ``ids`` with new parameters, commands and history; returns their state."""
        start = self._start_pool.take(len(ids))
        self.sim.set_parameters(ids, start.parameters)
        position = torch.tensor([0.0, 0.0, self.config.target.height + 0.005]).repeat(len(ids), 1)
        self.sim.reset(ids, position, start.orientation, start.joint_position)
        self.age[ids] = 0
        rest = start_gait(len(ids), torch)
        for name in ("phase", "amplitude", "command"):
            getattr(self.gait, name)[ids] = getattr(rest, name)
        self._action[ids] = 0.0
        self._older_action[ids] = 0.0
        self._targets[ids] = self.default
        self._feet[ids] = self.sim.foot_position[ids]
        self._ramp[ids], self._sensor_delay[ids] = start.ramp, start.sensor_delay
        self._offset[ids], self._dynamics[ids] = start.offset, start.dynamics
        self._schedule_push(ids)
        if self._commands is None:
            self._draw_commands(ids)
        else:
            self.command[ids] = self._commands[0, ids]
        started = self.sim.state().select(ids)  # delayed sensors measure it as well, as there is no past
        self._history[ids] = self.builder.start(self._frame(started, ids), torch)
        return started

    def counters(self) -> Dict[str, int]:
        """Number of falls and diverged simulations since the start."""
        return {"falls": self.falls, "failures": self.sim.failures}


def _gravity(orientation: Tensor) -> Tensor:
    """Direction of gravity in the trunk's frame (n, 3); quaternions (n, 4) in w, x, y, z order."""
    return projected_gravity(orientation.roll(-1, 1), torch)


def _in_trunk(orientation: Tensor, vector: Tensor) -> Tensor:
    """World vectors (n, 3) in the trunk's frame; quaternions (n, 4) in w, x, y, z order."""
    real, imaginary = orientation[:, :1], orientation[:, 1:]
    twice = 2.0 * torch.linalg.cross(imaginary, vector)
    return vector - real * twice + torch.linalg.cross(imaginary, twice)
