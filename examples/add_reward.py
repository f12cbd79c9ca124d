#!/usr/bin/env python3
"""Add a reward term to the velocity task: joint speed, which a quiet gait keeps low.

To train with a term, put its function into src/xdog_sim/tasks/velocity_rewards.py, a weight into policies/gait.yaml,
and run './xdog train gait --settings ...' (docs/extend/reward.md).
"""

from dataclasses import replace
from typing import Mapping

import torch
from torch import Tensor

from xdog.core.description import load_description
from xdog_sim.batch.factory import make_batch, training_options
from xdog_sim.randomization import nominal_ranges
from xdog_sim.tasks.gait_config import load_gait_config
from xdog_sim.tasks.velocity import VelocityTask
from xdog_sim.tasks.velocity_rewards import TERMS, RewardInputs


def joint_speed(step: RewardInputs, target: Mapping[str, float]) -> Tensor:
    """Squared joint velocities, summed over a robot's joints: (n, 12) rad/s in, (n,) out."""
    return (step.joint_velocity**2).sum(1)


def reward_of_one_second(weight: float) -> float:
    """Mean reward per control step of 8 robots that walk at 0.5 m/s on the reference trot alone."""
    config, robot = load_gait_config(), load_description()
    config = replace(config, reward={**config.reward, "joint_speed": weight})
    physics = training_options(config.physics.train_timestep, config.control.kp, config.control.kd)
    sim = make_batch(physics, num=8, threads=1)
    command = torch.tensor([0.5, 0.0, 0.0]).repeat(1, 8, 1)  # one command for each of the 8 robots
    task = VelocityTask(sim, robot, config, nominal_ranges(), seed=1, commands=command)
    steps = [task.step(torch.zeros(8, 12)).reward.mean() for _ in range(50)]
    return float(torch.stack(steps).mean())


def main() -> None:
    """Compare the reward with the term and without it."""
    TERMS["joint_speed"] = joint_speed
    for weight in (0.0, -1.0e-3):
        print(f"weight {weight:7}: reward {reward_of_one_second(weight):.4f} a step")


if __name__ == "__main__":
    main()
