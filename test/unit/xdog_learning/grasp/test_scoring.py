"""Scores of grasp trials: rates and splits by hand, what is scored, and how long an inference takes."""

from pathlib import Path

import pytest
from grasp_policy_files import grasp_contract_for, write_grasp_policy

from xdog.core.description import load_description
from xdog.grasp.policy import GraspPolicy
from xdog_learning.grasp import scoring
from xdog_learning.grasp.scoring import choose_conditions, chunk_milliseconds, summarise_trials
from xdog_learning.grasp.trials import CONDITIONS, Condition, Trial, TrialOutcome
from xdog_learning.report import to_json, wilson_interval

ROBOT = load_description()


def make_trial(
    index: int, support: str, kind: str, radius: float, seen: bool, success: bool, reason: str = ""
) -> Trial:
    return Trial(index, support, kind, radius, seen, {"state_success": TrialOutcome(success, reason, 3.0)})


def test_rates_and_splits_by_hand() -> None:
    tried = [
        make_trial(0, "ground", "ball", 0.21, True, True),
        make_trial(1, "table", "ball", 0.25, True, False, "not touched, lifted 0.000 m"),
        make_trial(2, "table", "cube", 0.31, True, True),
        make_trial(3, "shelf", "cube", 0.39, False, False, "not touched, lifted 0.001 m"),
    ]
    scores = summarise_trials(tried, [Condition("state_success", "state")])
    assert scores["state_success"] == 0.5
    assert scores["state_success_interval"] == wilson_interval(2, 4)
    assert scores["state_by_support"]["table"] == {"success": 0.5, "interval": wilson_interval(1, 2), "episodes": 2}
    assert {name: entry["episodes"] for name, entry in scores["state_by_radius"].items()} == {"0.2": 2, "0.3": 2}
    assert scores["state_by_object"]["cube"]["success"] == 0.5
    assert scores["state_by_sight"]["seen"]["success"] == pytest.approx(2 / 3)
    assert scores["state_failures"] == {"not touched": 2}
    assert to_json(scores)["state_success_interval"] == [0.15, 0.85]


def test_worse_conditions_are_not_split() -> None:
    tried = [Trial(0, "table", "ball", 0.2, True, {"state_backlash": TrialOutcome(True, "", 3.0)})]
    scores = summarise_trials(tried, [Condition("state_backlash", "state", {"backlash": 0.02})])
    assert scores == {"state_backlash": 1.0, "state_backlash_interval": wilson_interval(1, 1)}


def test_what_is_scored() -> None:
    actors = ["expert", "state", "mlp", "image"]
    assert choose_conditions(actors, worsened=True) == list(CONDITIONS)
    quick = choose_conditions(actors, worsened=False)
    assert [c.name for c in quick] == ["expert_success", "state_success", "mlp_success", "image_success"]
    assert {c.actor for c in choose_conditions(["state"], worsened=True)} == {"state"}


def test_inference_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "TIMED", 3)
    contract = grasp_contract_for(ROBOT, image=(4, 6), camera="wrist_camera_link")
    policy = GraspPolicy(write_grasp_policy(tmp_path / "p.onnx", contract), ROBOT)
    assert 0.0 < chunk_milliseconds(policy) < 1000.0
