"""Contracts of grasp policies: what fits is taken, everything else gives one clear message."""

import json
import math
from dataclasses import replace
from typing import Any, Callable, Dict

import pytest
from grasp_policy_files import grasp_contract_for

from xdog.core.contract import ContractError
from xdog.core.description import load_description
from xdog.core.onnx_session import open_session
from xdog.core.paths import share_path
from xdog.grasp.conditions import ViewPoses
from xdog.grasp.contract import METADATA_KEY, check_grasp_contract, grasp_contract_from_metadata
from xdog_sim.grasp.config import load_grasp_scenarios

ROBOT = load_description()
STATE, IMAGE = (load_grasp_scenarios().conditions(by_image) for by_image in (False, True))
CAMERA = {"image": (96, 128), "camera": "wrist_camera_link"}


def test_a_contract_survives_its_file() -> None:
    contract = grasp_contract_for(ROBOT, image=(96, 128), camera="wrist_camera_link", scores={"minutes": 3.0})
    assert grasp_contract_from_metadata(contract.to_metadata(), "grasp.onnx") == contract
    check_grasp_contract(contract, ROBOT, "grasp.onnx")


def test_a_file_of_version_1_is_read_and_does_not_say_in_which_conditions_it_learned() -> None:
    raw = json.loads(grasp_contract_for(ROBOT).to_metadata()[METADATA_KEY])
    del raw["conditions"]
    raw["version"] = 1
    contract = grasp_contract_from_metadata({METADATA_KEY: json.dumps(raw)}, "old.onnx")
    assert contract.conditions is None
    check_grasp_contract(contract, ROBOT, "old.onnx")
    assert grasp_contract_from_metadata(contract.to_metadata(), "old.onnx") == contract


@pytest.mark.parametrize("name", ["grasp_state", "grasp_image", "grasp_mlp"])
def test_shipped_policies_have_learned_in_the_scenarios_of_the_simulation(name: str) -> None:
    metadata = open_session(share_path("policies", f"{name}.onnx"), "").get_modelmeta().custom_metadata_map
    contract = grasp_contract_from_metadata(metadata, name)
    check_grasp_contract(contract, ROBOT, name)
    assert contract.conditions == (STATE if contract.image is None else IMAGE)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"joints": ROBOT.arm.names[::-1]}, "the same joints in another order: gripper"),
        ({"joints": ROBOT.legs.names[:6]}, "trained on other joints: front_right_abad_joint"),
        ({"urdf_hash": "0"}, "trained on URDF 0, urdf/xdog.urdf is"),
        ({"token": ("centre_x", "smell")}, "unknown object features: smell"),
        ({"image": (96, 128)}, "do not fit together"),
        (
            {"image": (96, 128), "camera": "tail_link"},
            "it looks through tail_link, this arm's camera is wrist_camera_link",
        ),
        ({"period": 0.03}, "its period is 0.03 s, no multiple of"),
        ({"period": 0.0}, "its period is 0 s"),
        ({"execute": 5}, "it executes 5 of the 4 actions"),
        ({"lower": (0.0,)}, "its action limits are not 6 ranges"),
        ({"upper": (9.0,) * 6}, "its action limits exceed"),
        ({"conditions": IMAGE}, "it must say in which view poses it begins if it needs images, and only then"),
        ({**CAMERA, "conditions": STATE}, "it must say in which view poses it begins"),
        (
            {**CAMERA, "conditions": replace(IMAGE, view_poses=ViewPoses((9.0,) * 5, (0.0,) * 5, 0.0))},
            "view poses exceed",
        ),
    ],
)
def test_every_mismatch_is_named(change: Dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError, match=r"p\.onnx does not fit this robot.*'\./xdog train grasp") as caught:
        check_grasp_contract(grasp_contract_for(ROBOT, **change), ROBOT, "p.onnx")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda raw: raw.pop("chunk"), "chunk"),
        (lambda raw: raw.update(lower=3), "not iterable"),
        (lambda raw: raw.update(period=math.nan), "nan is not a finite number"),
        (lambda raw: raw.update(image=[1]), "unpack"),
        (lambda raw: raw.update(mood="good"), "unknown entries in its contract: mood"),
        (lambda raw: raw.update(version=7), "has contract version 7, this XDog reads 1 and 2"),
        (lambda raw: raw["conditions"].pop("start_noise"), "conditions: start_noise is missing"),
        (
            lambda raw: raw["conditions"].update(start_noise=math.nan),
            "start_noise is nan; it must be a number of 0 or above",
        ),
        (lambda raw: raw["conditions"]["workspace"].update(supports={}), "workspace.supports is {}"),
        (lambda raw: raw["conditions"]["workspace"].update(radius=[0.4, 0.1]), "workspace.radius is [0.4, 0.1]"),
    ],
)
def test_every_malformed_contract_is_refused(spoil: Callable[[Dict[str, Any]], Any], message: str) -> None:
    raw = json.loads(grasp_contract_for(ROBOT).to_metadata()[METADATA_KEY])
    spoil(raw)
    with pytest.raises(ContractError, match=r"grasp\.onnx.*'./xdog train grasp") as caught:
        grasp_contract_from_metadata({METADATA_KEY: json.dumps(raw)}, "grasp.onnx")
    assert message in str(caught.value)
