"""The velocity task: ends of episodes, history, delays in ms, commands, pushes, and what the actor must not see."""

import dataclasses
from dataclasses import replace
from typing import Any, Dict, List

import pytest
import torch
from simulated_robots import (
    CONFIG,
    LEVEL,
    ROBOT,
    STAND,
    OffsetVelocitySim,
    RecordingSim,
    config_with,
    make_batch,
    make_task,
)
from torch import Tensor

from xdog.core.config_file import Range
from xdog.locomotion.observation import ObservationBuilder
from xdog.safety.config import load_safety_config
from xdog_sim.demo import metrics
from xdog_sim.randomization import load_ranges, nominal_ranges
from xdog_sim.tasks import velocity

LAYOUT = ObservationBuilder(CONFIG.observation).layout()
SIDEWAYS = torch.tensor([[0.70710678, 0.70710678, 0.0, 0.0]])
COMMANDS = torch.tensor([[0.5, 0.1, 0.3]]).repeat(4, 1)[None]


def test_the_tilt_of_a_fall_is_the_limit_of_the_supervisor() -> None:
    assert load_safety_config().supervisor.tilt_damp == velocity.FALL_TILT == metrics.FALL_TILT


def actions(count: int, steps: int, seed: int = 0) -> Tensor:
    """Random raw actions (steps, count, 12), small enough to stay upright."""
    return 0.3 * torch.randn(steps, count, 12, generator=torch.Generator().manual_seed(seed))


def term(observation: Tensor, name: str) -> Tensor:
    """One term of observations, (n, history, width), unscaled."""
    wanted = next(entry for entry in CONFIG.observation if entry.name == name)
    part = observation[:, LAYOUT[name]] / wanted.scale
    return part.reshape(len(observation), wanted.history, -1)


def test_the_terminal_observation_is_that_of_the_fallen_robot() -> None:
    sim = make_batch(3)
    task = make_task(sim)
    task.step(actions(3, 1)[0])
    sim.reset(torch.tensor([1]), torch.tensor([[0.0, 0.0, 0.4]]), SIDEWAYS, STAND[None])
    action = actions(3, 1, seed=1)[0]
    result = task.step(action)
    assert result.terminated.tolist() == [False, True, False]
    assert not result.truncated.any()
    assert result.terminal_observation.shape[0] == result.terminal_privileged.shape[0] == 1
    assert term(result.terminal_observation, "gravity")[0, 0].tolist() == pytest.approx([0.0, -1.0, 0.0], abs=0.05)
    assert torch.allclose(term(result.terminal_observation, "last_action")[0, 0], action[1])
    assert term(result.observation, "gravity")[1, 0].tolist() == pytest.approx([0.0, 0.0, -1.0], abs=1e-3)
    assert result.final.gravity[1].tolist() == pytest.approx([0.0, -1.0, 0.0], abs=0.05)
    assert result.final.foot_position[1, :, 2].max() > 0.3  # of the fallen robot, not of the reset one
    assert result.reward[1] <= CONFIG.reward["fall"] * 0.02 + 0.2
    assert task.counters() == {"falls": 1, "failures": 0}


def test_the_terminal_observation_of_a_time_out_equals_that_of_a_longer_episode() -> None:
    short = make_task(make_batch(4), load_ranges(), config=config_with(episode=0.1), commands=COMMANDS)
    long = make_task(make_batch(4), load_ranges(), commands=COMMANDS)
    for k, action in enumerate(actions(4, 5)):
        ended, continued = short.step(action), long.step(action)
        assert ended.truncated.tolist() == [k == 4] * 4
        assert not ended.terminated.any()
    assert torch.equal(ended.terminal_observation, continued.observation)
    # The observations of the critic agree except for the remaining time.
    assert torch.equal(ended.terminal_privileged[:, :-1], continued.privileged[:, :-1])
    assert ended.terminal_privileged[:, -1].tolist() == [0.0] * 4
    assert not torch.isclose(ended.observation, continued.observation).all()


def test_history_is_cleared_at_a_reset() -> None:
    task = make_task(make_batch(2), load_ranges(), config=config_with(episode=0.1), commands=COMMANDS[:, :2])
    for action in actions(2, 5):
        result = task.step(action)
    for name in ("position", "velocity", "angular_velocity", "last_action"):
        past = term(result.observation, name)
        assert past.shape[1] > 1
        assert torch.equal(past, past[:, :1].expand_as(past))
    for name in ("last_action", "gait_phase", "gait_command"):
        assert not term(result.observation, name).any()


