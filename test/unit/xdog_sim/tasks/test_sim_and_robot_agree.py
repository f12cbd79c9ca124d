"""Simulation and robot agree: the same measurements give the same observations and the same targets.

The velocity task of training and the policy runner of the robot get the same joints and IMU, step by step. Both use one
network: one in torch, the other exported to a policy file and loaded again.
"""

import dataclasses
from pathlib import Path
from typing import List, Tuple

import numpy as np
import pytest
import torch
from simulated_robots import CONFIG, ROBOT, RecordingSim, make_task
from torch import Tensor, nn

from xdog.core.interfaces import LegsReading
from xdog.core.rotations import quaternion_matrix
from xdog.locomotion.gait import limit_command
from xdog.locomotion.observation import ObservationBuilder
from xdog.locomotion.policy import GaitPolicy
from xdog_learning.export import export_policy
from xdog_learning.gait.contract import make_gait_contract
from xdog_sim.batch.protocol import BatchState

SIZE = ObservationBuilder(CONFIG.observation).size
COMMANDS = torch.tensor(
    [[0.6, 0.0, 0.0], [0.0, 0.0, 0.0], [0.3, -0.3, 1.0], [-0.5, 0.1, -1.2], [0.0, 0.0, 0.02], [0.0, 0.4, 0.0]]
)[:, None]
HOLD = 0.26
"""s for which each command lasts: long enough to stop, short enough to stay in the history."""


def network(seed: int = 2) -> nn.Sequential:
    """A small actor whose actions move the robot without making it fall."""
    torch.manual_seed(seed)
    actor = nn.Sequential(nn.Linear(SIZE, 24), nn.ELU(), nn.Linear(24, 12))
    with torch.no_grad():
        for layer in (actor[0], actor[2]):
            layer.weight.normal_(0.0, 0.5 / layer.in_features**0.5)
    return actor


def matrix_quaternion(rotation: np.ndarray) -> np.ndarray:
    """Quaternion x, y, z, w of a rotation by less than half a turn."""
    w = 0.5 * np.sqrt(1.0 + np.trace(rotation))
    skew = rotation - rotation.T
    return np.array([skew[2, 1] / (4 * w), skew[0, 2] / (4 * w), skew[1, 0] / (4 * w), w])


def reading_of(state: BatchState, stamp: float) -> LegsReading:
    """What perfect sensors of the single robot measure: joints, and the IMU in its own frame."""
    mount = ROBOT.fixed_transform(ROBOT.frames["imu"]).rotation  # from the IMU's frame to the base
    trunk = quaternion_matrix(state.orientation[0, [1, 2, 3, 0]].double().numpy())
    zero = np.zeros(12)
    return LegsReading(
        stamp=stamp,
        position=state.joint_position[0].double().numpy(),
        velocity=state.joint_velocity[0].double().numpy(),
        effort=zero,
        temperature=zero,
        alarm=zero.astype(int),
        online=zero == 0.0,
        imu_stamp=stamp,
        orientation=matrix_quaternion(trunk @ mount),
        angular_velocity=mount.T @ state.angular_velocity[0].double().numpy(),
        linear_acceleration=np.zeros(3),
        contact=np.ones(4, dtype=bool),
    )


def walk_side_by_side(path: Path, steps: int) -> List[Tuple[Tensor, np.ndarray, Tensor, np.ndarray]]:
    """Observations and joint targets of task and runner, (task's, runner's) each, for every step."""
    actor = network()
    export_policy(actor, {"observation": torch.zeros(1, SIZE)}, make_gait_contract(ROBOT, CONFIG).to_metadata(), path)
    runner = GaitPolicy(path, ROBOT)
    sim = RecordingSim(1)
    task = make_task(sim, commands=COMMANDS, command_interval=HOLD)
    rows = []
    for k in range(steps):
        reading = reading_of(sim.state(), k * CONFIG.control.period)
        observation, _ = task.observe()
        command = task.command[0].double().numpy()
        with torch.no_grad():
            result = task.step(actor(observation))
        target = runner.step(reading, command)
        assert not result.terminated.any()
        seen = runner._builder.observe(runner._history, np)  # the runner has no public access to it
        # Without delay the ramp reaches the new target at the end of the control step.
        rows.append((observation[0], seen[0], sim.targets[-1][0, -1], target.position))
    return rows


