"""The baseline: the next action from joints and object, and a loss on that action alone."""

import pytest
import torch
from grasp_trainings import SETTINGS, make_demonstrations

from xdog_learning.grasp.mlp import MlpPolicy
from xdog_learning.grasp.sampler import FrameSampler


def test_it_predicts_one_action_from_both_inputs() -> None:
    torch.manual_seed(0)
    network = MlpPolicy(SETTINGS.mlp, 8).eval()
    joints, features = torch.zeros(3, 6), torch.zeros(3, 8)
    before = network(joints, features)
    assert before.shape == (3, network.chunk, 6) == (3, 1, 6)
    assert (network(joints + 1.0, features) - before).abs().min() > 0.0
    assert (network(joints, features + 1.0) - before).abs().min() > 0.0


def test_the_loss_counts_the_first_action_only() -> None:
    network = MlpPolicy(SETTINGS.mlp, len(SETTINGS.state.token))
    batch = FrameSampler(make_demonstrations(), [0, 1], SETTINGS.state).spread(5)
    other = {**batch, "action": batch["action"].clone()}
    other["action"][:, 1:] = 1000.0
    first, second = network.loss(batch), network.loss(other)
    assert first["total"].item() == first["l1"].item() == second["total"].item()
    expected = (network(batch["joints"], batch["features"])[:, 0] - batch["action"][:, 0]).abs().mean()
    assert first["l1"].item() == pytest.approx(expected.item(), rel=1e-5)
