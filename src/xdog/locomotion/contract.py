"""A gait policy file's contract: what its runner must respect, stored in the ONNX metadata and checked at load."""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from xdog.core.config_file import parse
from xdog.core.contract import ContractError, body_problems, finite, read_entries
from xdog.core.description import RobotDescription
from xdog.locomotion.gait import TrotSettings, command_range_problems
from xdog.locomotion.observation import TERMS, Term

METADATA_KEY = "xdog_contract"
CONTRACT_VERSION = 1


@dataclass(frozen=True)
class PolicyContract:
    """What a policy was trained for.

    Attributes:
        name: the policy's name, for example "gait".
        joints: joint names in the order of actions and observations.
        default_position: rad, per joint; observations count angles from here.
        action_scale: rad per unit of action, per joint, added to the reference trot's angles.
        kp, kd: actuator gains, Nm/rad and Nm s/rad, per joint.
        period: s between two inferences.
        terms: observation terms in order.
        trot: the reference that actions are added to.
        command_range: [low, high] of vx (m/s), vy (m/s) and wz (rad/s) that it was trained on.
        max_lateral_acceleration: m/s^2, of speed times yaw rate; faster turning is limited (xdog.locomotion.gait).
        urdf_hash: of the body it was trained on (xdog.core.body.Body.hash).
        commit: repository commit of the training.
        scores: measured during training, by name: minutes, steps, and with "check_" before them the scores of its
            short held-out check (m/s, rad/s, share). The policy's card has the evaluation's scores.
        version: of this layout.
    """

    name: str
    joints: Tuple[str, ...]
    default_position: Tuple[float, ...]
    action_scale: Tuple[float, ...]
    kp: Tuple[float, ...]
    kd: Tuple[float, ...]
    period: float
    terms: Tuple[Term, ...]
    trot: TrotSettings
    command_range: Mapping[str, Tuple[float, float]]
    max_lateral_acceleration: float
    urdf_hash: str
    commit: str
    scores: Mapping[str, Any] = field(default_factory=dict)
    version: int = CONTRACT_VERSION

    def to_metadata(self) -> Dict[str, str]:
        """The contract as ONNX metadata."""
        return {METADATA_KEY: json.dumps(asdict(self), sort_keys=True)}


def contract_from_metadata(metadata: Mapping[str, str], where: str) -> PolicyContract:
    """Read the contract from ONNX metadata; ``where`` names the file in messages.

    Raises:
        ContractError: no contract, a malformed one, or another version.
    """
    retrain = "export it with './xdog train gait' (XDog's exporter writes the contract)"
    known = [entry.name for entry in fields(PolicyContract)]
    raw = read_entries(metadata, METADATA_KEY, (CONTRACT_VERSION,), known, where, retrain)
    try:
        raw["joints"] = tuple(raw["joints"])
        for name in ("default_position", "action_scale", "kp", "kd"):
            raw[name] = tuple(finite(value) for value in raw[name])
        for name in ("period", "max_lateral_acceleration"):
            raw[name] = finite(raw[name])
        raw["terms"] = tuple(parse(Term, term, f"terms[{i}]") for i, term in enumerate(raw["terms"]))
        raw["trot"] = parse(TrotSettings, raw["trot"], "trot")
        raw["command_range"] = {name: (finite(low), finite(high)) for name, (low, high) in raw["command_range"].items()}
        return PolicyContract(**raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ContractError(f"{where}: its contract is malformed ({error}): {retrain}") from error


def contract_problems(contract: PolicyContract, robot: RobotDescription) -> List[str]:
    """Everything in a contract that does not fit this robot, one sentence each; empty if it fits."""
    problems = body_problems(contract.joints, robot.legs, contract.urdf_hash, robot)
    n = len(robot.legs.names)
    for name in ("default_position", "action_scale", "kp", "kd"):
        values = np.asarray(getattr(contract, name), dtype=float)
        if values.shape != (n,) or not np.all(np.isfinite(values)):
            problems.append(f"{name} is not {n} finite numbers")
    default = np.asarray(contract.default_position, dtype=float)
    if default.shape == (n,) and (np.any(default < robot.legs.lower) or np.any(default > robot.legs.upper)):
        problems.append("its default pose lies outside the joint limits")
    if default.shape == (n,) and np.max(np.abs(default - robot.legs.poses["stand"])) > 1e-6:
        problems.append("its default pose is not the stand pose of launch/config/robot.yaml, around which it steps")
    if np.any(np.asarray(contract.kp) > robot.max_kp) or np.any(np.asarray(contract.kd) > robot.max_kd):
        problems.append(f"its gains exceed the robot's limits kp {robot.max_kp}, kd {robot.max_kd}")
    if np.any(np.asarray(contract.kp) < 0.0) or np.any(np.asarray(contract.kd) < 0.0):
        problems.append("it has negative gains")
    control = 1.0 / robot.rates["control"]
    if abs(contract.period - control) > 1e-9:
        problems.append(f"its period is {contract.period} s, the control loop's is {control} s")
    unknown = sorted({term.name for term in contract.terms} - set(TERMS))
    if unknown:
        problems.append(f"unknown observation terms: {', '.join(unknown)}")
    missing = sorted({"vx", "vy", "wz"} - set(contract.command_range))
    if missing:
        problems.append(f"no command range for {', '.join(missing)}")
    problems += command_range_problems(contract.command_range)
    if contract.max_lateral_acceleration <= 0.0:
        problems.append(f"its max_lateral_acceleration is {contract.max_lateral_acceleration}, not above zero")
    return problems


def check_contract(contract: PolicyContract, robot: RobotDescription, where: str) -> None:
    """Refuse a policy that does not fit the robot.

    Raises:
        ContractError: with every mismatch and what to do.
    """
    problems = contract_problems(contract, robot)
    if problems:
        raise ContractError(
            f"{where} does not fit this robot: " + "; ".join(problems) + ". Train a policy for this body with "
            "'./xdog train gait', or launch with policy:=FILE of one that fits."
        )
