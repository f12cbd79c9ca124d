"""The scene of a recorded demonstration: the one that was drawn, or one from the recorded features."""

from typing import Any, Dict

import numpy as np
import pytest
from demonstrations import make_episode

from xdog_learning.dataset import DatasetError
from xdog_learning.grasp.expert import attempt
from xdog_learning.grasp.replay_scene import find_scenario, run, scenario_as_seen
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.grasp.scene import GraspScene

VERSION = {"commit": "abc", "grasp_yaml": "123"}


def test_a_replay_reproduces_the_episode() -> None:
    sampler = ScenarioSampler()
    number, episode = next(
        (number, result.episode)
        for number in range(30)
        if (result := attempt(sampler.draw(number, 1), number, images=False, disturbed=False)).episode is not None
    )
    recording = {"sources": [{"by": "expert", "seed": 1, "tried": number + 1, "kept": [[0, number]]}]}
    scenario, seed, why = find_scenario(recording, 0, episode, sampler)
    assert not why
    scene = GraspScene(scenario, sampler, seed)
    measured = run(episode, scene, lambda: None)
    assert scene.judge.success
    np.testing.assert_allclose(measured, episode.state, atol=1e-3)


@pytest.mark.parametrize("images", [False, True])
def test_a_scenario_that_is_drawn_again_must_be_the_recorded_one(images: bool) -> None:
    sampler, number = ScenarioSampler(), 3
    scenario = sampler.draw(number, 1)
    start = (sampler.at_view_pose(scenario, number) if images else scenario).start
    perception = sampler.config.perception
    noise = np.random.default_rng(0)
    episode = make_episode(0, 4)
    for _ in range(4):
        episode.environment_state[:] = sampler.object_features(scenario)
        episode.environment_state[:, :3] += noise.normal(0.0, perception.position_error, 3)
        episode.environment_state[:, 3:5] += noise.normal(0.0, perception.size_error, 2)
        episode.state[:] = start
        found, seed, why = find_scenario(recording_of(number), 0, episode, sampler)
        assert (seed, why) == (number, "")
        np.testing.assert_array_equal(found.position, scenario.position)
        np.testing.assert_array_equal(found.start, start)
    another = number + 12  # the same kind of object on the same kind of support
    found, _, why = find_scenario(recording_of(another), 0, episode, sampler)
    assert why == (
        "Its scenario, drawn again, is not the recorded one, "
        "which was made with commit abc with sim/grasp_scenarios.yaml 123"
    )
    np.testing.assert_allclose(sampler.object_features(found)[:3], episode.environment_state[0, :3], atol=1e-6)
    episode.state[0, 0] += 0.2  # the object is there, but the arm starts elsewhere
    assert find_scenario(recording_of(number), 0, episode, sampler)[2]


def recording_of(attempt: int) -> Dict[str, Any]:
    """Of a dataset whose only episode is this attempt."""
    versions = [{"from": 0, **VERSION}]
    return {"sources": [{"by": "expert", "seed": 1, "tried": 99, "kept": [[0, attempt]], "versions": versions}]}


def test_an_unknown_scenario_is_taken_from_the_object_features() -> None:
    sampler = ScenarioSampler()
    for number in range(6):
        scenario = sampler.draw(number, 1)
        episode = make_episode(0, 4, task=f"pick up the {scenario.item.kind}")
        features = sampler.object_features(scenario)
        episode.environment_state[:] = features
        found = scenario_as_seen(episode, sampler)
        np.testing.assert_allclose(sampler.object_features(found), features, atol=1e-6)
        assert found.item.kind == scenario.item.kind
        assert found.surface >= 0.0
        assert find_scenario({}, 0, episode, sampler)[2] == "Its scenario was not recorded"


@pytest.mark.parametrize("entry", [3, 4])
def test_features_of_no_object_are_refused(entry: int) -> None:
    episode = make_episode(0, 4)
    episode.environment_state[:] = np.abs(episode.environment_state)
    episode.environment_state[0, entry] = 0.0
    with pytest.raises(DatasetError, match=r"object is .* there is nothing to simulate\. With --robot"):
        scenario_as_seen(episode, ScenarioSampler())
