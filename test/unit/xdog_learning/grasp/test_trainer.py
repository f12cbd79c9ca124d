"""One network: its learning rate, that it learns, exact continuation, and divergence."""

import copy
import dataclasses
import math
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import torch
from grasp_trainings import (
    ROBOT,
    SETTINGS,
    WIDTH,
    make_demonstrations,
    make_trainer,
)

from xdog_learning.grasp.trainer import RANDOM_STATES, learning_rate, training_inputs
from xdog_learning.run_folder import CheckpointError, DivergenceError, RunFolder, fitting


def test_the_learning_rate_rises_and_falls() -> None:
    settings = dataclasses.replace(SETTINGS.state.learning, learning_rate=1.0, warmup=4, steps=12)
    rates = [learning_rate(step, settings) for step in range(13)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == 1.0
    assert rates[8] == pytest.approx(0.5)
    assert rates[12] == pytest.approx(0.0)


@pytest.mark.parametrize("observe", ["state", "image"])
def test_it_learns(observe: str) -> None:
    policy = SETTINGS.policy(observe)
    policy = dataclasses.replace(
        policy, learning=dataclasses.replace(policy.learning, batch=8, steps=80, learning_rate=3e-3)
    )
    torch.manual_seed(0)
    data = make_demonstrations(images=observe == "image")
    number = np.repeat(np.arange(4), np.diff(data.starts)) / 2.0
    data.state[:] = 0.0
    if data.images is None:
        data.state[:] = number[:, None]
    else:
        data.images[:, :, : WIDTH // 2] = (100.0 * number).astype(np.uint8)[:, None, None, None]
    data.action[:] = np.outer(number, np.arange(6) - 3.0)
    trainer = make_trainer(policy, data)
    losses = [trainer.step()["l1"] for _ in range(80)]
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])


def test_a_run_that_was_interrupted_ends_like_one_that_was_not(tmp_path: Path) -> None:
    policy, data, folder = SETTINGS.state, make_demonstrations(), RunFolder(tmp_path, RANDOM_STATES)
    inputs = training_inputs(ROBOT, policy, None, data)
    torch.manual_seed(0)
    whole = make_trainer(policy, data)
    for _ in range(6):
        whole.step()
    torch.manual_seed(0)
    first = make_trainer(policy, data)
    for _ in range(3):
        first.step()
    folder.save(first.checkpoint(inputs), is_best=True)
    torch.manual_seed(99)
    second = make_trainer(policy, data)
    second.restore(folder.resume(inputs)[0])
    assert second.progress.step == 3
    for _ in range(3):
        second.step()
    for one, other in zip(whole.network.parameters(), second.network.parameters()):
        assert torch.equal(one, other)


def test_every_input_of_a_run_counts_except_its_length() -> None:
    policy, data = SETTINGS.state, make_demonstrations()
    inputs = training_inputs(ROBOT, policy, None, data)
    others = {
        "the settings": training_inputs(ROBOT, dataclasses.replace(policy, chunk=4), None, data),
        "the demonstrations": training_inputs(ROBOT, policy, None, make_demonstrations((7, 4, 9, 5))),
        "the robot's body": training_inputs(dataclasses.replace(ROBOT, urdf_hash="0"), policy, None, data),
    }
    for name, changed in others.items():
        assert [key for key in inputs if changed[key] != inputs[key]] == [name]
    longer = dataclasses.replace(policy, learning=dataclasses.replace(policy.learning, steps=999))
    assert training_inputs(ROBOT, longer, None, data) == inputs


@pytest.mark.parametrize(
    "change",
    [
        {"progress": None},
        {"progress": {"step": 3}},
        {"progress": {"step": "far", "seconds": 1.0, "best": 1.0, "best_step": 1}},
        {"network": {}},
        {"optimizer": [1]},
        {"batches": "random"},
    ],
)
def test_content_that_does_not_fit_is_one_message(change: Dict[str, Any]) -> None:
    trainer = make_trainer(SETTINGS.state, make_demonstrations())
    content = {**trainer.checkpoint({}), **change}
    with pytest.raises(CheckpointError, match="run does not fit this training"), fitting(Path("run")):
        trainer.restore(content)


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    data = make_demonstrations()
    data.state[:] = math.inf
    trainer = make_trainer(SETTINGS.state, data)
    with pytest.raises(DivergenceError, match="the loss at step 0 became nan"):
        trainer.step()


def test_a_gradient_that_is_not_finite_leaves_the_weights_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(SETTINGS.state, make_demonstrations())
    before = copy.deepcopy(trainer.network.state_dict())
    monkeypatch.setattr("torch.nn.utils.clip_grad_norm_", lambda *_: torch.tensor(math.inf))
    with pytest.raises(DivergenceError, match="the gradient at step 0 became inf"):
        trainer.step()
    assert all(torch.equal(weights, before[name]) for name, weights in trainer.network.state_dict().items())


def test_a_held_out_loss_that_is_not_finite_is_detected() -> None:
    data = make_demonstrations()
    data.state[-1] = math.nan  # of the episode that is held out
    trainer = make_trainer(SETTINGS.state, data)
    trainer.step()
    with pytest.raises(DivergenceError, match="the held-out loss at step 1 became nan"):
        trainer.validate()
