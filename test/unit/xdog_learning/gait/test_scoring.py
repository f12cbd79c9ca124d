"""How a gait is scored: what counts, what does not, and the intervals beside the figures."""

import dataclasses
import math
from typing import Any, List, Tuple

import numpy as np
import pytest
import torch
from simulated_robots import CONFIG, ROBOT
from torch import Tensor

from xdog.locomotion.contract import PolicyContract
from xdog_learning.gait import scoring
from xdog_learning.gait.contract import make_gait_contract
from xdog_learning.gait.scoring import (
    Episodes,
    check_config_fits,
    evaluation_options,
    run_episodes,
    scored_samples,
    speed_curve,
    tracking_scores,
)
from xdog_learning.report import bootstrap_interval, root_mean, wilson_interval
from xdog_sim.randomization import load_ranges, nominal_ranges

COMMAND_STEPS = 250
"""Control steps that a command lasts: 5 s."""


def episodes(steps: int = 2 * COMMAND_STEPS, count: int = 2, **changes: Any) -> Episodes:
    """Robots that walk at 0.5 m/s as told, taking 10 W, and never fall."""
    velocity = np.zeros((steps, count, 3))
    velocity[:, :, 0] = 0.5
    values = {
        "command": velocity,
        "linear_velocity": velocity,
        "angular_velocity": np.zeros((steps, count, 3)),
        "planar_error": np.zeros((steps, count)),
        "yaw_error": np.zeros((steps, count)),
        "position": np.zeros((steps, count, 2)),
        "valid": np.ones((steps, count), dtype=bool),
        "fell": np.zeros(count, dtype=bool),
        "power": np.full((steps, count), 10.0),
        "action_rate": np.full((steps, count), 0.02),
        "torque_share": np.full((steps, count), 0.4),
        "limit_share": np.full((steps, count), 0.7),
        "lost": 0,
    }
    return Episodes(**{**values, **changes})


def test_root_mean_square_by_hand() -> None:
    errors = np.zeros((2 * COMMAND_STEPS, 2))
    errors[:, 0], errors[:, 1] = 0.04, 0.16  # 0.2 and 0.4 m/s off all the time: the root of 0.1 together
    scores = tracking_scores(episodes(planar_error=errors, yaw_error=errors / 4.0), CONFIG)
    assert scores["velocity_rmse"] == pytest.approx(math.sqrt(0.1))
    assert scores["yaw_rate_rmse"] == pytest.approx(math.sqrt(0.025))
    low, high = scores["velocity_rmse_interval"]
    assert low == pytest.approx(0.2)
    assert high == pytest.approx(0.4)


def test_the_first_second_after_each_change_does_not_count() -> None:
    scored = scored_samples(episodes(), CONFIG)[:, 0]
    assert np.flatnonzero(~scored).tolist() == [*range(50), *range(250, 300)]
    errors = np.where(scored[:, None], 0.0, 100.0) * np.ones((1, 2))
    assert tracking_scores(episodes(planar_error=errors), CONFIG)["velocity_rmse"] == 0.0


def test_nothing_counts_after_a_fall() -> None:
    valid, errors = np.ones((2 * COMMAND_STEPS, 2), dtype=bool), np.zeros((2 * COMMAND_STEPS, 2))
    valid[100:, 1] = False
    errors[100:, 1] = 100.0
    errors[50:100, 1] = 0.09
    fell = np.array([False, True])
    scores = tracking_scores(episodes(valid=valid, planar_error=errors, fell=fell), CONFIG)
    # 400 samples of the one that stayed up and 50 of the other: 50 x 0.09 / 450.
    assert scores["velocity_rmse"] == pytest.approx(0.1)
    assert scores["fall_rate"] == 0.5
    assert scores["fall_rate_interval"] == wilson_interval(1, 2)


def test_all_fallen_at_once_scores_nothing() -> None:
    steps = 2 * COMMAND_STEPS
    scores = tracking_scores(episodes(valid=np.zeros((steps, 2), dtype=bool), fell=np.array([True, True])), CONFIG)
    assert math.isnan(scores["velocity_rmse"])
    assert scores["velocity_rmse_interval"] is None
    assert scores["fall_rate"] == 1.0


def test_costs_by_hand() -> None:
    scores = tracking_scores(episodes(), CONFIG)
    assert scores["power_per_speed"] == pytest.approx(20.0)  # 10 W at 0.5 m/s
    assert scores["target_change_rms_rad"] == pytest.approx(0.02)
    assert scores["torque_margin"] == pytest.approx(0.6)
    assert scores["joint_limit_margin"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("successes", "trials", "interval"),
    [
        (0, 10, (0.0, 0.2775)),  # Newcombe 1998, Statistics in Medicine 17, table I: methods compared, Wilson's score
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_intervals_as_published(successes: int, trials: int, interval: Tuple[float, float]) -> None:
    assert wilson_interval(successes, trials) == pytest.approx(interval, abs=1e-4)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 2)])
def test_no_rate_is_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        wilson_interval(successes, trials)


def test_bootstrap_interval_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    low, high = bootstrap_interval(values)
    error = values.std() / math.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.04)
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval(np.full(7, 2.0)) == (2.0, 2.0)


def test_root_mean_weighs_episodes_by_their_samples() -> None:
    assert root_mean(np.array([[4.0, 1.0], [0.0, 3.0]])) == 1.0
    assert root_mean(np.array([9.0, 16.0])) == pytest.approx(math.sqrt(12.5))


def still(observation: Tensor) -> Tensor:
    return torch.zeros(len(observation), 12)


