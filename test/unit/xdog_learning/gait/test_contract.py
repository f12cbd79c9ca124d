"""The contract of a gait: written, read back, refused when tampered with or when the settings are others."""

import dataclasses
import json
from typing import Any

import pytest
from simulated_robots import CONFIG, ROBOT, STAND

from xdog.core.contract import ContractError
from xdog.locomotion.contract import METADATA_KEY, check_contract, contract_from_metadata
from xdog_learning.gait.contract import check_config_fits, make_gait_contract


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
            check_config_fits(dataclasses.replace(contract, **change), CONFIG)
