"""The velocity task as a VecEnv: what stable-baselines3 is given."""

import numpy as np
import pytest
import torch
from gait_learners import OBSERVATION_SIZE, make_environment
from simulated_robots import CONFIG, STAND

from xdog.locomotion.observation import ObservationBuilder
from xdog_learning.gait.environment import Tracking


def test_time_outs_are_reported_with_their_terminal_observation() -> None:
    env = make_environment(episode=0.06)
    start = env.reset()
    assert start.shape == (4, env.observation_space.shape[0])
    assert start.dtype == np.float32
    rewards = np.zeros(4)
    for k in range(3):
        env.step_async(np.zeros((4, 12), np.float32))
        seen, reward, done, infos = env.step_wait()
        rewards += reward
        assert done.tolist() == [k == 2] * 4
        assert all(("terminal_observation" in info) == (k == 2) for info in infos)
    for i, info in enumerate(infos):
        assert info["TimeLimit.truncated"] is True
        assert info["terminal_observation"].shape == env.observation_space.shape
        assert not np.array_equal(info["terminal_observation"], seen[i])
        assert info["episode"]["l"] == 3
        assert info["episode"]["r"] == pytest.approx(rewards[i], rel=1e-5)


def test_falls_are_no_time_outs() -> None:
    env = make_environment()
    sideways = torch.tensor([[0.70710678, 0.70710678, 0.0, 0.0]])
    env.task.sim.reset(torch.tensor([2]), torch.tensor([[0.0, 0.0, 0.4]]), sideways, STAND[None])
    env.step_async(np.zeros((4, 12), np.float32))
    _, _, done, infos = env.step_wait()
    assert done.tolist() == [False, False, True, False]
    assert infos[2]["TimeLimit.truncated"] is False
    gravity = ObservationBuilder(CONFIG.observation).layout()["gravity"]
    assert infos[2]["terminal_observation"][gravity] == pytest.approx([0.0, -1.0, 0.0], abs=0.1)
    assert infos[0] == infos[1] == infos[3] == {}


def test_robots_have_no_environments_of_their_own() -> None:
    env = make_environment(2)
    assert env.get_attr("actor_size", [0]) == [OBSERVATION_SIZE]
    assert env.env_is_wrapped(object) == [False, False]  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="share one environment"):
        env.env_method("reset")
    with pytest.raises(AttributeError, match="share one environment"):
        env.set_attr("x", 1)


def test_tracking_by_hand() -> None:
    tracking = Tracking()
    tracking.add(torch.tensor([0.04, 0.0]), torch.tensor([1.0, 0.0]))
    tracking.add(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 0.0]))
    assert tracking.take() == pytest.approx((0.1, 0.5))
    assert tracking.take() == (0.0, 0.0)
