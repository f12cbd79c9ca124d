"""How well a gait policy walks: held-out episodes in 1 kHz physics, through the same ONNX file that the robot runs."""

import math
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from xdog.core.description import RobotDescription
from xdog.core.onnx_session import open_session
from xdog.core.rotations import GRAVITY
from xdog.locomotion.contract import PolicyContract, contract_from_metadata
from xdog_learning.gait.rollout import COMMAND_INTERVAL, Actor, Episodes, run_episodes
from xdog_learning.report import ReportProgress, bootstrap_interval, root_mean, wilson_interval
from xdog_sim.randomization import Randomization, uniform
from xdog_sim.tasks.gait_config import GaitConfig

COMMAND_RANGE = {"vx": (-1.0, 1.0), "vy": (-0.4, 0.4), "wz": (-1.5, 1.5)}
"""Commands of the scored episodes, m/s and rad/s."""
SETTLE = 1.0
"""Seconds after a change of command that are not scored."""
STAND_SLOT = 3.0
"""Seconds of walking before the standing test's zero command."""
PUSH_SPEED = 0.6
"""Sudden change of velocity in the push test, m/s."""
COMMAND_STREAM = 1_000_000
"""Added to the seed of commands: with the task's own seed, commands and bodies would use the same random numbers."""


def load_actor(path: Path) -> Tuple[Actor, PolicyContract]:
    """A policy file as a function of torch tensors, and its contract.

    Raises:
        PolicyError: the file does not exist or cannot be run.
        ContractError: it has no contract.
    """
    session = open_session(path, "name another with --policy, or train one: ./xdog train gait")
    contract = contract_from_metadata(session.get_modelmeta().custom_metadata_map, str(path))

    def act(observation: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"observation": observation.numpy()})[0])

    return act, contract


def draw_test_commands(seed: int, count: int, robots: int) -> Tuple[Tensor, torch.Generator]:
    """Commands (count, robots, 3) from COMMAND_RANGE, m/s and rad/s, and the generator for further draws."""
    generator = torch.Generator().manual_seed(COMMAND_STREAM + seed)
    axes = [uniform(COMMAND_RANGE[axis], (count, robots), generator) for axis in ("vx", "vy", "wz")]
    return torch.stack(axes, 2), generator


def scored_samples(episodes: Episodes, config: GaitConfig, interval: float = COMMAND_INTERVAL) -> np.ndarray:
    """(k, n) bool: upright, and at least SETTLE seconds after the last change of command."""
    steps = np.arange(len(episodes.valid)) % round(interval / config.control.period)
    return episodes.valid & (steps >= round(SETTLE / config.control.period))[:, None]


def tracking_scores(episodes: Episodes, config: GaitConfig) -> Dict[str, Any]:
    """velocity_rmse (m/s), yaw_rate_rmse (rad/s), fall_rate and the gait's costs, each with a 95 % interval.

    Margins are one minus the 99th percentile of torque_share and limit_share in an episode, averaged over episodes.
    """
    scored = scored_samples(episodes, config)
    scores: Dict[str, Any] = {}
    for name, errors in (("velocity_rmse", episodes.planar_error), ("yaw_rate_rmse", episodes.yaw_error)):
        per_episode = np.stack([(errors * scored).sum(0), scored.sum(0)], 1)
        per_episode = per_episode[per_episode[:, 1] > 0]
        scores[name] = root_mean(per_episode) if len(per_episode) else math.nan
        scores[f"{name}_interval"] = bootstrap_interval(per_episode, root_mean) if len(per_episode) else None
    falls, trials = int(episodes.fell.sum()), len(episodes.fell)
    scores["fall_rate"] = falls / trials
    scores["fall_rate_interval"] = wilson_interval(falls, trials)
    speed = np.linalg.norm(episodes.linear_velocity[:, :, :2], axis=2)
    walking = scored & (speed > 0.2)
    energy = np.stack([(episodes.power * walking).sum(0), (speed * walking).sum(0)], 1)
    energy = energy[energy[:, 1] > 0]

    def transport(rows: np.ndarray) -> float:
        return float(rows[:, 0].sum() / rows[:, 1].sum())

    scores["power_per_speed"] = transport(energy) if len(energy) else math.nan
    scores["power_per_speed_interval"] = bootstrap_interval(energy, transport) if len(energy) else None
    valid = episodes.valid
    upright = [i for i in range(trials) if valid[:, i].any()]
    smooth = np.array([episodes.action_rate[valid[:, i], i].mean() for i in upright])
    torque = np.array([1.0 - np.percentile(episodes.torque_share[valid[:, i], i], 99) for i in upright])
    reach = np.array([1.0 - np.percentile(episodes.limit_share[valid[:, i], i], 99) for i in upright])
    for name, values in (
        ("target_change_rms_rad", smooth),
        ("torque_margin", torque),
        ("joint_limit_margin", reach),
    ):
        scores[name] = float(values.mean()) if upright else math.nan
        scores[f"{name}_interval"] = bootstrap_interval(values) if upright else None
    return scores


