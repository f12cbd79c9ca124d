"""Contracts of gait policies: one that fits is accepted, any other gives one clear message."""

import json
import math
from typing import Any, Callable, Dict

import pytest
from policy_files import contract_for

from xdog.core.contract import ContractError
from xdog.core.description import load_description
from xdog.locomotion.contract import METADATA_KEY, check_contract, contract_from_metadata, contract_problems
from xdog.locomotion.observation import Term

ROBOT = load_description()


def test_a_contract_survives_its_file() -> None:
    contract = contract_for(ROBOT, scores={"velocity_rmse": 0.1})
    assert contract_from_metadata(contract.to_metadata(), "gait.onnx") == contract
    assert contract_problems(contract, ROBOT) == []
    check_contract(contract, ROBOT, "gait.onnx")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"joints": ("a", "b")}, "trained on other joints: a, b"),
        ({"joints": ROBOT.legs.names[::-1]}, "the same joints in another order"),
        ({"urdf_hash": "0"}, "trained on URDF 0, urdf/xdog.urdf is"),
        ({"kp": (18.0,) * 3}, "kp is not 12 finite numbers"),
        ({"kp": (-1.0,) * 12}, "negative gains"),
        ({"kd": (9.0,) * 12}, "gains exceed the robot's limits kp 60.0, kd 2.0"),
        ({"action_scale": (math.inf,) * 12}, "action_scale is not 12 finite numbers"),
        ({"default_position": (9.0,) * 12}, "outside the joint limits"),
        ({"default_position": tuple(ROBOT.legs.poses["lie"])}, "not the stand pose"),
        ({"period": 0.01}, "its period is 0.01 s, the control loop's is 0.02 s"),
        ({"terms": (Term("smell", 1.0),)}, "unknown observation terms: smell"),
        ({"command_range": {"vx": (0.0, 1.0)}}, "no command range for vy, wz"),
        (
            {"command_range": {"vx": (1.0, -1.0), "vy": (0.0, 0.0), "wz": (0.0, 0.0)}},
            "the range of vx is [1, -1]; it must include 0",
        ),
        ({"command_range": {"vx": (0.3, 1.2), "vy": (0.0, 0.0), "wz": (0.0, 0.0)}}, "walk at zero command"),
        ({"command_range": {"vx": (0.0, 1.2), "vy": (0.0, 0.0), "wz": (-2.0, -0.1)}}, "the range of wz is [-2, -0.1]"),
        ({"max_lateral_acceleration": 0.0}, "max_lateral_acceleration is 0.0"),
    ],
)
def test_every_mismatch_is_named(change: Dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError, match=r"Train a policy for this body with '\./xdog train gait'") as caught:
        check_contract(contract_for(ROBOT, **change), ROBOT, "gait.onnx")
    assert problem in str(caught.value)


def without(name: str) -> Callable[[Dict[str, Any]], Any]:
    return lambda raw: raw.pop(name)


@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        (without("kp"), "'kp'"),
        (without("trot"), "'trot'"),
        (without("name"), "'name'"),
        (lambda raw: raw.update(kp=3), "not iterable"),
        (lambda raw: raw.update(kd=["a"] * 12), "could not convert"),
        (lambda raw: raw.update(period=None), "NoneType"),
        (lambda raw: raw.update(period=math.nan), "nan is not a finite number"),
        (lambda raw: raw["trot"].update(base=math.inf), "trot: base is inf; it must be a number above 0"),
        (lambda raw: raw["trot"].update(max_speed=-1.0), "trot: max_speed is -1.0; it must be a number above 0"),
        (lambda raw: raw.update(trot=[1.0]), "trot: the file is [1.0]; it must be a mapping"),
        (lambda raw: raw["terms"][0].update(scale=math.nan), "terms[0]: scale is nan; it must be a number"),
        (lambda raw: raw["terms"][0].update(history=-1), "terms[0]: history is -1; it must be a whole number"),
        (lambda raw: raw.update(command_range=None), "no attribute 'items'"),
        (lambda raw: raw["command_range"].update(vx=[0.0]), "unpack"),
        (lambda raw: raw["command_range"].update(vx=[math.nan, 1.0]), "nan is not a finite number"),
        (lambda raw: raw.update(terms=[{"name": "command"}]), "scale"),
        (lambda raw: raw.update(mood="good"), "unknown entries in its contract: mood"),
        (lambda raw: raw.update(version=7), "has contract version 7, this XDog reads 1"),
    ],
)
def test_every_malformed_contract_is_refused(corrupt: Callable[[Dict[str, Any]], Any], message: str) -> None:
    raw = json.loads(contract_for(ROBOT).to_metadata()[METADATA_KEY])
    corrupt(raw)
    with pytest.raises(ContractError, match=r"gait\.onnx.*'./xdog train gait'") as caught:
        contract_from_metadata({METADATA_KEY: json.dumps(raw)}, "gait.onnx")
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null"])
def test_metadata_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ContractError, match="its contract is malformed"):
        contract_from_metadata({METADATA_KEY: text}, "gait.onnx")
