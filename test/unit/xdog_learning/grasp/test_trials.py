"""Attempts under every condition: noise, a policy that does nothing never counts, a camera out of place."""

import math
from dataclasses import fields
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
from grasp_policy_files import grasp_contract_for, write_grasp_policy

from xdog.core.description import load_description
from xdog.grasp.policy import GraspPolicy
from xdog_learning.grasp import trials
from xdog_learning.grasp.trials import CONDITIONS, EXPERT, NOISE_STRIDE, Condition, Trial, TrialOutcome, noise_seed
from xdog_sim.grasp.field_of_view import FieldOfView
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.grasp.scene import GraspScene, ObservationNoise, nominal_noise

ROBOT = load_description()
SAMPLER = ScenarioSampler()


def test_every_condition_has_its_own_name_and_is_worse_than_nominal() -> None:
    names = [condition.name for condition in CONDITIONS]
    assert len(set(names)) == len(names)
    known = {entry.name for entry in fields(ObservationNoise)}
    nominal = nominal_noise(SAMPLER)
    for condition in CONDITIONS:
        assert set(condition.noise) <= known
        for name, value in condition.noise.items():
            assert value > getattr(nominal, name)  # worse than nominal


def test_an_error_of_a_centimetre_is_one() -> None:
    condition = next(condition for condition in CONDITIONS if condition.name == "state_error_1cm")
    errors = np.random.default_rng(0).normal(0.0, condition.noise["position_error"], (20000, 3))
    assert math.sqrt((errors**2).sum(1).mean()) == pytest.approx(0.01, rel=0.02)


def test_doing_nothing_never_counts(tmp_path: Path) -> None:
    policy = GraspPolicy(write_grasp_policy(tmp_path / "still.onnx", grasp_contract_for(ROBOT)), ROBOT)
    seen: List[float] = []

    def watch(scene: GraspScene) -> None:
        seen.append(scene.time)

    outcome = trials.roll_out(policy, SAMPLER.draw(0, 1), SAMPLER, 0, nominal_noise(SAMPLER), watch)
    assert not outcome.success
    assert outcome.seconds == pytest.approx(SAMPLER.config.success.time)
    assert len(seen) == round(SAMPLER.config.success.time / SAMPLER.config.policy_period)
    assert np.diff(seen) == pytest.approx(SAMPLER.config.policy_period)


def test_a_misplaced_camera_is_off_by_the_error_of_the_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    placement = SAMPLER.draw(0, 1)
    moved = []

    def note(_: Any, tried: Any, *__: Any) -> TrialOutcome:
        moved.append(tried.camera_shift - placement.camera_shift)
        return TrialOutcome(True, "", 0.0)

    monkeypatch.setattr(trials, "roll_out", note)
    for seed in range(3):
        trials.attempt_under(Condition("c", "image", camera_error=0.02), {"image": Any}, placement, SAMPLER, seed)  # type: ignore[dict-item]
    assert [float(np.linalg.norm(shift)) for shift in moved] == pytest.approx([0.02] * 3)
    assert not np.allclose(moved[0], moved[1])


def test_the_wrist_camera_sees_every_placement_from_where_a_grasp_by_camera_starts() -> None:
    view = FieldOfView(ROBOT, SAMPLER.config.camera)
    for index in range(24):
        placement = SAMPLER.draw(index, 1, held_out=True)
        looking = SAMPLER.at_view_pose(placement, index)
        assert view.sees(SAMPLER.object_features(placement)[:3], looking.start)
        assert SAMPLER.path(looking, SAMPLER.object_features(looking)) is not None


def test_successes_are_those_of_the_condition() -> None:
    outcomes = [{"a": TrialOutcome(hit, "", 1.0), "b": TrialOutcome(not hit, "", 1.0)} for hit in (True, False)]
    tried = [Trial(index, "table", "cube", 0.3, True, entry) for index, entry in enumerate(outcomes)]
    assert trials.successes(tried, "a") == [True, False]
    assert trials.successes(tried, "b") == [False, True]


def test_the_noise_of_a_trial_is_that_of_no_demonstration() -> None:
    seeds = {noise_seed(index, seed) for index in range(50) for seed in (1000, 1001)}
    assert len(seeds) == 100
    assert min(seeds) >= NOISE_STRIDE


def test_nominal_conditions_are_the_success_rates() -> None:
    assert [c.name for c in CONDITIONS if c.is_nominal] == [f"{a}_success" for a in (EXPERT, "state", "mlp", "image")]