def test_the_physics_of_the_evaluation() -> None:
    options = evaluation_options(CONFIG)
    assert options.timestep == 0.001
    assert options.contacts == "full"
    assert options.dry_friction


def test_a_fallen_robot_is_neither_scored_nor_revived() -> None:
    def throw_second(observation: Tensor) -> Tensor:
        action = still(observation)
        action[1] = 30.0  # rad x 0.25: somersaults
        return action

    commands = torch.tensor([[[0.4, 0.0, 0.0]] * 3])
    run = run_episodes(throw_second, ROBOT, CONFIG, nominal_ranges(), commands, 7, interval=1.0)
    assert run.fell.tolist() == [False, True, False]
    assert run.valid[:, [0, 2]].all()
    first = int(np.argmin(run.valid[:, 1]))
    assert 0 < first < 45
    assert not run.valid[first:, 1].any()
    assert run.valid[:first, 1].all()
    assert np.isfinite(run.planar_error).all()
    error = ((run.command - run.linear_velocity)[:, :, :2] ** 2).sum(2)
    assert run.planar_error == pytest.approx(error, abs=1e-5)


def test_a_policy_that_gives_nonsense_falls_and_is_counted(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # MuJoCo notes its warnings in the working directory

    def nonsense(observation: Tensor) -> Tensor:
        action = still(observation)
        action[0] = math.nan
        return action

    run = run_episodes(nonsense, ROBOT, CONFIG, nominal_ranges(), torch.zeros(1, 2, 3), 7, interval=0.2)
    assert run.fell.tolist() == [True, False]
    assert run.lost > 0


def test_pushes_are_really_given() -> None:
    push = torch.tensor([[0.6, 0.0], [0.0, 0.0]])
    runs = [
        run_episodes(
            still, ROBOT, CONFIG, nominal_ranges(), torch.zeros(1, 2, 3), 7, interval=0.4, push=shove, push_time=0.2
        )
        for shove in (push, None)
    ]
    speeds = [np.linalg.norm(run.linear_velocity[:, :, :2], axis=2) for run in runs]
    assert speeds[0][:10] == pytest.approx(speeds[1][:10])
    assert speeds[0][10, 0] - speeds[1][10, 0] > 0.2
    assert speeds[0][:, 1] == pytest.approx(speeds[1][:, 1])


def test_bodies_are_really_different_and_apart_from_the_commands() -> None:
    ranges = load_ranges()
    commands = torch.zeros(1, 4, 3)
    one, same, other = (run_episodes(still, ROBOT, CONFIG, ranges, commands, seed, interval=0.1) for seed in (7, 7, 8))
    assert np.array_equal(one.linear_velocity, same.linear_velocity)
    assert not np.array_equal(one.linear_velocity, other.linear_velocity)
    assert len(set(one.power[2].tolist())) == 4  # four bodies, four ways to stand


def test_commands_are_no_function_of_the_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands and bodies come from one seed, but not from one stream of numbers."""
    given: List[Tensor] = []

    def listen(*arguments: Any, **options: Any) -> Episodes:
        given.append(arguments[4])
        slot = options.get("interval", scoring.COMMAND_INTERVAL)
        steps = round(arguments[4].shape[0] * slot / CONFIG.control.period)
        position = np.zeros((steps, 100, 2))
        position[:, :, 0] = 0.001 * np.arange(steps)[:, None]  # 5 cm/s
        return episodes(steps, 100, position=position)

    monkeypatch.setattr(scoring, "run_episodes", listen)
    scores, _ = scoring.evaluate_policy(still, ROBOT, CONFIG, nominal_ranges(), 1000, episodes=100)
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
    return dataclasses.replace(make_gait_contract(ROBOT, CONFIG), **changes)


def test_the_speed_curve_stops_where_the_contract_does(monkeypatch: pytest.MonkeyPatch) -> None:
    given: List[Tensor] = []

    def listen(*arguments: Any, **options: Any) -> Episodes:
        given.append(arguments[4])
        count = arguments[4].shape[1]
        fell = np.zeros(count, dtype=bool)
        fell[-2:] = True
        velocity = arguments[4][:1].expand(2 * COMMAND_STEPS, -1, -1).numpy()
        return episodes(count=count, linear_velocity=velocity, angular_velocity=velocity, fell=fell)

    monkeypatch.setattr(scoring, "run_episodes", listen)
    limited = contract(command_range={"vx": (-1.0, 1.1), "vy": (-0.4, 0.4), "wz": (-2.0, 2.0)})
    curve = speed_curve(still, limited, ROBOT, CONFIG, nominal_ranges(), 1000, robots=4)
    assert [row["commanded"] for row in curve["vx"]] == pytest.approx([0.25 * i for i in range(1, 9)])
    assert curve["wz"][-1]["commanded"] == pytest.approx(math.radians(450.0))
    forward, turning = given
    assert forward[0, :, 0].max() == pytest.approx(1.1)
    assert turning[0, :, 2].max() == pytest.approx(2.0)
    assert not forward[:, :, 1:].any()
    assert not turning[:, :, :2].any()
    assert curve["vx"][1]["measured"] == pytest.approx(0.5)
    assert curve["vx"][7]["measured"] == pytest.approx(1.1)  # told 2.0, given what the contract allows
    assert [row["fall_rate"] for row in curve["vx"]] == [0.0] * 7 + [0.5]


def test_a_policy_is_judged_with_its_own_settings_only() -> None:
    check_config_fits(contract(), CONFIG)
    for change in ({"period": 0.01}, {"kp": (20.0,) * 12}, {"action_scale": (0.5,) * 12}):
        with pytest.raises(ValueError, match=f"contract in: {next(iter(change))}"):
            check_config_fits(contract(**change), CONFIG)
