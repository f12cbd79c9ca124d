"""A grasp policy file's contract: what its runner must honour, stored in the ONNX metadata and checked at load."""

import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np

from xdog.core.config_file import parse
from xdog.core.contract import ContractError, body_problems, finite, read_entries
from xdog.core.description import RobotDescription
from xdog.grasp.conditions import TrainingConditions
from xdog.grasp.observation import OBJECT_FEATURES

METADATA_KEY = "xdog_grasp_contract"
CONTRACT_VERSION = 2
READABLE_VERSIONS = (1, 2)
"""Version 1 has no conditions."""


@dataclass(frozen=True)
class GraspContract:
    """What a grasp policy was trained for. Statistics of observations and actions are inside the network.

    Attributes:
        name: the policy's name, for example "grasp_state".
        joints: joint names in the order of observations and actions.
        token: the object features (`xdog.grasp.observation`) that it sees, in order.
        image: (height, width) px of the camera image that it sees, or None.
        camera: link of the camera that it looks through, or None.
        period: s between two actions.
        chunk: actions that it predicts at once.
        execute: how many of them are carried out before it is asked again.
        lower, upper: rad, per joint, between which its actions are kept.
        urdf_hash: of the body it was trained on (xdog.core.body.Body.hash).
        commit: repository commit of the training.
        dataset: what it learned from: demonstrations, frames and where they came from.
        scores: what training itself measured, by name. The policy's card has the evaluation's scores.
        conditions: in which it was trained; None in files of version 1, which do not say.
        version: of this layout.
    """

    name: str
    joints: Tuple[str, ...]
    token: Tuple[str, ...]
    image: Optional[Tuple[int, int]]
    camera: Optional[str]
    period: float
    chunk: int
    execute: int
    lower: Tuple[float, ...]
    upper: Tuple[float, ...]
    urdf_hash: str
    commit: str
    dataset: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    conditions: Optional[TrainingConditions] = None
    version: int = CONTRACT_VERSION

    def to_metadata(self) -> Dict[str, str]:
        """The contract as ONNX metadata."""
        return {METADATA_KEY: json.dumps(asdict(self), sort_keys=True)}


def grasp_contract_from_metadata(metadata: Mapping[str, str], where: str) -> GraspContract:
    """Read the contract from ONNX metadata; ``where`` names the file in messages.

    Raises:
        ContractError: no contract, a malformed one, or another version.
    """
    retrain = "export it with './xdog train grasp' (XDog's exporter writes the contract)"
    known = [entry.name for entry in fields(GraspContract)]
    raw = read_entries(metadata, METADATA_KEY, READABLE_VERSIONS, known, where, retrain)
    try:
        for name in ("joints", "token"):
            raw[name] = tuple(str(entry) for entry in raw[name])
        for name in ("lower", "upper"):
            raw[name] = tuple(finite(value) for value in raw[name])
        raw["period"] = finite(raw["period"])
        for name in ("chunk", "execute"):
            raw[name] = int(raw[name])
        if raw["image"] is not None:
            height, width = raw["image"]
            raw["image"] = (int(height), int(width))
        if raw.get("conditions") is not None:
            raw["conditions"] = parse(TrainingConditions, raw["conditions"], "conditions")
        return GraspContract(**raw)
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"{where}: its contract is malformed ({error}): {retrain}") from error


def period_problem(period: float, robot: RobotDescription) -> str:
    """What is wrong with a time between two actions, s; empty if it is a multiple of the control period."""
    steps = period * robot.rates["control"]
    if round(steps) >= 1 and math.isclose(steps, round(steps), abs_tol=1e-6):
        return ""
    return f"period is {period:g} s, no multiple of the control loop's {1 / robot.rates['control']:g} s"


def grasp_contract_problems(contract: GraspContract, robot: RobotDescription) -> List[str]:
    """Everything about a contract that this robot does not fulfil, one sentence each; empty when it fits."""
    problems = body_problems(contract.joints, robot.arm, contract.urdf_hash, robot)
    unknown = [name for name in contract.token if name not in OBJECT_FEATURES]
    if unknown:
        problems.append(f"unknown object features: {', '.join(unknown)}")
    if (contract.image is None) != (contract.camera is None) or (contract.image and min(contract.image) < 1):
        problems.append(f"its image {contract.image} and its camera {contract.camera} do not fit together")
    if contract.camera not in (None, robot.frames["wrist_camera"]):
        problems.append(f"it looks through {contract.camera}, this arm's camera is {robot.frames['wrist_camera']}")
    problem = period_problem(contract.period, robot)
    if problem:
        problems.append(f"its {problem}")
    if not 1 <= contract.execute <= contract.chunk:
        problems.append(f"it executes {contract.execute} of the {contract.chunk} actions of a chunk")
    lower, upper = np.array(contract.lower), np.array(contract.upper)
    if lower.shape != robot.arm.lower.shape or upper.shape != lower.shape or np.any(lower > upper):
        problems.append(f"its action limits are not {len(robot.arm.names)} ranges")
    elif np.any(lower < robot.arm.lower - 1e-6) or np.any(upper > robot.arm.upper + 1e-6):
        problems.append("its action limits exceed the joints' limits")
    return problems + _condition_problems(contract, robot)


def _condition_problems(contract: GraspContract, robot: RobotDescription) -> List[str]:
    """What the training's conditions leave open or ask of this robot that it cannot do."""
    conditions = contract.conditions
    if conditions is None:
        return []
    views = conditions.view_poses
    if (views is None) != (contract.image is None):
        return ["it must say in which view poses it begins if it needs images, and only then"]
    poses = [] if views is None else [np.array(views.low), np.array(views.high)]
    if any(np.any(pose < robot.arm.lower[:5]) or np.any(pose > robot.arm.upper[:5]) for pose in poses):
        return ["its view poses exceed the joints' limits"]
    return []


def check_grasp_contract(contract: GraspContract, robot: RobotDescription, where: str) -> None:
    """Refuse a policy that does not fit the robot.

    Raises:
        ContractError: with every mismatch and what to do.
    """
    problems = grasp_contract_problems(contract, robot)
    if problems:
        raise ContractError(
            f"{where} does not fit this robot: " + "; ".join(problems) + ". Train a policy for this body with "
            "'./xdog train grasp', or name the file of one that fits."
        )
