"""PPO with an asymmetric critic: who sees what, the Gaussian, minibatches, the learning rate, and divergence."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gait_learners import OBSERVATION_SIZE, make_learner

from xdog_learning.gait.ppo import MAX_RATE, MIN_RATE, PPO, GaitActorCritic, TensorRollout
from xdog_learning.run_folder import DivergenceError


def test_actor_and_critic_use_only_their_own_entries(tmp_path: Path) -> None:
    model = make_learner(tmp_path)
    policy, env = model.policy, model.env
    assert isinstance(policy, GaitActorCritic)
    observation = torch.randn(5, env.observation_space.shape[0])  # type: ignore[union-attr]
    other_critic, other_actor = observation.clone(), observation.clone()
    other_critic[:, OBSERVATION_SIZE:] += 1.0
    other_actor[:, :OBSERVATION_SIZE] += 1.0

    def act(seen: torch.Tensor) -> torch.Tensor:
        return policy.get_distribution(seen).mode()

    with torch.no_grad():
        assert torch.equal(act(observation), act(other_critic))
        assert not torch.allclose(act(observation), act(other_actor), atol=1e-4)
        assert torch.equal(policy.predict_values(observation), policy.predict_values(other_actor))
        assert not torch.allclose(policy.predict_values(observation), policy.predict_values(other_critic), atol=1e-4)
        # What is exported is what acts.
        assert torch.allclose(policy.actor_network()(observation[:, :OBSERVATION_SIZE]), act(observation), atol=1e-6)


def test_actions_values_and_probabilities_are_those_of_a_gaussian(tmp_path: Path) -> None:
    policy = make_learner(tmp_path).policy
    assert isinstance(policy, GaitActorCritic)
    observation = torch.randn(6, policy.observation_space.shape[0])  # type: ignore[index]
    with torch.no_grad():
        policy.log_std.add_(torch.linspace(-0.5, 0.5, 12))  # type: ignore[operator]
        gaussian = torch.distributions.Normal(policy.get_distribution(observation).mode(), policy.log_std.exp())
        actions, values, log_probability = policy(observation)
        assert torch.allclose(log_probability, gaussian.log_prob(actions).sum(1), atol=1e-4)
        again = policy.evaluate_actions(observation, actions)
        assert torch.allclose(again[0], values)
        assert torch.allclose(again[1], log_probability, atol=1e-4)
        assert torch.allclose(again[2], gaussian.entropy().sum(1), atol=1e-4)
        assert torch.equal(values, policy.predict_values(observation))
        assert torch.equal(policy(observation, deterministic=True)[0], gaussian.mean)
        many = policy(observation[:1].repeat(20_000, 1))[0]
        assert torch.allclose(many.std(0), policy.log_std.exp(), rtol=0.05)


def test_minibatches_hold_every_sample_once_and_whole(tmp_path: Path) -> None:
    buffer = make_learner(tmp_path).rollout_buffer
    assert isinstance(buffer, TensorRollout)
    for first in (0.0, 1000.0):  # two rollouts: the second replaces the first
        buffer.reset()
        for step in range(8):
            number = first + 4.0 * step + np.arange(4, dtype=np.float32)
            row = torch.from_numpy(number)
            seen = np.repeat(number[:, None], *buffer.obs_shape, axis=1)
            buffer.add(seen, np.repeat(number[:, None], 12, axis=1), number, np.zeros(4), row, row)
        buffer.compute_returns_and_advantage(torch.zeros(4), np.zeros(4))
        batches = list(buffer.get(16))
        assert [len(batch.observations) for batch in batches] == [16, 16]
        numbers = torch.cat([batch.old_values for batch in batches])
        assert numbers.sort().values.tolist() == [first + i for i in range(32)]
        assert numbers.tolist() != numbers.sort().values.tolist()
        for batch in batches:
            assert torch.equal(batch.observations, batch.old_values[:, None].expand_as(batch.observations))
            assert torch.equal(batch.actions, batch.old_values[:, None].expand_as(batch.actions))
            assert torch.equal(batch.old_log_prob, batch.old_values)
            assert torch.allclose(batch.returns, batch.advantages + batch.old_values)


@pytest.mark.parametrize(
    ("rate", "divergence", "expected"),
    [
        (9e-4, 0.021, 6e-4),  # more than twice the target: divided by 1.5
        (9e-4, 0.019, 9e-4),
        (9e-4, 0.006, 9e-4),
        (9e-4, 0.004, 1.35e-3),  # less than half: multiplied
        (2.9e-3, 0.0, MAX_RATE),
        (1.1e-5, 1.0, MIN_RATE),
    ],
)
def test_the_learning_rate_follows_the_divergence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: float, divergence: float, expected: float
) -> None:
    model = make_learner(tmp_path, 2)
    model.rate, model.kl_target = rate, 0.01
    monkeypatch.setattr(PPO, "train", lambda self: self.logger.record("train/approx_kl", divergence))
    model._setup_learn(100)
    model.train()
    assert model.rate == pytest.approx(expected)
    model._update_learning_rate(model.policy.optimizer)
    assert model.policy.optimizer.param_groups[0]["lr"] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["observations", "actions", "rewards", "values", "log_probs"])
def test_a_rollout_that_is_not_finite_leaves_the_weights_alone(tmp_path: Path, name: str) -> None:
    model = make_learner(tmp_path, 2)
    model._setup_learn(100)
    before = {key: weights.clone() for key, weights in model.policy.state_dict().items()}
    getattr(model.rollout_buffer, name)[3, 1] = np.nan
    with pytest.raises(DivergenceError, match=f"the {name.replace('_', ' ')} of a rollout are not finite"):
        model.train()
    assert all(torch.equal(weights, before[key]) for key, weights in model.policy.state_dict().items())


def test_an_update_that_corrupts_the_weights_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_learner(tmp_path, 2)
    model._setup_learn(100)

    def corrupt(self: PPO) -> None:
        with torch.no_grad():
            self.policy.log_std[4] = float("inf")  # type: ignore[index,operator]

    monkeypatch.setattr(PPO, "train", corrupt)
    with pytest.raises(DivergenceError, match="the network holds numbers that are not finite"):
        model.train()


def test_a_loss_that_is_not_finite_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_learner(tmp_path, 2)
    model._setup_learn(100)
    monkeypatch.setattr(PPO, "train", lambda self: self.logger.record("train/loss", float("nan")))
    with pytest.raises(DivergenceError, match="the loss became nan"):
        model.train()
