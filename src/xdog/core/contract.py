"""What every kind of policy contract shares: reading it from ONNX metadata and comparing its body with the robot's."""

import json
import math
from typing import Any, Dict, Iterable, List, Mapping, Sequence

from xdog.core.description import JointGroup, RobotDescription

EARLIER_HASHES = {"6664695f2a2f1eb2": "20b6e0e96e270f84"}
"""Bodies' hashes as policies carry them that were exported when frames, names and spelling still counted, and the same
bodies' hashes since they don't (`xdog.core.body.Body.hash`). The first is the body of all shipped policies."""


class ContractError(ValueError):
    """A policy file has no contract, a malformed one, or one that does not fit this robot."""


def finite(value: Any) -> float:
    """The value as a number; a file may contain text, nothing, NaN or infinity instead."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


def read_entries(
    metadata: Mapping[str, str], key: str, versions: Sequence[int], known: Iterable[str], where: str, retrain: str
) -> Dict[str, Any]:
    """The entries of a contract of any kind, from a policy file's metadata.

    Args:
        metadata: of the ONNX file.
        key: of the contract in the metadata.
        versions: that this XDog reads.
        known: names of the entries that a contract may have.
        where: the file, for messages.
        retrain: the remedy, for messages.

    Raises:
        ContractError: no contract, one that is not a JSON mapping, another version, or unknown entries.
    """
    if key not in metadata:
        raise ContractError(f"{where} carries no XDog contract ('{key}' in its metadata): {retrain}")
    try:
        raw: Dict[str, Any] = json.loads(metadata[key])
        if raw["version"] not in versions:
            read = " and ".join(map(str, versions))
            raise ContractError(f"{where} has contract version {raw['version']}, this XDog reads {read}: {retrain}")
        unknown = set(raw) - set(known)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, ContractError):
            raise
        raise ContractError(f"{where}: its contract is malformed ({error}): {retrain}") from error
    if unknown:
        raise ContractError(f"{where}: unknown entries in its contract: {', '.join(sorted(unknown))}: {retrain}")
    return raw


def body_problems(joints: Sequence[str], group: JointGroup, urdf_hash: str, robot: RobotDescription) -> List[str]:
    """How a policy's body differs from this robot: its ``joints`` must be the ``group``'s, its URDF the robot's."""
    problems = []
    if tuple(joints) != group.names:
        same = sorted(joints) == sorted(group.names)
        detail = "the same joints in another order" if same else "other joints"
        problems.append(f"it was trained on {detail}: {', '.join(joints)}; this robot has {', '.join(group.names)}")
    if EARLIER_HASHES.get(urdf_hash, urdf_hash) != robot.urdf_hash:
        difference = "other masses, collision shapes or joints"
        problems.append(f"it was trained on URDF {urdf_hash}, urdf/xdog.urdf is {robot.urdf_hash} ({difference})")
    return problems
