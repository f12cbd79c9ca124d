"""The contestants do the steps that they count."""

import numpy as np
import pytest
from bench_case import small_config

from xdog.core.description import load_description
from xdog_learning.bench.throughput import UPDATES, RawPhysics, learning_block
from xdog_learning.gait.environment import GaitVecEnv
from xdog_learning.gait.ppo import build_ppo
from xdog_learning.gait.training import training_physics, training_sim
from xdog_sim.randomization import load_ranges
from xdog_sim.tasks.velocity import VelocityTask
from xdog_sim.world import build_model

ROBOT = load_description()


def test_learning_block_counts_every_step_of_every_robot() -> None:
    config = small_config()
    robots = GaitVecEnv(VelocityTask(training_sim(ROBOT, config, 1), ROBOT, config, load_ranges(), 0, stagger=True))
    model = build_ppo(robots, config.ppo, 0, None)
    before = [weights.clone() for weights in model.policy.parameters()]
    run = learning_block(model, 1)
    assert [run(), run()] == [UPDATES * 4 * 6] * 2
    assert model._n_updates == 2 * UPDATES * config.ppo.epochs
    assert any((new != old).any() for new, old in zip(model.policy.parameters(), before))


def test_raw_physics_takes_the_steps_that_it_counts() -> None:
    config = small_config()
    raw = RawPhysics(build_model(training_physics(config), ROBOT), ROBOT, config, 1, 0)
    assert raw.run(5) == 5 * 6
    assert raw._batch.bind("time") == pytest.approx(5 * config.control.period)
    heights = raw._batch.bind("qpos")[:, 2]
    assert len(set(heights)) == 6, "every robot has targets of its own"
    assert np.all(np.abs(heights - config.target.height) < 0.05), "they stood"
