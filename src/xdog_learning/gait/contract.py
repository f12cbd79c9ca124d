"""The contract of a gait that is trained with given settings: made, and checked against the robot, before training."""

from pathlib import Path
from typing import Any, Mapping, Optional

from xdog.core.contract import ContractError
from xdog.core.description import RobotDescription
from xdog.core.paths import share_path
from xdog.locomotion.contract import PolicyContract, contract_problems
from xdog_sim.tasks.gait_config import GaitConfig


def make_gait_contract(
    robot: RobotDescription,
    config: GaitConfig,
    scores: Optional[Mapping[str, Any]] = None,
    commit: str = "unknown",
    settings: Optional[Path] = None,
) -> PolicyContract:
    """The contract of a gait trained with these settings on this body.

    Args:
        robot: the body.
        config: the settings.
        scores: what training measured, once it has.
        commit: of the training.
        settings: their file, for messages; policies/gait.yaml if not given.

    Raises:
        ContractError: the robot would refuse such a gait; with every reason.
    """
    count = len(robot.legs.names)
    contract = PolicyContract(
        name="gait",
        joints=robot.legs.names,
        default_position=tuple(float(angle) for angle in robot.legs.poses["stand"]),
        action_scale=(config.control.action_scale,) * count,
        kp=(config.control.kp,) * count,
        kd=(config.control.kd,) * count,
        period=config.control.period,
        terms=config.observation,
        trot=config.trot,
        command_range=config.command.ranges,
        max_lateral_acceleration=config.command.max_lateral_acceleration,
        urdf_hash=robot.urdf_hash,
        commit=commit,
        scores=scores or {},
    )
    problems = contract_problems(contract, robot)
    if problems:
        path = settings or share_path("policies", "gait.yaml")
        raise ContractError(f"{path}: the robot would refuse a gait of these settings: {'; '.join(problems)}")
    return contract
