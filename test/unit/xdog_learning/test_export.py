"""A network as a policy file: the same numbers, with its contract, and nothing half-written beside it."""

import re
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from gait_learners import OBSERVATION_SIZE
from simulated_robots import CONFIG, ROBOT
from torch import nn

from xdog.locomotion.contract import contract_from_metadata
from xdog.locomotion.policy import GaitPolicy
from xdog_learning.export import export_policy, present_commit
from xdog_learning.gait.contract import make_gait_contract


def exported(path: Path) -> nn.Module:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(OBSERVATION_SIZE, 16), nn.ELU(), nn.Linear(16, 12))
    export_policy(
        network,
        {"observation": torch.zeros(1, OBSERVATION_SIZE)},
        make_gait_contract(ROBOT, CONFIG, {"minutes": 1.5}).to_metadata(),
        path,
    )
    return network


def test_an_exported_policy_predicts_what_the_network_predicts(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "gait.onnx"
    network = exported(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["gait.onnx"]  # nothing half-written beside it
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    observation = torch.randn(7, OBSERVATION_SIZE)
    (action,) = session.run(["action"], {"observation": observation.numpy()})
    with torch.no_grad():
        assert np.abs(action - network(observation).numpy()).max() < 1e-5
    contract = contract_from_metadata(session.get_modelmeta().custom_metadata_map, "gait.onnx")
    assert contract == make_gait_contract(ROBOT, CONFIG, {"minutes": 1.5})
    assert contract.urdf_hash == ROBOT.urdf_hash
    assert contract.commit
    assert GaitPolicy(path, ROBOT).contract == contract


def test_the_commit_is_that_of_the_checkout() -> None:
    assert re.fullmatch(r"[0-9a-f]{7,}(-dirty)?|unknown", present_commit())
