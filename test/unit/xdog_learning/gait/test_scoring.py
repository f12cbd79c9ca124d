"""Scores of a gait: which samples count, and intervals."""

import dataclasses
import math
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
import torch
from gait_episodes import COMMAND_STEPS, make_episodes, no_correction
from gait_learners import OBSERVATION_SIZE
from policy_files import write_policy
from simulated_robots import CONFIG, ROBOT
from torch import Tensor

from xdog.core.contract import ContractError
from xdog.core.onnx_session import PolicyError
from xdog.locomotion.contract import PolicyContract
from xdog_learning.gait import scoring
from xdog_learning.gait.contract import make_gait_contract
from xdog_learning.gait.scoring import (
    Episodes,
    load_actor,
    scored_samples,
    speed_curve,
    tracking_scores,
)
from xdog_learning.report import wilson_interval
from xdog_sim.randomization import nominal_ranges


def test_root_mean_square_by_hand() -> None:
    errors = np.zeros((2 * COMMAND_STEPS, 2))
    errors[:, 0], errors[:, 1] = 0.04, 0.16  # 0.2 and 0.4 m/s off all the time: the root of 0.1 together
    scores = tracking_scores(make_episodes(planar_error=errors, yaw_error=errors / 4.0), CONFIG)
    assert scores["velocity_rmse"] == pytest.approx(math.sqrt(0.1))
    assert scores["yaw_rate_rmse"] == pytest.approx(math.sqrt(0.025))
    low, high = scores["velocity_rmse_interval"]
    assert low == pytest.approx(0.2)
    assert high == pytest.approx(0.4)


def test_the_first_second_after_each_change_does_not_count() -> None:
    scored = scored_samples(make_episodes(), CONFIG)[:, 0]
    assert np.flatnonzero(~scored).tolist() == [*range(50), *range(250, 300)]
    errors = np.where(scored[:, None], 0.0, 100.0) * np.ones((1, 2))
    assert tracking_scores(make_episodes(planar_error=errors), CONFIG)["velocity_rmse"] == 0.0


def test_nothing_counts_after_a_fall() -> None:
    valid, errors = np.ones((2 * COMMAND_STEPS, 2), dtype=bool), np.zeros((2 * COMMAND_STEPS, 2))
    valid[100:, 1] = False
    errors[100:, 1] = 100.0
    errors[50:100, 1] = 0.09
    fell = np.array([False, True])
    scores = tracking_scores(make_episodes(valid=valid, planar_error=errors, fell=fell), CONFIG)
    # 400 samples of the one that stayed up and 50 of the other: 50 x 0.09 / 450.
    assert scores["velocity_rmse"] == pytest.approx(0.1)
    assert scores["fall_rate"] == 0.5
    assert scores["fall_rate_interval"] == wilson_interval(1, 2)


def test_all_fallen_at_once_scores_nothing() -> None:
    steps = 2 * COMMAND_STEPS
    scores = tracking_scores(make_episodes(valid=np.zeros((steps, 2), dtype=bool), fell=np.array([True, True])), CONFIG)
    assert math.isnan(scores["velocity_rmse"])
    assert scores["velocity_rmse_interval"] is None
    assert scores["fall_rate"] == 1.0


def test_costs_by_hand() -> None:
    scores = tracking_scores(make_episodes(), CONFIG)
    assert scores["power_per_speed"] == pytest.approx(20.0)  # 10 W at 0.5 m/s
    assert scores["target_change_rms_rad"] == pytest.approx(0.02)
    assert scores["torque_margin"] == pytest.approx(0.6)
    assert scores["joint_limit_margin"] == pytest.approx(0.3)


