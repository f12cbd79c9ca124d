"""`./xdog evaluate gait`: score a policy file on held-out episodes in 1 kHz physics, with plots."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import onnxruntime
import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from torch import Tensor

from xdog.core.description import load_description
from xdog.core.paths import require_writable, share_path
from xdog.locomotion.contract import PolicyContract, check_contract, contract_from_metadata
from xdog_learning.gait.plots import plot_speed_curve, plot_tracking
from xdog_learning.gait.scoring import Actor, check_config_fits, evaluate_policy, speed_curve
from xdog_sim.randomization import load_ranges
from xdog_sim.tasks.gait_config import load_gait_config

HELD_OUT_SEED = 1000
"""Lowest seed of scored episodes."""

GOALS = {
    "velocity_rmse": ("m/s", "<= 0.12"),
    "yaw_rate_rmse": ("rad/s", "<= 0.20"),
    "fall_rate": ("", "<= 0.01"),
    "standing_drift_cm": ("cm in 20 s", "< 2"),
    "push_survival": ("", ">= 0.95"),
    "cost_of_transport": ("", ""),
    "target_change_rms_rad": ("rad a step", ""),
    "torque_margin": ("of the limit", ""),
    "joint_limit_margin": ("of the range", ""),
}


@dataclass
class EvaluateGaitOptions:
    """Score a gait policy: tracking, standing, pushes and its fastest speeds, on episodes that training never saw.

    Attributes:
        policy: the .onnx file to judge.
        settings: those it was trained with; policies/gait.yaml if not given.
        episodes: how many episodes of 20 s each test runs, one robot each.
        seed: of bodies, commands and noise; 1000 or more, since training uses lower ones.
        curve: also measure the speed curve toward 2.0 m/s and 450 deg/s.
        output: folder for the plots.
        json: print one JSON object as the last line.
    """

    policy: Path = field(default_factory=lambda: share_path("policies") / "gait.onnx")
    settings: Path = field(default_factory=lambda: share_path("policies", "gait.yaml"))
    episodes: int = 100
    seed: int = HELD_OUT_SEED
    curve: bool = True
    output: Path = Path("out/evaluate")
    json: bool = False


def load_actor(path: Path) -> "tuple[Actor, PolicyContract]":
    """The policy file as a function of torch tensors, and its contract.

    Raises:
        SystemExit: with one message, when the file cannot be read or has no contract.
    """
    if not path.is_file():
        raise SystemExit(f"there is no policy file {path}: name another with --policy, or train one: ./xdog train gait")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        contract = contract_from_metadata(session.get_modelmeta().custom_metadata_map, str(path))
    except Exception as error:  # onnxruntime raises its own kinds, all of them mean that the file is unusable
        reason = str(error).strip(" .")
        raise SystemExit(f"{path} is no policy that can be evaluated: {reason}") from error

    def act(observation: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"observation": observation.numpy()})[0])

    return act, contract


def main() -> None:
    """Entry point."""
    arguments = tyro.cli(EvaluateGaitOptions, prog="xdog evaluate gait")
    if arguments.seed < HELD_OUT_SEED:
        raise SystemExit(f"--seed {arguments.seed}: training may have seen seeds below {HELD_OUT_SEED}; take another.")
    torch.set_num_threads(1)
    actor, contract = load_actor(arguments.policy)
    try:
        robot, config, ranges = load_description(), load_gait_config(arguments.settings), load_ranges()
        check_contract(contract, robot, str(arguments.policy))
        check_config_fits(contract, config)
        require_writable(arguments.output, "--output")
    except (OSError, ValueError) as error:
        raise SystemExit(f"cannot evaluate: {error}") from error
    console = Console(stderr=arguments.json)
    columns = TextColumn("{task.description:>10}"), BarColumn(), TextColumn("{task.percentage:3.0f} %")
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bars: Dict[str, Any] = {}

        def report(label: str, share: float) -> None:
            if label not in bars:
                bars[label] = progress.add_task(label, total=1.0)
            progress.update(bars[label], completed=share)

        scores, walk = evaluate_policy(actor, robot, config, ranges, arguments.seed, arguments.episodes, report)
        arguments.output.mkdir(parents=True, exist_ok=True)
        plots = [plot_tracking(walk, config, arguments.output / "tracking.png")]
        if arguments.curve:
            curve = speed_curve(actor, contract, robot, config, ranges, arguments.seed, report)
            scores["speed_curve"] = curve
            plots.append(plot_speed_curve(curve, arguments.output / "speed.png"))
    console.print(_table(scores, arguments.policy, 1.0 / config.physics.evaluate_timestep))
    console.print("Plots: " + ", ".join(str(plot) for plot in plots))
    if arguments.json:
        print(json.dumps(_plain(scores)))


def _table(scores: Dict[str, Any], policy: Path, rate: float) -> Table:
    table = Table(
        title=f"{policy.name}: {scores['episodes']} episodes, seed {scores['seed']}, physics at {rate:.0f} Hz"
    )
    for column in ("score", "value", "95 % interval", "unit", "goal"):
        table.add_column(column)
    for name, (unit, goal) in GOALS.items():
        interval = scores.get(f"{name}_interval")
        shown = "" if interval is None else f"{interval[0]:.3f} .. {interval[1]:.3f}"
        table.add_row(name, f"{scores[name]:.3f}", shown, unit, goal)
    return table


def _plain(value: Any) -> Any:
    """JSON-ready: numbers rounded to four digits, not-a-number as null."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        entries: List[Any] = [_plain(entry) for entry in value]
        return entries
    if isinstance(value, (float, np.floating)):
        return round(float(value), 4) if np.isfinite(value) else None
    return value


if __name__ == "__main__":
    main()
