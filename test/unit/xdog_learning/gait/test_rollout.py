"""Episodes under fixed commands: the physics, falls, pushes, and bodies that differ."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from gait_episodes import no_correction
from simulated_robots import CONFIG, ROBOT
from torch import Tensor

from xdog_learning.gait.rollout import evaluation_options, run_episodes
from xdog_sim.randomization import load_ranges, nominal_ranges


def test_the_physics_of_the_evaluation() -> None:
    options = evaluation_options(CONFIG)
    assert options.timestep == 0.001
    assert options.contacts == "full"
    assert options.dry_friction


def test_a_fallen_robot_is_neither_scored_nor_revived() -> None:
    def throw_second(observation: Tensor) -> Tensor:
        action = no_correction(observation)
        action[1] = 30.0  # rad x 0.25: somersaults
        return action

    commands = torch.tensor([[[0.4, 0.0, 0.0]] * 3])
    run = run_episodes(throw_second, ROBOT, CONFIG, nominal_ranges(), commands, 7, interval=1.0)
    assert run.fell.tolist() == [False, True, False]
    assert run.valid[:, [0, 2]].all()
    first = int(np.argmin(run.valid[:, 1]))
    assert 0 < first < 45
    assert not run.valid[first:, 1].any()
    assert run.valid[:first, 1].all()
    assert np.isfinite(run.planar_error).all()
    error = ((run.command - run.linear_velocity)[:, :, :2] ** 2).sum(2)
    assert run.planar_error == pytest.approx(error, abs=1e-5)


def test_a_policy_with_absurd_actions_falls_and_is_counted(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # MuJoCo notes its warnings in the working directory

    def nonsense(observation: Tensor) -> Tensor:
        action = no_correction(observation)
        action[0] = math.nan
        return action

    run = run_episodes(nonsense, ROBOT, CONFIG, nominal_ranges(), torch.zeros(1, 2, 3), 7, interval=0.2)
    assert run.fell.tolist() == [True, False]
    assert run.lost > 0


def test_pushes_are_applied() -> None:
    push = torch.tensor([[0.6, 0.0], [0.0, 0.0]])
    runs = [
        run_episodes(
            no_correction,
            ROBOT,
            CONFIG,
            nominal_ranges(),
            torch.zeros(1, 2, 3),
            7,
            interval=0.4,
            push=shove,
            push_time=0.2,
        )
        for shove in (push, None)
    ]
    speeds = [np.linalg.norm(run.linear_velocity[:, :, :2], axis=2) for run in runs]
    assert speeds[0][:10] == pytest.approx(speeds[1][:10])
    assert speeds[0][10, 0] - speeds[1][10, 0] > 0.2
    assert speeds[0][:, 1] == pytest.approx(speeds[1][:, 1])


def test_bodies_differ_and_are_independent_of_the_commands() -> None:
    ranges = load_ranges()
    commands = torch.zeros(1, 4, 3)
    one, same, other = (
        run_episodes(no_correction, ROBOT, CONFIG, ranges, commands, seed, interval=0.1) for seed in (7, 7, 8)
    )
    assert np.array_equal(one.linear_velocity, same.linear_velocity)
    assert not np.array_equal(one.linear_velocity, other.linear_velocity)
    assert len(set(one.power[2].tolist())) == 4  # four bodies, four ways to stand
