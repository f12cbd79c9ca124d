"""Reward terms against numbers worked out by hand, on two robots."""

import math
from typing import Any

import pytest
import torch
from simulated_robots import CONFIG

from xdog.locomotion.gait import GaitState
from xdog_sim.tasks.velocity_rewards import FOOT_RADIUS, TERMS, RewardInputs, total_reward

TARGET = {"height": 0.26, "swing_height": 0.06}


def step(**changes: Any) -> RewardInputs:
    """Two robots at rest on their feet: the first is commanded to stand, the second to walk."""
    zero = torch.zeros(2, 12)
    values = {
        "command": torch.tensor([[0.0, 0.0, 0.0], [0.6, -0.3, 1.0]]),
        "linear_velocity": torch.zeros(2, 3),
        "angular_velocity": torch.zeros(2, 3),
        "gravity": torch.tensor([[0.0, 0.0, -1.0]] * 2),
        "height": torch.full((2,), 0.26),
        "joint_position": zero,
        "joint_velocity": zero,
        "limit_excess": zero,
        "torque": torch.zeros(2, 4, 12),
        "action": zero,
        "last_action": zero,
        "older_action": zero,
        "foot_position": torch.tensor([0.0, 0.0, FOOT_RADIUS]).repeat(2, 4, 1),
        "foot_velocity": torch.zeros(2, 4, 3),
        "gait": GaitState(torch.tensor([0.0, 0.25]), torch.tensor([0.0, 1.0]), torch.zeros(2, 3)),
        "fell": torch.tensor([False, False]),
    }
    return RewardInputs(**{**values, **changes})


def value(name: str, **changes: Any) -> Any:
    return pytest.approx(TERMS[name](step(**changes), TARGET).tolist(), abs=1e-6)


def test_tracking() -> None:
    # Squared errors of the second robot at rest: 0.6^2 + 0.3^2 = 0.45 (m/s)^2 and 1 (rad/s)^2.
    assert value("track_linear") == [1.0, math.exp(-0.45 / 0.25)]
    assert value("track_linear_fine") == [1.0, math.exp(-0.45 / 0.02)]
    assert value("track_yaw") == [1.0, math.exp(-1.0 / 0.25)]
    assert value("track_yaw_fine") == [1.0, math.exp(-1.0 / 0.04)]
    perfect = {"linear_velocity": torch.tensor([[0.0, 0.0, 0.0], [0.6, -0.3, 0.5]])}
    assert value("track_linear_fine", **perfect) == [1.0, 1.0]
    wrong_way = {"linear_velocity": torch.tensor([[0.0, 0.0, 0.0], [0.6, 0.3, 0.0]])}  # 0.6 m/s off in vy
    assert value("track_linear", **wrong_way) == [1.0, math.exp(-0.36 / 0.25)]


def test_a_robot_that_should_walk_is_rewarded_less_for_standing() -> None:
    still = total_reward(step(), CONFIG.reward, TARGET, 0.02)
    walking = step(
        linear_velocity=torch.tensor([[0.0, 0.0, 0.0], [0.6, -0.3, 0.0]]),
        angular_velocity=torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    )
    assert total_reward(walking, CONFIG.reward, TARGET, 0.02)[1] > 3.0 * still[1]


def test_trunk_terms() -> None:
    velocity, rate = torch.tensor([[0.0, 0.0, 0.5], [1.0, 0.0, -1.0]]), torch.tensor([[1.0, 2.0, 9.0], [0.0, 0.0, 1.0]])
    assert value("vertical_velocity", linear_velocity=velocity) == [0.25, 1.0]
    assert value("roll_pitch_rate", angular_velocity=rate) == [5.0, 0.0]
    assert value("tilt", gravity=torch.tensor([[0.6, 0.0, -0.8], [0.0, 0.0, -1.0]])) == [0.36, 0.0]
    assert value("height", height=torch.tensor([0.16, 0.26])) == [0.01, 0.0]
    assert value("fall", fell=torch.tensor([False, True])) == [0.0, 1.0]


