"""The contract of a gait: refused before training if the robot would refuse it, if tampered with, if untrained for."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simulated_robots import CONFIG, STAND

from xdog.core.contract import ContractError
from xdog.core.description import load_description
from xdog.locomotion.contract import METADATA_KEY, check_contract, contract_from_metadata, contract_problems
from xdog_learning.gait.contract import check_config_fits, make_gait_contract

ROBOT = load_description()


def test_the_shipped_settings_fit() -> None:
    contract = make_gait_contract(ROBOT, CONFIG, {"minutes": 1.5}, "abc")
    assert contract_problems(contract, ROBOT) == []
    assert (contract.scores, contract.commit) == ({"minutes": 1.5}, "abc")


@pytest.mark.parametrize(
    ("control", "problem"),
    [
        ({"period": 0.04}, "its period is 0.04 s, the control loop's is 0.02 s"),
        ({"period": 0.022}, "its period is 0.022 s, the control loop's is 0.02 s"),
        ({"kp": 80.0}, "its gains exceed the robot's limits kp 60.0, kd 2.0"),
    ],
)
def test_settings_that_the_robot_would_refuse_are_named_with_their_file(control: Any, problem: str) -> None:
    # As replace() builds it, the step of the physics need not fit the period.
    physics = replace(CONFIG.physics, train_timestep=0.002, evaluate_timestep=0.002)
    config = replace(CONFIG, control=replace(CONFIG.control, **control), physics=physics)
    with pytest.raises(ContractError) as caught:
        make_gait_contract(ROBOT, config, settings=Path("my.yaml"))
    assert str(caught.value) == f"my.yaml: the robot would refuse a gait of these settings: {problem}"


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("joints", list(reversed(ROBOT.legs.names)), "same joints in another order"),
        ("urdf_hash", "0123456789abcdef", "trained on URDF 0123456789abcdef"),
        ("period", 0.01, "period is 0.01 s"),
        ("kp", [100.0] * 12, "gains exceed"),
        ("default_position", [0.1, *STAND.tolist()[1:]], "not the stand pose"),
        ("default_position", [0.0] * 11, "default_position is not 12"),
    ],
)
def test_a_tampered_contract_is_refused(entry: str, value: Any, message: str) -> None:
    metadata = make_gait_contract(ROBOT, CONFIG, {}).to_metadata()
    raw = json.loads(metadata[METADATA_KEY])
    raw[entry] = value
    contract = contract_from_metadata({METADATA_KEY: json.dumps(raw)}, "tampered.onnx")
    with pytest.raises(ContractError, match=message) as caught:
        check_contract(contract, ROBOT, "tampered.onnx")
    assert "tampered.onnx" in str(caught.value)
    assert "./xdog train gait" in str(caught.value)


def test_a_policy_is_tested_with_its_own_settings_only() -> None:
    contract = make_gait_contract(ROBOT, CONFIG, {})
    check_config_fits(contract, CONFIG)
    for change in ({"period": 0.01}, {"kp": (20.0,) * 12}, {"action_scale": (0.5,) * 12}):
        with pytest.raises(ContractError, match=f"contract in: {next(iter(change))}"):
            check_config_fits(replace(contract, **change), CONFIG)
