"""Collision check of arm poses: free in the air, not in the dog, its legs, the support or the object."""

from dataclasses import replace
from typing import List

import numpy as np
import pytest

from xdog_sim.grasp.clearance import Clearance
from xdog_sim.grasp.objects import SUPPORT
from xdog_sim.grasp.scenario import GraspScenario, ScenarioSampler

SAMPLER = ScenarioSampler()
ROBOT = SAMPLER.robot
TABLE = SAMPLER.draw(5, 1)
"""A cube on a table."""


def check(scenario: GraspScenario) -> Clearance:
    return Clearance(SAMPLER.spec(scenario, visuals=False).compile(), ROBOT, margin=0.0)


CLEARANCE = check(TABLE)


def test_named_poses_of_the_arm_are_free() -> None:
    for name, pose in ROBOT.arm.poses.items():
        assert CLEARANCE.free(pose, with_object=True), name


@pytest.mark.parametrize(
    "pose",
    [
        pytest.param([1.57, 1.70, 0.0, 0.0, 0.0, 0.0], id="legs"),
        pytest.param([1.32, -0.26, 1.62, 1.57, 0.07, 1.27], id="trunk"),
        pytest.param([0.21, 1.74, -0.96, -0.18, -2.44, 1.38], id="support"),
    ],
)
def test_an_arm_that_touches_the_dog_or_the_support_is_not_free(pose: List[float]) -> None:
    assert not CLEARANCE.free(np.array(pose), with_object=True)
    assert not CLEARANCE.free(np.array(pose), with_object=False)


def test_touching_the_object_is_allowed_on_request() -> None:
    path = SAMPLER.path(TABLE, SAMPLER.object_features(TABLE))
    assert path is not None
    closed = np.append(path.approach.at, 0.0)  # with closed jaws the fingers are inside the object
    assert not CLEARANCE.free(closed, with_object=True)
    assert CLEARANCE.free(closed, with_object=False)


def test_the_given_model_is_left_alone() -> None:
    model = SAMPLER.spec(TABLE, visuals=False).compile()
    before = model.geom_margin.copy(), model.geom_contype.copy(), model.geom_conaffinity.copy()
    Clearance(model, ROBOT, margin=0.05)
    assert all(map(np.array_equal, before, (model.geom_margin, model.geom_contype, model.geom_conaffinity)))


def test_a_support_that_stands_in_the_dog_is_found() -> None:
    assert not CLEARANCE.support_hits_dog(SUPPORT)
    assert check(replace(TABLE, edge=0.0)).support_hits_dog(SUPPORT)
    ground = SAMPLER.draw(0, 1)
    assert ground.support == "ground"
    assert not check(ground).support_hits_dog(SUPPORT)
