"""`./xdog evaluate pick`: the command line."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List

from rich.table import Table
from rich.text import Text

from xdog.core.onnx_session import PolicyError
from xdog.core.paths import share_path
from xdog_learning.command_line import Count, GraspPolicyFile, HeldOutSeed, OutputFolder, run_command
from xdog_learning.grasp.pick_scenarios import PickResult, PickScenario
from xdog_learning.grasp.pick_scoring import attempt_picks, summarise_picks
from xdog_learning.report import HELD_OUT_SEED, interval_text, make_table, print_json
from xdog_sim.console import make_console
from xdog_sim.ros_graph import GraphError

COMMAND = "evaluate pick"


@dataclass
class EvaluatePickOptions:
    """Let the simulated dog stand up, choose its stance and pick an object up, placement after placement.

    The placements are held-out ones as in './xdog evaluate grasp', but here the dog stands on its own legs, perception
    is the simulated detector's, the node 'grasp' acts through arm controller and safety, and may try three times. An
    object counts as picked if in the simulation it is 5 cm up when the action ends and still is 1 s later.

    Attributes:
        placements: number of placements.
        seed: of placements; 1000 or more.
        policy: grasp policy to pick with; an image policy gets a wrist camera.
        output: folder for scene and logs.
        json: print one JSON object as the last line.
    """

    placements: Count = 48
    seed: HeldOutSeed = HELD_OUT_SEED
    policy: GraspPolicyFile = field(default_factory=lambda: share_path("policies", "grasp_state.onnx"))
    output: OutputFolder = Path("out/evaluate/pick")
    json: bool = False


def evaluate(options: EvaluatePickOptions) -> None:
    """Attempt all placements and print the scores."""
    console, done = make_console(stderr=options.json), 0

    def report(scenario: PickScenario, result: PickResult) -> None:
        nonlocal done
        done += 1
        place = f"{done:3d} {scenario.label} on {scenario.support} at {scenario.surface:.2f} m: "
        outcome = ("picked", "green") if result.lifted else (result.outcome, "red")
        console.print(Text.assemble(place, outcome, f", {result.seconds:.1f} s"))
        console.print(f"    {result.message}")

    options.output.mkdir(parents=True, exist_ok=True)
    attempted = attempt_picks(options.policy, options.placements, options.seed, options.output, report)
    scores = {"placements": len(attempted), "seed": options.seed, **summarise_picks(attempted)}
    console.print(score_table(scores))
    if options.json:
        print_json(scores)


def score_table(scores: Dict[str, Any]) -> Table:
    """The scores for the terminal."""
    rows: List[List[str]] = [
        ["pick_success", f"{scores['pick_success']:.3f}", interval_text(scores["pick_success_interval"])]
    ]
    for support, entry in scores["pick_by_support"].items():
        rows.append([f"  {support} ({entry['count']})", f"{entry['success']:.3f}", interval_text(entry["interval"])])
    rows += [
        ["at the first attempt", f"{scores['pick_first_attempt']:.3f}", ""],
        ["reported as picked, but not lifted", str(scores["pick_false_claims"]), ""],
        ["s from request to end", f"{scores['pick_seconds']:.1f}", ""],
    ]
    title = f"{scores['placements']} held-out placements, seed {scores['seed']}"
    return make_table("score", "value", "95 % interval", title=title, rows=rows)


def main() -> int:
    """Entry point."""
    return run_command(EvaluatePickOptions, COMMAND, evaluate, errors=(GraphError, PolicyError))


if __name__ == "__main__":
    sys.exit(main())