def test_an_episode_does_not_affect_the_next() -> None:
    """The first step after a time-out is rewarded like the very first: the feet do not appear to jump."""
    calm = nominal_ranges()
    task = make_task(make_batch(2), calm, config=config_with(episode=0.2), commands=torch.zeros(1, 2, 3))
    rewards, speeds = [], []
    for _ in range(20):
        result = task.step(torch.zeros(2, 12))
        rewards.append(result.reward)
        speeds.append(result.final.foot_velocity.abs().max())
    assert max(speeds) < 3.0  # m/s
    assert min(reward.min() for reward in rewards) > 0.0


def ramped(timestep: float, delay: float) -> Tensor:
    """Targets (t, 12) that the actuators received, every 5 ms of a quarter second."""
    sim = RecordingSim(1, timestep)
    task = make_task(sim, replace(nominal_ranges(), command_delay=Range(delay, delay)), commands=COMMANDS[:, :1])
    for action in actions(1, 12):
        task.step(action)
    every = round(0.005 / timestep)
    return torch.cat(sim.targets, 1)[0, every - 1 :: every]


@pytest.mark.parametrize("delay", [0.0, 0.007, 0.015])
def test_delays_do_not_depend_on_the_physics_step(delay: float) -> None:
    assert torch.allclose(ramped(0.005, delay), ramped(0.001, delay), atol=1e-6)


def test_a_target_takes_effect_after_its_delay_and_is_reached_one_ramp_later() -> None:
    sim = RecordingSim(1, 0.001)
    task = make_task(sim, replace(nominal_ranges(), command_delay=Range(0.007, 0.007)), commands=torch.zeros(1, 1, 3))
    for action in torch.tensor([0.0, 1.0, 1.0])[:, None, None].repeat(1, 1, 12):
        task.step(action)
    moved = (torch.cat(sim.targets, 1)[0] - STAND)[:, 4] / CONFIG.control.action_scale
    # Action 1 is sent at 20 ms and takes effect from 27 ms to 47 ms. Entry k is for k to k + 1 ms.
    assert moved[:27].abs().max() < 1e-5
    assert moved[27:47].tolist() == pytest.approx([(k + 1) / 20 for k in range(20)], abs=1e-5)
    assert moved[47:].tolist() == pytest.approx([1.0] * 13, abs=1e-5)


@pytest.mark.parametrize("timestep", [0.005, 0.001])
def test_sensors_measure_the_state_before_their_delay(timestep: float) -> None:
    sim = make_batch(1, timestep)
    task = make_task(sim, replace(nominal_ranges(), sensor_delay=Range(0.01, 0.01)), commands=COMMANDS[:, :1])
    for action in actions(1, 6):
        result = task.step(action)
    past = sim.state(torch.tensor([round(0.01 / timestep)]))
    seen = {name: term(result.observation, name)[0, 0] for name in ("position", "velocity", "angular_velocity")}
    assert torch.allclose(seen["position"], past.joint_position[0] - STAND, atol=1e-6)
    assert torch.allclose(seen["velocity"], past.joint_velocity[0], atol=1e-4)
    assert torch.allclose(seen["angular_velocity"], past.angular_velocity[0], atol=1e-5)
    assert not torch.allclose(past.joint_velocity, sim.state().joint_velocity, atol=1e-3)


def test_the_actor_does_not_see_the_linear_velocity_of_the_trunk() -> None:
    plain, altered = (
        make_task(make_batch(2), commands=COMMANDS[:, :2]),
        make_task(OffsetVelocitySim(2), commands=COMMANDS[:, :2]),
    )
    for action in actions(2, 10):
        one, other = plain.step(action), altered.step(action)
        assert torch.equal(one.observation, other.observation)
        assert not torch.equal(one.privileged, other.privileged)
        assert not torch.equal(one.final.linear_velocity, other.final.linear_velocity)


def test_measured_velocities_are_in_the_trunks_frame() -> None:
    sim = make_batch(1)
    task = make_task(sim, commands=torch.zeros(1, 1, 3))
    quarter_left = torch.tensor([[0.70710678, 0.0, 0.0, 0.70710678]])
    sim.reset(torch.tensor([0]), torch.tensor([[0.0, 0.0, 0.5]]), quarter_left, STAND[None])
    sim.push(torch.tensor([0]), torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([0.5]))
    final = task.step(torch.zeros(1, 12)).final
    # It faces the world's y and moves along it: forward. Turning left is positive.
    assert final.linear_velocity[0, :2].tolist() == pytest.approx([1.0, 0.0], abs=0.05)
    assert final.angular_velocity[0, 2].item() == pytest.approx(0.5, abs=0.05)