def test_observations_and_targets_agree_step_by_step(tmp_path: Path) -> None:
    steps = round(len(COMMANDS) * HOLD / CONFIG.control.period)
    rows = walk_side_by_side(tmp_path / "tiny.onnx", steps)
    for k, (trained, seen, simulated, sent) in enumerate(rows):
        assert np.abs(seen - trained.numpy()).max() < 2e-4, f"observation at step {k}"
        assert np.abs(sent - simulated.numpy()).max() < 2e-4, f"targets at step {k}"
    # The robot moved: the agreement is not that of two robots at rest.
    targets = np.array([row[3] for row in rows])
    assert np.ptp(targets, axis=0).min() > 0.05
    gravity = ObservationBuilder(CONFIG.observation).layout()["gravity"]
    assert np.array([row[1] for row in rows])[:, gravity].std(0).max() > 0.005


def test_gains_and_default_pose_are_those_of_training(tmp_path: Path) -> None:
    path = tmp_path / "tiny.onnx"
    export_policy(
        network(), {"observation": torch.zeros(1, SIZE)}, make_gait_contract(ROBOT, CONFIG).to_metadata(), path
    )
    sim = RecordingSim(1)
    make_task(sim)
    target = GaitPolicy(path, ROBOT).step(reading_of(sim.state(), 0.0), np.zeros(3))
    assert set(target.kp) == {CONFIG.control.kp}
    assert set(target.kd) == {CONFIG.control.kd}
    assert not target.velocity.any()
    assert not target.effort.any()


def test_the_runner_limits_commands_to_the_trained_range(tmp_path: Path) -> None:
    path = tmp_path / "tiny.onnx"
    export_policy(
        network(), {"observation": torch.zeros(1, SIZE)}, make_gait_contract(ROBOT, CONFIG).to_metadata(), path
    )
    runner = GaitPolicy(path, ROBOT)
    sim = RecordingSim(1)
    make_task(sim)
    runner.step(reading_of(sim.state(), 0.0), np.array([9.0, -9.0, 9.0]))
    layout = ObservationBuilder(CONFIG.observation).layout()
    seen = runner._builder.observe(runner._history, np)[0, layout["command"]]
    settings = CONFIG.command
    limited = limit_command(np.array([[9.0, -9.0, 9.0]]), settings.ranges, settings.max_lateral_acceleration, np)
    assert seen == pytest.approx(limited[0])
    assert seen[0] == settings.ranges["vx"][1]
    assert np.hypot(seen[0], seen[1]) * abs(seen[2]) <= settings.max_lateral_acceleration + 1e-9


def test_one_wrong_entry_is_detected(tmp_path: Path) -> None:
    """The comparison above is sensitive enough: with two joints swapped, the observations differ."""
    path = tmp_path / "tiny.onnx"
    export_policy(
        network(), {"observation": torch.zeros(1, SIZE)}, make_gait_contract(ROBOT, CONFIG).to_metadata(), path
    )
    runner = GaitPolicy(path, ROBOT)
    sim = RecordingSim(1)
    task = make_task(sim)
    reading = reading_of(sim.state(), 0.0)
    swapped = reading.position[[3, 1, 2, 0, 4, 5, 6, 7, 8, 9, 10, 11]]
    runner.step(dataclasses.replace(reading, position=swapped), task.command[0].double().numpy())
    seen = runner._builder.observe(runner._history, np)[0]
    assert np.abs(seen - task.observe()[0][0].numpy()).max() > 1e-2
