"""The simulation of a grasp: reproducible, at rest at the start, with the noise that is asked for."""

from dataclasses import replace

import numpy as np
import pytest

from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.grasp.scene import GraspScene, nominal_noise

SAMPLER = ScenarioSampler()
CONFIG = SAMPLER.config


def test_a_scene_is_reproducible_and_starts_at_rest() -> None:
    scenario = SAMPLER.draw(2, 1)
    ends = []
    for _ in range(2):
        scene = GraspScene(scenario, SAMPLER, seed=4)
        for _ in range(5):
            scene.step(scenario.start)
        ends.append((scene.observe().joints, scene.observe().object_features, scene.data.qpos.copy()))
    assert all(np.array_equal(first, second) for first, second in zip(*ends))
    assert scene.time == pytest.approx(5 * CONFIG.policy_period)
    assert scene.data.body("object").xpos == pytest.approx(scenario.position, abs=1e-3)
    assert scene.observe().joints == pytest.approx(scenario.start, abs=0.02)


def test_noise_delays_and_displaces_observations() -> None:
    scenario = SAMPLER.draw(2, 1)
    noise = replace(nominal_noise(SAMPLER), delay=0.06, position_error=0.02)
    scene = GraspScene(scenario, SAMPLER, seed=4, noise=noise)
    for _ in range(5):
        scene.step(scenario.start + 0.2)
    assert scene.observe().stamp == pytest.approx(scene.time - 0.06)
    assert np.linalg.norm(scene.observe().object_features[:3] - SAMPLER.object_features(scenario)[:3]) > 0.005


def test_invalid_actions_are_refused() -> None:
    scene = GraspScene(SAMPLER.draw(2, 1), SAMPLER)
    for action in (np.zeros(5), np.full(6, np.nan)):
        with pytest.raises(ValueError, match="six finite angles"):
            scene.step(action)


def test_without_noise_the_observation_is_the_truth() -> None:
    scenario = SAMPLER.draw(2, 1)
    silent = replace(nominal_noise(SAMPLER), position_error=0.0, jitter=0.0, size_error=0.0)
    observed = GraspScene(scenario, SAMPLER, noise=silent).observe()
    assert observed.object_features == pytest.approx(SAMPLER.object_features(scenario), abs=1e-6)


def test_targets_are_clipped_to_the_joint_limits() -> None:
    scenario, arm = SAMPLER.draw(2, 1), SAMPLER.robot.arm
    ends = []
    for target in (scenario.start + 100.0, np.clip(scenario.start + 100.0, arm.lower, arm.upper)):
        scene = GraspScene(scenario, SAMPLER)
        scene.step(target)
        ends.append(scene.data.qpos.copy())
    assert np.array_equal(*ends)


def test_rendering_needs_visuals() -> None:
    with pytest.raises(RuntimeError, match="visuals=True"):
        GraspScene(SAMPLER.draw(2, 1), SAMPLER).render()
