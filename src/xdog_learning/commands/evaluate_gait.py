"""`./xdog evaluate gait`: the command line."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict

import torch
from rich.progress import TaskID
from rich.table import Table

from xdog.core.description import load_description
from xdog.core.onnx_session import PolicyError
from xdog.core.paths import share_path
from xdog.locomotion.contract import check_contract
from xdog_learning.command_line import Count, GaitPolicyFile, HeldOutSeed, InputFile, OutputFolder, run_command
from xdog_learning.gait.contract import check_config_fits
from xdog_learning.gait.plots import plot_speed_curve, plot_tracking
from xdog_learning.gait.scoring import evaluate_policy, load_actor, speed_curve
from xdog_learning.report import HELD_OUT_SEED, interval_text, make_table, print_json
from xdog_sim.console import make_console, progress_bar
from xdog_sim.randomization import load_ranges
from xdog_sim.tasks.gait_config import load_gait_config

COMMAND = "evaluate gait"

QUICK = 10
"""Episodes of a quick evaluation."""
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
"""Unit and goal of every score in the table."""


@dataclass
class EvaluateGaitOptions:
    """Score a gait policy on episodes that training never saw: tracking, standing, pushes and its highest speeds.

    Attributes:
        policy: the .onnx file to score.
        settings: those it was trained with; policies/gait.yaml if not given.
        episodes: number of episodes of 20 s in each test, one robot each.
        seed: of bodies, commands and noise; 1000 or more, since training uses lower ones.
        curve: also measure the speed curve towards 2.0 m/s and 450 deg/s.
        quick: 10 episodes and no speed curve; not for reported scores.
        output: folder for the plots.
        json: print one JSON object as the last line.
    """

    policy: GaitPolicyFile = field(default_factory=lambda: share_path("policies") / "gait.onnx")
    settings: InputFile = field(default_factory=lambda: share_path("policies", "gait.yaml"))
    episodes: Count = 100
    seed: HeldOutSeed = HELD_OUT_SEED
    curve: bool = True
    quick: bool = False
    output: OutputFolder = Path("out/evaluate")
    json: bool = False


def evaluate(options: EvaluateGaitOptions) -> None:
    """Score, plot and print."""
    torch.set_num_threads(1)
    console = make_console(stderr=options.json)
    actor, contract = load_actor(options.policy)
    robot, config, ranges = load_description(), load_gait_config(options.settings), load_ranges()
    check_contract(contract, robot, str(options.policy))
    check_config_fits(contract, config)
    options.output.mkdir(parents=True, exist_ok=True)
    episodes = QUICK if options.quick else options.episodes
    with progress_bar(console) as progress:
        bars: Dict[str, TaskID] = {}

        def report(label: str, share: float) -> None:
            if label not in bars:
                bars[label] = progress.add_task(label, total=1.0)
            progress.update(bars[label], completed=share)

        scores, walk = evaluate_policy(actor, robot, config, ranges, options.seed, episodes, report)
        plots = [plot_tracking(walk, config, options.output / "tracking.png")]
        if options.curve and not options.quick:
            scores["speed_curve"] = speed_curve(actor, contract, robot, config, ranges, options.seed, report)
            plots.append(plot_speed_curve(scores["speed_curve"], options.output / "speed.png"))
    console.print(score_table(scores, options.policy, 1.0 / config.physics.evaluate_timestep))
    console.print("Plots: " + ", ".join(str(plot) for plot in plots))
    if options.json:
        print_json(scores)


def score_table(scores: Dict[str, Any], policy: Path, rate: float) -> Table:
    """The scores for the terminal; ``rate`` of the physics in Hz."""
    rows = []
    for name, (unit, goal) in GOALS.items():
        interval = scores.get(f"{name}_interval")
        rows.append([name, f"{scores[name]:.3f}", "" if interval is None else interval_text(interval), unit, goal])
    title = f"{policy.name}: {scores['episodes']} episodes, seed {scores['seed']}, physics at {rate:.0f} Hz"
    return make_table("score", "value", "95 % interval", "unit", "goal", title=title, rows=rows)


def main() -> int:
    """Entry point."""
    return run_command(EvaluateGaitOptions, COMMAND, evaluate, errors=(PolicyError,))


if __name__ == "__main__":
    sys.exit(main())