def evaluate_policy(
    actor: Actor,
    robot: RobotDescription,
    config: GaitConfig,
    ranges: Randomization,
    seed: int,
    episodes: int = 100,
    report: Optional[ReportProgress] = None,
) -> Tuple[Dict[str, Any], Episodes]:
    """Tracking, standing and push scores, and the recorded tracking episodes. The caller must choose held-out seeds.

    Random pushes are off while tracking and standing are scored. Standing: 3 s of a random command, then zero; drift is
    the distance between 1 s and 21 s after the stop. Pushes: every other robot stands, the others follow commands.
    """
    calm = ranges.without_pushes()
    commands, generator = draw_test_commands(seed, round(20.0 / COMMAND_INTERVAL), episodes)
    walk = run_episodes(actor, robot, config, calm, commands, seed, report=report, label="tracking")
    scores = tracking_scores(walk, config)
    mass = robot.mass + np.mean(ranges.trunk_mass) + np.mean(ranges.payload)
    weight = float(mass * GRAVITY)
    scores["cost_of_transport"] = scores.pop("power_per_speed") / weight
    interval = scores.pop("power_per_speed_interval")
    scores["cost_of_transport_interval"] = None if interval is None else tuple(end / weight for end in interval)

    stop = torch.zeros(8, episodes, 3)
    stop[0] = commands[0]
    stand = run_episodes(
        actor, robot, config, calm, stop, seed + 1, interval=STAND_SLOT, report=report, label="standing"
    )
    start, end = (round((STAND_SLOT + after) / config.control.period) - 1 for after in (SETTLE, SETTLE + 20.0))
    drift = 100.0 * np.linalg.norm(stand.position[end] - stand.position[start], axis=1)[~stand.fell]
    scores["standing_drift_cm"] = float(drift.mean()) if len(drift) else math.nan
    scores["standing_drift_cm_interval"] = bootstrap_interval(drift) if len(drift) else None
    scores["standing_drift_cm_max"] = float(drift.max()) if len(drift) else math.nan
    scores["standing_falls"] = int(stand.fell.sum())

    heading = 2.0 * math.pi * torch.rand(episodes, generator=generator)
    push = PUSH_SPEED * torch.stack([torch.cos(heading), torch.sin(heading)], 1)
    shoved_commands = commands[:2].clone()
    shoved_commands[:, ::2] = 0.0
    shoved = run_episodes(
        actor, robot, config, calm, shoved_commands, seed + 2, push=push, push_time=4.0, report=report, label="pushes"
    )
    survived = episodes - int(shoved.fell.sum())
    scores["push_survival"] = survived / episodes
    scores["push_survival_interval"] = wilson_interval(survived, episodes)
    scores["simulations_lost"] = walk.lost + stand.lost + shoved.lost
    scores["episodes"] = episodes
    scores["seed"] = seed
    return scores, walk


def speed_curve(
    actor: Actor,
    contract: PolicyContract,
    robot: RobotDescription,
    config: GaitConfig,
    ranges: Randomization,
    seed: int,
    report: Optional[ReportProgress] = None,
    robots: int = 10,
) -> Dict[str, List[Dict[str, float]]]:
    """Mean measured speed and fall rate for commands up to 2.0 m/s forward and 450 deg/s of turning.

    Commands are clipped to the contract's range, as the robot's runner does; ``robots`` randomised robots each.
    """
    calm = ranges.without_pushes()
    curve: Dict[str, List[Dict[str, float]]] = {}
    for axis, name, wanted in (
        (0, "vx", np.linspace(0.25, 2.0, 8)),
        (2, "wz", np.linspace(0.125, 1.0, 8) * math.radians(450.0)),
    ):
        low, high = contract.command_range[name]
        commands = torch.zeros(2, len(wanted) * robots, 3)
        commands[:, :, axis] = torch.tensor(wanted, dtype=torch.float32).clamp(low, high).repeat_interleave(robots)
        run = run_episodes(actor, robot, config, calm, commands, seed + 3 + axis, report=report, label=f"{name} curve")
        measured = run.angular_velocity[:, :, 2] if name == "wz" else run.linear_velocity[:, :, 0]
        half = len(measured) // 2
        curve[name] = []
        for i, speed in enumerate(wanted):
            rows = slice(i * robots, (i + 1) * robots)
            valid = run.valid[half:, rows]
            mean = float(measured[half:, rows][valid].mean()) if valid.any() else math.nan
            curve[name].append({"commanded": float(speed), "measured": mean, "fall_rate": float(run.fell[rows].mean())})
    return curve
