"""Reward terms of the velocity task. Each is a pure function of one control step and returns (n,)."""

import math
from dataclasses import dataclass
from typing import Callable, Dict, Mapping

import torch
from torch import Tensor

from xdog.locomotion.gait import GaitState, is_moving, swing_progress

FOOT_RADIUS = 0.0205
"""Radius of a foot sphere, m (vendor's URDF): height of its centre when the foot is on the ground."""


@dataclass
class RewardInputs:
    """Values of one control step of n robots. Units: m, rad, s, Nm; velocities in the trunk's frame unless noted.

    Attributes:
        command: (n, 3). linear_velocity, angular_velocity: (n, 3). gravity: (n, 3) unit vector, trunk's frame.
        height: (n,) of the trunk above the floor. joint_position, joint_velocity: (n, 12), position minus default.
        limit_excess: (n, 12) rad beyond 95 % of the joint range. torque: (n, k, 12) in each physics step.
        action, last_action, older_action: (n, 12). foot_position: (n, 4, 3) world. foot_velocity: (n, 4, 3) world.
        gait: phase and amplitude of the stride. fell: (n,) bool.
    """

    command: Tensor
    linear_velocity: Tensor
    angular_velocity: Tensor
    gravity: Tensor
    height: Tensor
    joint_position: Tensor
    joint_velocity: Tensor
    limit_excess: Tensor
    torque: Tensor
    action: Tensor
    last_action: Tensor
    older_action: Tensor
    foot_position: Tensor
    foot_velocity: Tensor
    gait: GaitState
    fell: Tensor

    def __post_init__(self) -> None:
        self.moving = is_moving(self.command, torch)
        self.planar_error = ((self.command[:, :2] - self.linear_velocity[:, :2]) ** 2).sum(1)
        self.yaw_error = (self.command[:, 2] - self.angular_velocity[:, 2]) ** 2
        self.foot_height = self.foot_position[:, :, 2] - FOOT_RADIUS
        self.swing = swing_progress(self.gait.phase, torch)


def _square(values: Tensor) -> Tensor:
    return (values**2).sum(1)


def _swing_height(step: RewardInputs, target: Mapping[str, float]) -> Tensor:
    """Squared distance of swinging feet below their arc, relative to its apex."""
    swing = step.swing.clamp(min=0.0)
    reference = 0.5 * (1.0 - torch.cos(2.0 * math.pi * swing)) * step.gait.amplitude[:, None]
    return _square((reference - step.foot_height / target["swing_height"]).clamp(min=0.0))


def _stance_height(step: RewardInputs, target: Mapping[str, float]) -> Tensor:
    """Height of stance feet beyond 5 mm, relative to the apex of the arc."""
    standing = (step.swing < 0.0) | (step.gait.amplitude[:, None] == 0.0)
    return (standing * (step.foot_height - 0.005).clamp(min=0.0) / target["swing_height"]).sum(1)


def _slip(step: RewardInputs) -> Tensor:
    """Squared horizontal speed of feet on the floor."""
    touching = step.foot_height < 0.005
    return (touching * (step.foot_velocity[:, :, :2] ** 2).sum(2)).sum(1)


Reward = Callable[[RewardInputs, Mapping[str, float]], Tensor]

TERMS: Dict[str, Reward] = {
    "track_linear": lambda s, t: torch.exp(-s.planar_error / 0.25),
    "track_linear_fine": lambda s, t: torch.exp(-s.planar_error / 0.02),
    "track_yaw": lambda s, t: torch.exp(-s.yaw_error / 0.25),
    "track_yaw_fine": lambda s, t: torch.exp(-s.yaw_error / 0.04),
    "vertical_velocity": lambda s, t: s.linear_velocity[:, 2] ** 2,
    "roll_pitch_rate": lambda s, t: _square(s.angular_velocity[:, :2]),
    "tilt": lambda s, t: _square(s.gravity[:, :2]),
    "height": lambda s, t: (s.height - t["height"]) ** 2,
    "torque": lambda s, t: (s.torque**2).sum(2).mean(1),
    "power": lambda s, t: (s.torque[:, -1] * s.joint_velocity).abs().sum(1),
    "action_rate": lambda s, t: _square(s.action - s.last_action),
    "action_jerk": lambda s, t: _square(s.action - 2.0 * s.last_action + s.older_action),
    "joint_limits": lambda s, t: s.limit_excess.sum(1),
    "abduction": lambda s, t: _square(s.joint_position[:, 0::3]),
    "swing_height": _swing_height,
    "stance_height": _stance_height,
    "slip": lambda s, t: _slip(s),
    "stand_pose": lambda s, t: ~s.moving * _square(s.joint_position),
    "stand_motion": lambda s, t: ~s.moving * _square(s.joint_velocity),
    "fall": lambda s, t: s.fell.float(),
}
"""All terms that may have a weight in policies/gait.yaml."""


def total_reward(
    step: RewardInputs, weights: Mapping[str, float], target: Mapping[str, float], period: float
) -> Tensor:
    """Weighted sum times the control period, (n,); clipped at zero before the penalty for falling is added.

    Without clipping, early in training a quick end would pay off (Rudin et al., legged_gym).

    Raises:
        KeyError: a weight is given for an unknown term.
    """
    unknown = sorted(set(weights) - set(TERMS))
    if unknown:
        raise KeyError(f"unknown reward terms: {', '.join(unknown)}; known: {', '.join(sorted(TERMS))}")
    total = torch.zeros(step.command.shape[0])
    for name, weight in weights.items():
        if name != "fall":
            total += weight * TERMS[name](step, target)
    return period * (total.clamp(min=0.0) + weights.get("fall", 0.0) * TERMS["fall"](step, target))
