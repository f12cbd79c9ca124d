"""A recorded demonstration is found again in simulation: the scene that was drawn, or one like what was seen."""

from typing import Any, Dict

import numpy as np
import pytest
from demonstrations import make_episode

from xdog_learning.grasp.expert import attempt
from xdog_learning.grasp.replay_scene import find_placement, run, seen_placement
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.grasp.scene import GraspScene

VERSION = {"commit": "abc", "grasp_yaml": "123"}


def test_a_replay_does_the_same_again() -> None:
    placer = ScenarioSampler()
    number, episode = next(
        (number, result.episode)
        for number in range(30)
        if (result := attempt(placer.draw(number, 1), number, images=False, disturbed=False)).episode is not None
    )
    recording = {"sources": [{"by": "expert", "seed": 1, "tried": number + 1, "kept": [[0, number]]}]}
    placement, seed, why = find_placement(recording, 0, episode, placer)
    assert not why
    scene = GraspScene(placement, placer, seed)
    measured = run(episode, scene, lambda: None)
    assert scene.judge.success
    np.testing.assert_allclose(measured, episode.state, atol=1e-3)


@pytest.mark.parametrize("images", [False, True])
def test_a_placement_that_is_drawn_again_must_be_the_recorded_one(images: bool) -> None:
    placer, number = ScenarioSampler(), 3
    placement = placer.draw(number, 1)
    start = (placer.at_view_pose(placement, number) if images else placement).start
    perception = placer.config.perception
    noise = np.random.default_rng(0)
    episode = make_episode(0, 4)
    for _ in range(4):
        episode.environment_state[:] = placer.object_features(placement)
        episode.environment_state[:, :3] += noise.normal(0.0, perception.position_error, 3)
        episode.environment_state[:, 3:5] += noise.normal(0.0, perception.size_error, 2)
        episode.state[:] = start
        found, seed, why = find_placement(recording_of(number), 0, episode, placer)
        assert (seed, why) == (number, "")
        np.testing.assert_array_equal(found.position, placement.position)
        np.testing.assert_array_equal(found.start, start)
    another = number + 12  # the same kind of object on the same kind of support
    found, _, why = find_placement(recording_of(another), 0, episode, placer)
    assert why == (
        "Its placement, drawn again, is not the recorded one, "
        "which was made by commit abc with sim/grasp_scenarios.yaml 123"
    )
    np.testing.assert_allclose(placer.object_features(found)[:3], episode.environment_state[0, :3], atol=1e-6)
    episode.state[0, 0] += 0.2  # the object is there, but the arm starts elsewhere
    assert find_placement(recording_of(number), 0, episode, placer)[2]


def recording_of(attempt: int) -> Dict[str, Any]:
    """Of a dataset whose only episode is this attempt."""
    versions = [{"from": 0, **VERSION}]
    return {"sources": [{"by": "expert", "seed": 1, "tried": 99, "kept": [[0, attempt]], "versions": versions}]}


def test_an_unknown_placement_is_taken_from_the_token() -> None:
    placer = ScenarioSampler()
    for number in range(6):
        placement = placer.draw(number, 1)
        episode = make_episode(0, 4, task=f"pick up the {placement.item.kind}")
        token = placer.object_features(placement)
        episode.environment_state[:] = token
        found = seen_placement(episode, placer)
        np.testing.assert_allclose(placer.object_features(found), token, atol=1e-6)
        assert found.item.kind == placement.item.kind
        assert found.surface >= 0.0
        assert find_placement({}, 0, episode, placer)[2] == "Its placement was not recorded"