def test_commands_are_independent_of_the_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands and bodies come from one seed, but not from one stream of numbers."""
    given: List[Tensor] = []

    def listen(*arguments: Any, **options: Any) -> Episodes:
        given.append(arguments[4])
        slot = options.get("interval", scoring.COMMAND_INTERVAL)
        steps = round(arguments[4].shape[0] * slot / CONFIG.control.period)
        position = np.zeros((steps, 100, 2))
        position[:, :, 0] = 0.001 * np.arange(steps)[:, None]  # 5 cm/s
        return make_episodes(steps, 100, position=position)

    monkeypatch.setattr(scoring, "run_episodes", listen)
    scores, _ = scoring.evaluate_policy(no_correction, ROBOT, CONFIG, nominal_ranges(), 1000, episodes=100)
    tracking, standing, pushed = given
    assert tracking.shape == (4, 100, 3)
    assert torch.equal(standing[0], tracking[0])
    assert not standing[1:].any()
    assert scores["standing_drift_cm"] == pytest.approx(100.0)  # 20 s at 5 cm/s
    assert not pushed[:, ::2].any()
    assert torch.equal(pushed[:, 1::2], tracking[:2, 1::2])
    for axis, limit in enumerate((1.0, 0.4, 1.5)):
        assert tracking[:, :, axis].abs().max() <= limit
        assert tracking[:, :, axis].abs().max() > 0.9 * limit
    generator = torch.Generator().manual_seed(1000)  # the task's own, which draws bodies
    body = torch.rand(4000, generator=generator)
    windows = body.unfold(0, 100, 1).numpy()
    for vx in tracking[:, :, 0].numpy():
        centred = windows - windows.mean(1, keepdims=True)
        both = centred @ (vx - vx.mean()) / (np.linalg.norm(centred, axis=1) * np.linalg.norm(vx - vx.mean()))
        assert np.abs(both).max() < 0.6


def contract(**changes: Any) -> PolicyContract:
    return dataclasses.replace(make_gait_contract(ROBOT, CONFIG, {}), **changes)


def test_the_speed_curve_stops_where_the_contract_does(monkeypatch: pytest.MonkeyPatch) -> None:
    given: List[Tensor] = []

    def listen(*arguments: Any, **options: Any) -> Episodes:
        given.append(arguments[4])
        count = arguments[4].shape[1]
        fell = np.zeros(count, dtype=bool)
        fell[-2:] = True
        velocity = arguments[4][:1].expand(2 * COMMAND_STEPS, -1, -1).numpy()
        return make_episodes(count=count, linear_velocity=velocity, angular_velocity=velocity, fell=fell)

    monkeypatch.setattr(scoring, "run_episodes", listen)
    limited = contract(command_range={"vx": (-1.0, 1.1), "vy": (-0.4, 0.4), "wz": (-2.0, 2.0)})
    curve = speed_curve(no_correction, limited, ROBOT, CONFIG, nominal_ranges(), 1000, robots=4)
    assert [row["commanded"] for row in curve["vx"]] == pytest.approx([0.25 * i for i in range(1, 9)])
    assert curve["wz"][-1]["commanded"] == pytest.approx(math.radians(450.0))
    forward, turning = given
    assert forward[0, :, 0].max() == pytest.approx(1.1)
    assert turning[0, :, 2].max() == pytest.approx(2.0)
    assert not forward[:, :, 1:].any()
    assert not turning[:, :, :2].any()
    assert curve["vx"][1]["measured"] == pytest.approx(0.5)
    assert curve["vx"][7]["measured"] == pytest.approx(1.1)  # commanded 2.0, clipped to the contract
    assert [row["fall_rate"] for row in curve["vx"]] == [0.0] * 7 + [0.5]


def test_a_policy_file_acts_as_a_function_of_tensors(tmp_path: Path) -> None:
    weights = np.zeros((OBSERVATION_SIZE, 12))
    weights[0, 3] = 2.0
    expected = make_gait_contract(ROBOT, CONFIG, {})
    actor, contract = load_actor(write_policy(tmp_path / "p.onnx", expected, weights, bias=0.5))
    assert contract == expected
    observation = torch.zeros(1, OBSERVATION_SIZE)
    observation[0, 0] = 1.5
    assert actor(observation)[0].tolist() == [0.5] * 3 + [3.5] + [0.5] * 8


def test_a_file_without_a_policy_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"no policy file .*gone\.onnx: .*\./xdog train gait"):
        load_actor(tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("nothing")
    with pytest.raises(PolicyError, match=r"text\.onnx is not an ONNX file"):
        load_actor(tmp_path / "text.onnx")
    write_policy(tmp_path / "bare.onnx", make_gait_contract(ROBOT, CONFIG, {}), metadata={})
    with pytest.raises(ContractError, match=r"bare\.onnx carries no XDog contract"):
        load_actor(tmp_path / "bare.onnx")