def test_effort_terms() -> None:
    torque = torch.zeros(2, 4, 12)
    torque[0, :, 0] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    # Mean over the physics steps of the sum of squares: (1 + 4 + 9 + 16) / 4.
    assert value("torque", torque=torque) == [7.5, 0.0]
    velocity = torch.zeros(2, 12)
    velocity[0, 0] = -0.5
    assert value("power", torque=torque, joint_velocity=velocity) == [2.0, 0.0]
    excess = torch.zeros(2, 12)
    excess[1, 3:5] = 0.1
    assert value("joint_limits", limit_excess=excess) == [0.0, 0.2]


def test_action_terms() -> None:
    ones = torch.ones(2, 12)
    # From 0 over 1 to 3: the change is 2, the change of the change 1.
    assert value("action_rate", action=3.0 * ones, last_action=ones) == [48.0, 48.0]
    assert value("action_jerk", action=3.0 * ones, last_action=ones) == [12.0, 12.0]


def test_posture_terms() -> None:
    position, velocity = torch.zeros(2, 12), torch.full((2, 12), 0.5)
    position[:, 3] = 0.2  # the second leg's abduction
    position[:, 4] = 0.1
    assert value("abduction", joint_position=position) == [0.04, 0.04]
    # Only the robot that should stand has to keep the stand pose.
    assert value("stand_pose", joint_position=position) == [0.05, 0.0]
    assert value("stand_motion", joint_velocity=velocity) == [3.0, 0.0]


def test_feet_that_should_swing() -> None:
    # At phase 0.25 the first pair is in mid swing: both feet on the ground are one apex short.
    assert value("swing_height") == [0.0, 2.0]
    feet = step().foot_position.clone()
    feet[1, 0, 2] += 0.06
    feet[1, 3, 2] += 0.03
    assert value("swing_height", foot_position=feet) == [0.0, 0.25]
    assert value("stance_height", foot_position=feet) == [0.0, 0.0]


def test_feet_that_should_stand() -> None:
    feet = step().foot_position.clone()
    feet[:, 1, 2] += 0.035  # 30 mm beyond the tolerance of 5 mm
    assert value("stance_height", foot_position=feet) == [0.5, 0.5]
    feet[0, 0, 2] += 0.065  # without steps all feet should be on the floor
    assert value("stance_height", foot_position=feet) == [1.5, 0.5]


def test_slipping_counts_on_the_floor_only() -> None:
    velocity = torch.zeros(2, 4, 3)
    velocity[:, 0] = torch.tensor([0.3, 0.4, 5.0])
    feet = step().foot_position.clone()
    feet[1, 0, 2] += 0.01
    assert value("slip", foot_velocity=velocity, foot_position=feet) == [0.25, 0.0]


def test_total() -> None:
    weights = {"track_linear": 2.0, "track_yaw": 1.0, "fall": -20.0}
    walking = 2.0 * math.exp(-1.8) + math.exp(-4.0)
    assert total_reward(step(), weights, TARGET, 0.02).tolist() == pytest.approx([0.06, 0.02 * walking])
    fallen = total_reward(step(fell=torch.tensor([True, False])), weights, TARGET, 0.02)
    assert fallen.tolist() == pytest.approx([0.06 - 0.4, 0.02 * walking])


def test_penalties_do_not_make_the_reward_negative() -> None:
    weights = {"track_linear": 1.0, "tilt": -100.0, "fall": -20.0}
    tilted = step(gravity=torch.tensor([[0.6, 0.0, -0.8], [0.0, 0.0, -1.0]]), fell=torch.tensor([True, False]))
    assert total_reward(tilted, weights, TARGET, 0.02).tolist() == pytest.approx([-0.4, 0.02 * math.exp(-1.8)])


def test_an_unknown_term_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="unknown reward terms: glide; known: abduction"):
        total_reward(step(), {"glide": 1.0}, TARGET, 0.02)
