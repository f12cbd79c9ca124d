"""The contract of a gait: made and checked against the robot before training, compared with the settings for a test."""

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
        scores: measured in training, if it has run.
        commit: of the training.
        settings: their file, for messages; policies/gait.yaml if not given.

    Raises:
        ContractError: the robot would refuse such a gait; lists every reason.
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


def check_config_fits(contract: PolicyContract, config: GaitConfig) -> None:
    """Check that a policy is tested in the loop that it was trained for.

    Raises:
        ContractError: the observation, period, gains or action scale of the settings differ from the contract's.
    """
    differences = [
        name
        for name, here, there in (
            ("observation", config.observation, contract.terms),
            ("trot", config.trot, contract.trot),
            ("period", config.control.period, contract.period),
            ("kp", {config.control.kp}, set(contract.kp)),
            ("kd", {config.control.kd}, set(contract.kd)),
            ("action_scale", {config.control.action_scale}, set(contract.action_scale)),
        )
        if here != there
    ]
    if differences:
        raise ContractError(
            f"the settings differ from the policy's contract in: {', '.join(differences)}. Evaluate with those that "
            "it was trained with (--settings FILE), or train it again with './xdog train gait'."
        )