def test_the_same_seed_gives_the_same_robots() -> None:
    tasks = [make_task(make_batch(3), load_ranges(), seed, stagger=True) for seed in (4, 4, 5)]
    results = [[task.step(action) for action in actions(3, 8)] for task in tasks]
    for one, same, other in zip(*results):
        assert torch.equal(one.observation, same.observation)
        assert torch.equal(one.privileged, same.privileged)
        assert torch.equal(one.reward, same.reward)
        assert not torch.equal(one.observation, other.observation)


def changes_of_command(task: Any, steps: int) -> List[List[int]]:
    """Steps after which the command of each robot changed."""
    seen: List[List[int]] = [[] for _ in range(task.sim.num)]
    before = task.command.clone()
    for k in range(steps):
        task.step(torch.zeros(task.sim.num, 12))
        for i in torch.nonzero((task.command != before).any(1)).flatten().tolist():
            seen[i].append(k + 1)
        before = task.command.clone()
    return seen


def test_commands_change_within_their_interval_and_stay_within_their_ranges() -> None:
    command = dataclasses.replace(CONFIG.command, interval=(0.1, 0.2), stand=0.0, single=0.0)
    task = make_task(make_batch(4), config=config_with(command=command, reward={}))
    for steps in changes_of_command(task, 30):
        gaps = [b - a for a, b in zip([0, *steps], steps)]
        assert gaps
        assert min(gaps) >= 4
        assert max(gaps) <= 10


def test_shares_and_ranges_of_drawn_commands() -> None:
    count = 400
    tasks = [make_task(make_batch(count, threads=2), seed=seed) for seed in range(3)]
    commands = torch.cat([task.command for task in tasks])
    ranges = CONFIG.command.ranges
    for column, name in enumerate(("vx", "vy", "wz")):
        low, high = ranges[name]
        assert low <= commands[:, column].min()
        assert commands[:, column].max() <= high
    standing = (commands == 0.0).all(1).float().mean().item()
    assert standing == pytest.approx(CONFIG.command.stand, abs=0.03)
    turning = commands[:, :2].norm(dim=1) * commands[:, 2].abs()
    assert turning.max() <= CONFIG.command.max_lateral_acceleration + 1e-4


def test_fixed_commands_change_on_time() -> None:
    fixed = torch.tensor([[[0.1, 0.0, 0.0]], [[0.2, 0.0, 0.0]]])
    task = make_task(make_batch(1), commands=fixed, command_interval=0.1)
    used = [task.step(torch.zeros(1, 12)).final.command[0, 0].item() for _ in range(12)]
    assert used == pytest.approx([0.1] * 5 + [0.2] * 7)


def test_pushes_come_in_their_interval_with_their_speed() -> None:
    sim = RecordingSim(4)
    ranges = replace(
        nominal_ranges(), push_interval=Range(0.2, 0.4), push_speed=Range(0.1, 0.3), push_spin=Range(-0.2, 0.2)
    )
    task = make_task(sim, ranges, commands=torch.zeros(1, 4, 3))
    times: Dict[int, List[int]] = {i: [0] for i in range(4)}
    for k in range(45):
        sim.pushes.clear()
        task.step(torch.zeros(4, 12))
        for robot, linear, yaw in sim.pushes:
            times[robot].append(k + 1)
            assert 0.1 - 1e-6 <= linear.norm() <= 0.3 + 1e-6
            assert linear[2] == 0.0
            assert yaw.abs() <= 0.2
    for steps in times.values():
        gaps = [b - a for a, b in zip(steps, steps[1:])]
        assert gaps
        assert min(gaps) >= 9
        assert max(gaps) <= 20


def test_the_robot_starts_level_at_any_heading() -> None:
    task = make_task(make_batch(8), load_ranges())
    state = task.sim.state()
    assert not torch.allclose(state.orientation, LEVEL.repeat(8, 1), atol=0.05)
    assert state.orientation[:, 1:3].abs().max() == 0.0
    assert torch.all(state.joint_position >= torch.tensor(ROBOT.legs.lower, dtype=torch.float32))
    assert torch.all(state.joint_position <= torch.tensor(ROBOT.legs.upper, dtype=torch.float32))
