"""Contracts and the description: what fits is taken, everything else gives one clear message."""

import copy
import json
import math
from typing import Any, Callable, Dict

import numpy as np
import pytest
from policy_files import contract_for

from xdog.core.config_file import read
from xdog.core.contract import ContractError
from xdog.core.description import DescriptionError, hash_urdf, load_description, parse_description
from xdog.core.paths import share_path
from xdog.locomotion.contract import METADATA_KEY, check_contract, contract_from_metadata, contract_problems
from xdog.locomotion.observation import Term

ROBOT = load_description()
CONFIG = read(share_path("launch", "config", "robot.yaml"))


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
    ("spoil", "message"),
    [
        (without("kp"), "'kp'"),
        (without("trot"), "'trot'"),
        (without("name"), "'name'"),
        (lambda raw: raw.update(kp=3), "not iterable"),
        (lambda raw: raw.update(kd=["a"] * 12), "could not convert"),
        (lambda raw: raw.update(period=None), "NoneType"),
        (lambda raw: raw.update(period=math.nan), "nan is not a finite number"),
        (lambda raw: raw["trot"].update(base=math.inf), "inf is not a finite number"),
        (lambda raw: raw["command_range"].update(vx=[0.0]), "unpack"),
        (lambda raw: raw["command_range"].update(vx=[math.nan, 1.0]), "nan is not a finite number"),
        (lambda raw: raw.update(terms=[{"name": "command"}]), "scale"),
        (lambda raw: raw.update(mood="good"), "unknown entries in its contract: mood"),
        (lambda raw: raw.update(version=7), "has contract version 7, this XDog reads 1"),
    ],
)
def test_every_malformed_contract_is_refused(spoil: Callable[[Dict[str, Any]], Any], message: str) -> None:
    raw = json.loads(contract_for(ROBOT).to_metadata()[METADATA_KEY])
    spoil(raw)
    with pytest.raises(ContractError, match=r"gait\.onnx.*'./xdog train gait'") as caught:
        contract_from_metadata({METADATA_KEY: json.dumps(raw)}, "gait.onnx")
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null"])
def test_metadata_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ContractError, match="its contract is malformed"):
        contract_from_metadata({METADATA_KEY: text}, "gait.onnx")


# The description.


def test_joints_are_found_by_name() -> None:
    names = ["other", *reversed(ROBOT.legs.names)]
    assert ROBOT.legs.indices(names).tolist() == list(range(12, 0, -1))
    with pytest.raises(DescriptionError, match="joints missing: front_right_abad_joint"):
        ROBOT.legs.indices(ROBOT.legs.names[1:])


def test_the_hash_is_the_bodys_and_not_its_looks() -> None:
    assert hash_urdf(ROBOT.urdf.replace("<visual>", "<!-- seen --><visual>")) == ROBOT.urdf_hash
    assert hash_urdf(ROBOT.urdf.replace('radius="0.0205"', 'radius="0.0210"', 1)) != ROBOT.urdf_hash
    assert hash_urdf(ROBOT.urdf.replace('lower="0.436"', 'lower="0.5"', 1)) != ROBOT.urdf_hash


def spoiled(spoil: Callable[[Dict[str, Any]], Any]) -> Dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    spoil(config)
    return config


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: c["legs"]["joints"].append("tail"), "joints that the URDF lacks: tail"),
        (lambda c: c["legs"]["joints"].__setitem__(0, c["legs"]["joints"][1]), "a joint is listed twice"),
        (lambda c: c["legs"]["poses"]["stand"].pop(), "pose stand has 11 values for 12 joints"),
        (lambda c: c["legs"]["poses"]["stand"].__setitem__(0, 5.0), "pose stand lies outside"),
        (lambda c: c["legs"]["feet"].append("hoof"), "feet that the URDF lacks: hoof"),
    ],
)
def test_a_robot_yaml_that_does_not_fit_the_urdf_is_refused(
    spoil: Callable[[Dict[str, Any]], Any], message: str
) -> None:
    with pytest.raises(DescriptionError) as caught:
        parse_description(ROBOT.urdf, spoiled(spoil), "robot.yaml")
    assert message in str(caught.value)
    assert "robot.yaml" in str(caught.value)


def test_a_malformed_urdf_is_refused() -> None:
    with pytest.raises(DescriptionError, match="not well-formed XML"):
        parse_description("<robot", CONFIG)
    with pytest.raises(DescriptionError, match="could not convert"):
        parse_description(ROBOT.urdf.replace('lower="-1.134"', 'lower="low"'), CONFIG)


def test_the_mass_is_the_sum_of_the_links() -> None:
    assert pytest.approx(np.sum(list(ROBOT.link_mass.values()))) == ROBOT.mass
    assert 7.0 < ROBOT.mass < 8.0
