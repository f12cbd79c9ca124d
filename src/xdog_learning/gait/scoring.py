"""How well a gait policy walks: held-out episodes in 1 kHz physics, through the same ONNX file that the robot runs."""

import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from xdog.core.description import RobotDescription
from xdog.locomotion.contract import PolicyContract
from xdog_learning.report import bootstrap_interval, root_mean, wilson_interval
from xdog_sim.batch.mujoco_cpu import MujocoBatch
from xdog_sim.randomization import Randomization, uniform
from xdog_sim.tasks.gait_config import GaitConfig
from xdog_sim.tasks.velocity import VelocityTask
from xdog_sim.world import WorldOptions

Actor = Callable[[Tensor], Tensor]
Report = Callable[[str, float], None]

COMMAND_RANGE = {"vx": (-1.0, 1.0), "vy": (-0.4, 0.4), "wz": (-1.5, 1.5)}
"""Commands of the scored episodes, m/s and rad/s."""
COMMAND_INTERVAL = 5.0
"""Seconds between commands of the scored episodes."""
SETTLE = 1.0
"""Seconds after a change of command that do not count."""
STAND_SLOT = 3.0
"""Seconds of walking before the standing test's zero command."""
PUSH_SPEED = 0.6
"""Sudden change of velocity in the push test, m/s."""
GRAVITY = 9.81
COMMAND_STREAM = 1_000_000
"""Added to a seed for drawing commands: with the task's own seed, commands and bodies would be the same numbers."""


@dataclass
class Episodes:
    """Recordings of n episodes, k control steps each; samples after a fall are not valid.

    Attributes:
        command, linear_velocity, angular_velocity: (k, n, 3). planar_error, yaw_error: (k, n) squared.
        position: (k, n, 2) of the trunk, m. valid: (k, n) bool. fell: (n,) bool.
        power: (k, n) mechanical power put in, W. action_rate: (k, n) rms change of the joint targets, rad.
        torque_share, limit_share: (k, n) largest torque over its limit, and largest distance of a joint from the
        middle of its range over half the range. lost: simulations that became non-finite.
    """

    command: np.ndarray
    linear_velocity: np.ndarray
    angular_velocity: np.ndarray
    planar_error: np.ndarray
    yaw_error: np.ndarray
    position: np.ndarray
    valid: np.ndarray
    fell: np.ndarray
    power: np.ndarray
    action_rate: np.ndarray
    torque_share: np.ndarray
    limit_share: np.ndarray
    lost: int


def evaluation_options(config: GaitConfig) -> WorldOptions:
    """The physics of the evaluation: 1 kHz, every contact, the URDF's dry friction, the solver run to convergence."""
    return WorldOptions(
        timestep=config.physics.evaluate_timestep,
        leg_actuators="position",
        leg_kp=config.control.kp,
        leg_kd=config.control.kd,
        arm="fixed",
        contacts="full",
        sensors=False,
        visuals=False,
        solver_iterations=20,
    )


