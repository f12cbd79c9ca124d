"""What all contracts share: reading them from metadata, and comparing their body with this robot's."""

import json
from typing import Any, Dict

import pytest
import yaml

from xdog.core.contract import EARLIER_HASHES, ContractError, body_problems, finite, read_entries
from xdog.core.description import RobotDescription, load_description, parse_description
from xdog.core.onnx_session import open_session
from xdog.core.paths import share_path

ROBOT = load_description()
CONFIG = yaml.safe_load(share_path("launch", "config", "robot.yaml").read_text())
KEYS = {"gait": "xdog_contract", "grasp_state": "xdog_grasp_contract", "grasp_image": "xdog_grasp_contract"}


def read(metadata: Dict[str, str]) -> Dict[str, Any]:
    return read_entries(metadata, "key", (1, 2), ("version", "name"), "file.onnx", "train it again")


def test_entries_are_read() -> None:
    assert read({"key": '{"version": 2, "name": "a"}', "other": "?"}) == {"version": 2, "name": "a"}


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, r"file\.onnx carries no XDog contract \('key' in its metadata\): train it again"),
        ({"key": "{"}, r"file\.onnx: its contract is malformed"),
        ({"key": "[]"}, "malformed"),
        ({"key": 100000 * "["}, "malformed"),
        ({"key": "{}"}, "malformed .'version'."),
        ({"key": '{"version": 3}'}, "has contract version 3, this XDog reads 1 and 2: train it again"),
        ({"key": '{"version": 2, "mood": 1}'}, "unknown entries in its contract: mood"),
    ],
)
def test_invalid_metadata_is_refused(metadata: Dict[str, str], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        read(metadata)


@pytest.mark.parametrize("value", [None, "a", float("nan"), float("inf")])
def test_only_finite_numbers_are_numbers(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        finite(value)
    assert finite("1.5") == 1.5


def robot_with(more: str) -> RobotDescription:
    return parse_description(ROBOT.urdf.replace("</robot>", f"{more}</robot>"), CONFIG)


def test_another_body_is_named() -> None:
    assert body_problems(ROBOT.arm.names, ROBOT.arm, ROBOT.urdf_hash, ROBOT) == []
    (text,) = body_problems(ROBOT.arm.names, ROBOT.arm, "0", ROBOT)
    assert text.startswith(f"it was trained on URDF 0, urdf/xdog.urdf is {ROBOT.urdf_hash}")
    (text,) = body_problems(ROBOT.arm.names[::-1], ROBOT.arm, ROBOT.urdf_hash, ROBOT)
    assert text.startswith("it was trained on the same joints in another order: gripper, wrist_roll")
    (text,) = body_problems(("a",), ROBOT.arm, ROBOT.urdf_hash, ROBOT)
    assert "trained on other joints: a; this robot has shoulder_pan" in text


@pytest.mark.parametrize("name", KEYS)
def test_shipped_policies_fit_the_body_whatever_frames_are_added_but_not_another_mass(name: str) -> None:
    metadata = open_session(share_path("policies", f"{name}.onnx"), "").get_modelmeta().custom_metadata_map
    stored = json.loads(metadata[KEYS[name]])["urdf_hash"]
    mount = (
        '<link name="lidar_mount">{}</link><joint name="lidar_joint" type="fixed"><parent link="base_link"/>'
        '<child link="lidar_mount"/><origin xyz="0.1 0 0.1"/></joint>'
    )
    heavy = mount.format('<inertial><mass value="0.2"/></inertial>')
    names = ROBOT.arm.names
    assert EARLIER_HASHES.get(stored, stored) == ROBOT.urdf_hash
    assert body_problems(names, ROBOT.arm, stored, robot_with(mount.format(""))) == []
    assert len(body_problems(names, ROBOT.arm, stored, robot_with(heavy))) == 1
