"""Writing a trained grasp network as a policy file with its contract."""

from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

import torch
from torch import Tensor

from xdog.core.contract import ContractError
from xdog.core.description import RobotDescription
from xdog.grasp.contract import GraspContract, grasp_contract_problems
from xdog_learning.export import export_policy
from xdog_learning.grasp.act import JOINTS
from xdog_learning.grasp.settings import PolicySettings
from xdog_learning.grasp.trainer import Network
from xdog_sim.grasp.config import load_grasp_scenarios


def make_grasp_contract(
    name: str,
    robot: RobotDescription,
    settings: PolicySettings,
    chunk: int,
    image: Optional[Tuple[int, int]],
    fps: int,
    commit: str = "unknown",
    dataset: Optional[Mapping[str, Any]] = None,
    scores: Optional[Mapping[str, Any]] = None,
) -> GraspContract:
    """The contract of a grasp policy trained with these settings on this body.

    Args:
        name: of the policy.
        robot: its body.
        settings: object features and how much of a chunk is executed.
        chunk: actions that the network predicts.
        image: (height, width) px that it sees, or None.
        fps: policy periods per second.
        commit: of the training.
        dataset: summary of the demonstrations.
        scores: measured in training.

    Raises:
        ContractError: the robot would refuse such a policy; lists every reason.
    """
    contract = GraspContract(
        name=name,
        joints=robot.arm.names,
        token=settings.token,
        image=image,
        camera=None if image is None else robot.frames["wrist_camera"],
        period=1.0 / fps,
        chunk=chunk,
        execute=min(settings.execute, chunk),
        lower=tuple(float(angle) for angle in robot.arm.lower),
        upper=tuple(float(angle) for angle in robot.arm.upper),
        urdf_hash=robot.urdf_hash,
        commit=commit,
        dataset=dataset or {},
        scores=scores or {},
        conditions=load_grasp_scenarios().conditions(by_image=image is not None),
    )
    problems = grasp_contract_problems(contract, robot)
    if problems:
        raise ContractError(f"the robot would refuse a policy of these settings and data: {'; '.join(problems)}")
    return contract


def export_grasp(network: Network, contract: GraspContract, path: Path) -> None:
    """Write the network with its statistics: ``joints``, ``token`` and, if it has one, ``image`` -> ``action``."""
    inputs: Dict[str, Tensor] = {"joints": torch.zeros(1, JOINTS), "token": torch.zeros(1, len(contract.token))}
    if contract.image is not None:
        inputs["image"] = torch.zeros(1, *contract.image, 3, dtype=torch.uint8)
    export_policy(network, inputs, contract.to_metadata(), path)