def run_episodes(
    actor: Actor,
    robot: RobotDescription,
    config: GaitConfig,
    ranges: Randomization,
    commands: Tensor,
    seed: int,
    options: Optional[WorldOptions] = None,
    push: Optional[Tensor] = None,
    push_time: float = 0.0,
    interval: float = COMMAND_INTERVAL,
    report: Optional[Report] = None,
    label: str = "",
) -> Episodes:
    """Run one episode per robot under fixed commands (c, n, 3), each held for ``interval`` seconds.

    Args:
        actor: observation (n, size) to raw action (n, 12).
        push: (n, 2) m/s, world, given to every trunk ``push_time`` seconds after the start.
        report: called with ``label`` and the share that is done.
    """
    count = commands.shape[1]
    sim = MujocoBatch(options or evaluation_options(config), count, robot=robot)
    steps = round(commands.shape[0] * interval / config.control.period)
    task = VelocityTask(sim, robot, config, ranges, seed, commands=commands, command_interval=interval)
    task.episode_steps = steps + 1
    middle = torch.tensor((robot.legs.lower + robot.legs.upper) / 2, dtype=torch.float32)
    half = torch.tensor((robot.legs.upper - robot.legs.lower) / 2, dtype=torch.float32)
    effort = torch.tensor(robot.legs.effort, dtype=torch.float32)
    alive, fell = torch.ones(count, dtype=torch.bool), torch.zeros(count, dtype=torch.bool)
    rows: Dict[str, List[Tensor]] = {
        name: []
        for name in (
            "command", "linear_velocity", "angular_velocity", "planar_error", "yaw_error",
            "position", "valid", "power", "action_rate", "torque_share", "limit_share",
        )
    }  # fmt: skip
    observation, _ = task.observe()
    for k in range(steps):
        if push is not None and k == round(push_time / config.control.period):
            sim.push(torch.arange(count), torch.cat([push, torch.zeros(count, 1)], 1))
        result = task.step(actor(observation))
        observation, final = result.observation, result.final
        fell |= result.terminated & alive
        alive &= ~result.terminated
        position = sim.state().position[:, :2]
        rows["command"].append(final.command)
        rows["linear_velocity"].append(final.linear_velocity)
        rows["angular_velocity"].append(final.angular_velocity)
        rows["planar_error"].append(final.planar_error)
        rows["yaw_error"].append(final.yaw_error)
        rows["position"].append(position)
        rows["valid"].append(alive.clone())
        rows["power"].append((final.torque[:, -1] * final.joint_velocity).clamp(min=0.0).sum(1))
        change = config.control.action_scale * (final.action - final.last_action)
        rows["action_rate"].append((change**2).mean(1).sqrt())
        rows["torque_share"].append((final.torque.abs().amax(1) / effort).amax(1))
        rows["limit_share"].append(((final.joint_position + task.default - middle).abs() / half).amax(1))
        if report is not None and k % 10 == 9:
            report(label, (k + 1) / steps)
    stacked = {name: torch.stack(values).numpy() for name, values in rows.items()}
    return Episodes(
        **stacked,
        fell=fell.numpy(),
        lost=sim.failures,
    )


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
    report: Optional[Report] = None,
) -> Tuple[Dict[str, Any], Episodes]:
    """Tracking, standing and push scores, and the recorded tracking episodes. Seeds are the caller's to hold out.

    Random pushes are off while tracking and standing are scored. Standing: 3 s of a random command, then zero; drift is
    the distance between 1 s and 21 s after the stop. Pushes: every other robot stands, the others follow commands.
    """
    generator = torch.Generator().manual_seed(COMMAND_STREAM + seed)
    calm = ranges.without_pushes()
    slots = round(20.0 / COMMAND_INTERVAL)
    commands = torch.stack([uniform(COMMAND_RANGE[a], (slots, episodes), generator) for a in ("vx", "vy", "wz")], 2)
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
    report: Optional[Report] = None,
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


def check_config_fits(contract: PolicyContract, config: GaitConfig) -> None:
    """Make sure that a policy is judged in the loop it was trained for.

    Raises:
        ValueError: the observation, period, gains or action scale of the settings differ from the contract's.
    """
    differences = [
        name
        for name, here, there in (
            ("observation", config.observation, contract.terms),
            ("trot", config.trot, contract.trot),
            ("period", config.control.period, contract.period),
            ("kp", {config.control.kp}, set(contract.kp)),
            ("kd", {config.control.kd}, set(contract.kd)),
            ("action_scale", {config.control.action_scale}, set(contract.action_scale)),
        )
        if here != there
    ]
    if differences:
        raise ValueError(
            f"the settings differ from the policy's contract in: {', '.join(differences)}. Evaluate with those that "
            "it was trained with (--settings FILE), or train anew with './xdog train gait'."
        )
