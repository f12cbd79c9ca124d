"""A gait that the robot would refuse is refused before it is trained."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simulated_robots import CONFIG

from xdog.core.contract import ContractError
from xdog.core.description import load_description
from xdog.locomotion.contract import contract_problems
from xdog_learning.gait.contract import make_gait_contract

ROBOT = load_description()


def test_the_shipped_settings_fit() -> None:
    contract = make_gait_contract(ROBOT, CONFIG, {"minutes": 1.5}, "abc")
    assert contract_problems(contract, ROBOT) == []
    assert (contract.scores, contract.commit) == ({"minutes": 1.5}, "abc")


@pytest.mark.parametrize(
    ("control", "problem"),
    [
        ({"period": 0.04}, "its period is 0.04 s, the control loop's is 0.02 s"),
        ({"period": 0.022}, "its period is 0.022 s, the control loop's is 0.02 s"),
        ({"kp": 80.0}, "its gains exceed the robot's limits kp 60.0, kd 2.0"),
    ],
)
def test_settings_that_the_robot_would_refuse_are_named_with_their_file(control: Any, problem: str) -> None:
    # As replace() builds it, the step of the physics need not fit the period.
    physics = replace(CONFIG.physics, train_timestep=0.002, evaluate_timestep=0.002)
    config = replace(CONFIG, control=replace(CONFIG.control, **control), physics=physics)
    with pytest.raises(ContractError) as caught:
        make_gait_contract(ROBOT, config, settings=Path("my.yaml"))
    assert str(caught.value) == f"my.yaml: the robot would refuse a gait of these settings: {problem}"
