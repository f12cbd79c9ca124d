"""ACT: every input matters, the loss counts real actions only, normalisers."""

import dataclasses

import pytest
import torch
from grasp_trainings import (
    HEIGHT,
    SETTINGS,
    WIDTH,
    make_demonstrations,
    make_network,
    tiny_settings,
)

from xdog_learning.grasp.act import LEAST_STD, Normalizer, masked_l1
from xdog_learning.grasp.sampler import FrameSampler


@pytest.mark.parametrize("observe", ["state", "image"])
def test_an_observation_gives_a_chunk(observe: str) -> None:
    policy = SETTINGS.policy(observe)
    image = torch.zeros(3, HEIGHT, WIDTH, 3, dtype=torch.uint8) if observe == "image" else None
    network = make_network(policy, observe == "image")
    chunk = network(torch.zeros(3, 6), torch.zeros(3, len(policy.token)), image)
    assert chunk.shape == (3, 5, 6)
    if observe == "image":
        with pytest.raises(ValueError, match="an image policy needs an image"):
            network(torch.zeros(3, 6), torch.zeros(3, len(policy.token)))


def test_every_input_matters() -> None:
    policy = SETTINGS.image
    network = make_network(policy, True).eval()
    inputs = [torch.zeros(1, 6), torch.zeros(1, 3), torch.zeros(1, HEIGHT, WIDTH, 3, dtype=torch.uint8)]
    before = network(*inputs)
    for i in range(3):
        changed = list(inputs)
        changed[i] = inputs[i] + 1 if i < 2 else torch.arange(256).to(torch.uint8).repeat(36).view(1, HEIGHT, WIDTH, 3)
        assert (network(*changed) - before).abs().max() > 1e-5


def test_the_loss_averages_over_real_actions_only() -> None:
    target = torch.zeros(2, 3, 6)
    prediction = torch.tensor([1.0, 2.0, 100.0, 5.0, 100.0, 100.0]).view(2, 3, 1).expand(2, 3, 6)
    real = torch.tensor([[True, True, False], [True, False, False]])
    # (1 + 2 + 5) / 3 real actions; the original divides by all six.
    assert masked_l1(prediction, target, real).item() == pytest.approx(8.0 / 3.0)


def test_padding_does_not_matter() -> None:
    vae = tiny_settings().state
    vae = dataclasses.replace(vae, act=dataclasses.replace(vae.act, vae=True, latent=4))
    network = make_network(vae, False)
    batch = FrameSampler(make_demonstrations(), [0, 1], vae).spread(11)
    other = dict(batch, action=torch.where(batch["real"][..., None], batch["action"], torch.tensor(1000.0)))
    losses = []
    for given in (batch, other):
        torch.manual_seed(0)  # of the style
        losses.append({name: value.item() for name, value in network.loss(given).items()})
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[0]["kl"] > 0.0
    assert losses[0]["total"] == pytest.approx(losses[0]["l1"] + vae.act.kl_weight * losses[0]["kl"], rel=1e-5)


def test_normalisers_bound_the_scale_of_constant_values() -> None:
    normal = Normalizer(2)
    normal.fit(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    assert normal.mean.tolist() == [2.0, 5.0]
    assert normal.std.tolist() == pytest.approx([1.0, LEAST_STD])
    values = torch.tensor([[4.0, 5.001]])
    assert normal(values)[0].tolist() == pytest.approx([2.0, 0.1], abs=1e-3)
    assert torch.allclose(normal.undo(normal(values)), values)
