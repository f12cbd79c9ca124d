"""A grasp network as a policy file: the same numbers, with its contract."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from grasp_trainings import (
    HEIGHT,
    ROBOT,
    SETTINGS,
    WIDTH,
    make_demonstrations,
)

from xdog.grasp.observation import OBJECT_FEATURES
from xdog.grasp.policy import GraspPolicy
from xdog_learning.grasp.export import export_grasp, make_grasp_contract
from xdog_learning.grasp.sampler import FrameSampler
from xdog_learning.grasp.trainer import GraspTrainer, build_network


@pytest.mark.parametrize("observe", ["state", "image", "mlp", "style"])
def test_the_file_predicts_what_the_network_predicts(tmp_path: Path, observe: str) -> None:
    policy = SETTINGS.policy("image" if observe == "image" else "state")
    if observe == "style":
        policy = dataclasses.replace(policy, act=dataclasses.replace(policy.act, vae=True))
    data = make_demonstrations(images=observe == "image")
    image = (HEIGHT, WIDTH) if observe == "image" else None
    network = build_network(policy, SETTINGS.mlp if observe == "mlp" else None, image)
    GraspTrainer(network, policy.learning, FrameSampler(data, [0, 1], policy), FrameSampler(data, [2], policy), seed=1)
    contract = make_grasp_contract("test", ROBOT, policy, network.chunk, image, 25)
    path = tmp_path / "grasp.onnx"
    export_grasp(network, contract, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["grasp.onnx"]
    runner = GraspPolicy(path, ROBOT)
    assert runner.contract == contract
    for frame in (0, 5, 11):
        picture = None if data.images is None else data.images[frame]
        predicted = runner.predict(data.state[frame], data.environment_state[frame], picture)
        seen = [OBJECT_FEATURES.index(name) for name in policy.token]
        inputs = [
            torch.from_numpy(data.state[frame])[None],
            torch.from_numpy(data.environment_state[frame, seen])[None],
        ]
        if picture is not None:
            inputs.append(torch.from_numpy(picture)[None])
        with torch.no_grad():
            expected = network(*inputs)[0].numpy()
        np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-5)
