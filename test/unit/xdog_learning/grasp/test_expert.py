"""The expert picks up every kind of object."""

import numpy as np
import pytest

from xdog_learning.grasp.expert import attempt
from xdog_sim.grasp.scenario import ScenarioSampler

SAMPLER = ScenarioSampler()


@pytest.mark.parametrize("index", [4, 5, 6, 7])  # ball, cube, bottle, cup on a table
def test_the_expert_picks_up_each_kind(index: int) -> None:
    done = attempt(SAMPLER.draw(index, 1), seed=index, images=False, disturbed=False)
    assert done.success, done.reason
    assert done.episode is not None
    assert len(done.episode) * SAMPLER.config.policy_period < 6.0
    still = (
        np.abs(np.diff(done.episode.action[: -round(1.5 / SAMPLER.config.policy_period)], axis=0)).max(axis=1) < 1e-4
    )
    assert not still.any(), "a demonstration that pauses teaches to pause"
