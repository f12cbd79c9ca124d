"""The baseline of the training speed: its environment and its networks."""

import math

import mujoco
import numpy as np
import pytest
from bench_case import small_config
from stable_baselines3.common.vec_env import DummyVecEnv

from xdog.core.description import load_description
from xdog_learning.bench.baseline import LeanWalk, build_baseline
from xdog_learning.gait.training import training_physics
from xdog_sim.world import build_model

ROBOT = load_description()


def lean(width: int = 90, seed: int = 0) -> LeanWalk:
    config = small_config()
    return LeanWalk(build_model(training_physics(config), ROBOT), ROBOT, config, width, seed)


def test_lean_environment_takes_the_same_physics_steps() -> None:
    robot = lean()
    robot.reset()
    observation, reward, fell, over, _ = robot.step(np.zeros(12, np.float32))
    assert robot._data.time == pytest.approx(0.02)
    assert observation.shape == (90,)
    assert not fell
    assert not over
    assert 0.0 < reward <= 1.5


def test_lean_environment_keeps_history_newest_first() -> None:
    robot = lean(width=100)
    first, _ = robot.reset()
    second, *_ = robot.step(np.full(12, 0.2, np.float32))
    assert second[45:90] == pytest.approx(first[:45])
    assert second[33:45] == pytest.approx(np.full(12, 0.2))
    third, *_ = robot.step(np.zeros(12, np.float32))
    assert third[90:] == pytest.approx(first[:10])


def test_lean_reward_by_hand() -> None:
    robot = lean()
    robot.reset()
    robot._command = np.array([0.3, -0.4, 0.5])
    action = np.full(12, 0.1, np.float32)
    _, reward, *_ = robot.step(action)
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, robot._data.qpos[3:7])
    vx, vy, _ = rotation.reshape(3, 3).T @ robot._data.qvel[:3]
    planar, yaw = (vx - 0.3) ** 2 + (vy + 0.4) ** 2, (robot._data.qvel[5] - 0.5) ** 2
    assert reward == pytest.approx(math.exp(-4 * planar) + 0.5 * math.exp(-4 * yaw) - 0.01 * 12 * 0.01)


def test_lean_environment_ends_on_its_side_and_when_time_is_up() -> None:
    robot = lean()
    robot.reset()
    robot._data.qpos[3:7] = [math.cos(0.6), math.sin(0.6), 0.0, 0.0]  # rolled by 1.2 rad
    assert robot.step(np.zeros(12, np.float32))[2]
    robot.reset()
    robot._age = 999  # of 1000 control steps in 20 s
    assert robot.step(np.zeros(12, np.float32))[2:4] == (False, True)
    robot.reset()
    assert robot._age == 0


def test_baseline_learns_with_networks_of_the_gait() -> None:
    config = small_config()
    model = build_baseline(DummyVecEnv([lean, lean]), config, 0)
    assert model.n_steps == 1024
    layers = [weights.shape for name, weights in model.policy.named_parameters() if name.endswith("weight")]
    assert layers == [(32, 90), (16, 32), (24, 90), (8, 24), (12, 16), (1, 8)]
