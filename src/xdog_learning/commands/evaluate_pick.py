"""`./xdog evaluate pick`: the whole dog picks objects up at held-out placements, through the running ROS graph."""

import json
import signal
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import tyro
from rich.console import Console
from rich.table import Table

from xdog.core.config_file import ConfigError
from xdog.core.contract import ContractError
from xdog.core.onnx_session import PolicyError
from xdog.core.paths import require_writable, share_path
from xdog.grasp.policy import GraspPolicy
from xdog_learning.commands.evaluate_grasp import HELD_OUT_SEED
from xdog_learning.grasp.pick_scenarios import PickResult, PickScenario, write_scene
from xdog_learning.report import wilson_interval
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.ros_graph import GraphError, RosGraph


@dataclass
class EvaluatePickOptions:
    """Let the simulated dog stand up, choose its stance and pick an object up, placement after placement.

    The placements are held-out ones as in './xdog evaluate grasp', but here the dog stands on its own legs, perception
    is the simulated detector's, the node 'grasp' acts through arm controller and safety, and may try three times. An
    object counts as picked if in the simulation it is 5 cm up when the action ends, and still is 1 s later.

    Attributes:
        placements: how many.
        seed: of placements; 1000 or more.
        policy: grasp policy to pick with; one that sees gets a wrist camera.
        output: folder for scene and logs.
        json: print one JSON object as the last line.
    """

    placements: int = 48
    seed: int = HELD_OUT_SEED
    policy: Path = field(default_factory=lambda: share_path("policies", "grasp_state.onnx"))
    output: Path = Path("out/evaluate/pick")
    json: bool = False


Tried = Tuple[PickScenario, PickResult]


def run(arguments: EvaluatePickOptions, console: Console) -> List[Tried]:
    """Try all placements in a private graph.

    Raises:
        GraphError: the graph does not start or fails; the message holds the end of its log.
        PolicyError, ContractError: the policy is none for this robot.
    """
    placer = ScenarioSampler()
    sees = GraspPolicy(arguments.policy, placer.robot).contract.image is not None
    placements = list(placer.draws(arguments.placements, arguments.seed, held_out=True))
    scene = arguments.output.resolve() / "scene.yaml"
    lanes = write_scene(placements, scene)
    launch = {
        "sim": "true",
        "lockstep": "true",
        "viewer": "false",
        "scene": str(scene),
        "grasp_policy": str(arguments.policy.resolve()),
        "wrist_camera": str(sees).lower(),
        "seed": str(arguments.seed),
    }
    tried: List[Tried] = []

    def report(lane: PickScenario, picked: PickResult) -> None:
        tried.append((lane, picked))
        records = [{**asdict(one), **asdict(what)} for one, what in tried]
        (arguments.output / "picks.json").write_text(json.dumps(records, indent=1), encoding="utf-8")
        mark = "[green]picked[/green]" if picked.lifted else f"[red]{picked.outcome}[/red]"
        line = f"{len(tried):3d} {lane.label} on {lane.support} at {lane.surface:.2f} m: {mark}, {picked.seconds:.1f} s"
        console.print(line, highlight=False)
        console.print(f"    {picked.message}", markup=False, highlight=False)

    with RosGraph(launch, arguments.output / "log") as graph:
        from xdog_learning.nodes.picker import PickerError, pick_all  # rospy reads the environment that the graph set

        try:
            pick_all(lanes, placer.config.success, report)
        except PickerError as error:
            raise GraphError(f"{error}\n{graph.log} ends with:\n{graph.tail()}") from error
    return tried


def summarise(tried: Sequence[Tried]) -> Dict[str, Any]:
    """Shares with intervals, over all and by support; what the action said of the rest; claims that were not true."""
    won = [bool(picked.lifted) for _, picked in tried]
    scores: Dict[str, Any] = {
        "pick_success": sum(won) / len(won),
        "pick_success_interval": wilson_interval(sum(won), len(won)),
        "pick_first_attempt": sum(p.lifted and p.attempts == 1 for _, p in tried) / len(tried),
        "pick_false_claims": sum(p.outcome == "picked" and not p.lifted for _, p in tried),
        "pick_seconds": sum(p.seconds for _, p in tried) / len(tried),
        "pick_outcomes": dict(Counter(picked.outcome for _, picked in tried)),
    }
    counts, hits = Counter(lane.support for lane, _ in tried), Counter(lane.support for lane, p in tried if p.lifted)
    scores["pick_by_support"] = {
        support: {"success": hits[support] / count, "interval": wilson_interval(hits[support], count), "count": count}
        for support, count in sorted(counts.items())
    }
    return scores


def main() -> None:
    """Entry point."""
    arguments = tyro.cli(EvaluatePickOptions, prog="xdog evaluate pick")
    if arguments.seed < HELD_OUT_SEED:
        raise SystemExit(f"--seed {arguments.seed}: seeds below {HELD_OUT_SEED} are for trials; take another.")
    if arguments.placements < 1:
        raise SystemExit(f"--placements {arguments.placements}: must be above zero.")
    if not arguments.policy.is_file():
        raise SystemExit(f"there is no {arguments.policy}: train one with './xdog train grasp --observe state'")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # so that the graph is ended in order
    console = Console(stderr=arguments.json, soft_wrap=True)
    try:
        require_writable(arguments.output, "--output")
        tried = run(arguments, console)
    except KeyboardInterrupt:
        raise SystemExit("stopped") from None
    except (ConfigError, GraphError, PolicyError, ContractError, OSError) as error:
        raise SystemExit(f"cannot evaluate: {error}") from error
    scores = {"placements": len(tried), "seed": arguments.seed, **summarise(tried)}
    table = Table("score", "value", "95 % interval", title=f"{len(tried)} held-out placements, seed {arguments.seed}")
    low, high = scores["pick_success_interval"]
    table.add_row("pick_success", f"{scores['pick_success']:.3f}", f"{low:.3f} .. {high:.3f}")
    for support, entry in scores["pick_by_support"].items():
        low, high = entry["interval"]
        table.add_row(f"  {support} ({entry['count']})", f"{entry['success']:.3f}", f"{low:.3f} .. {high:.3f}")
    table.add_row("at the first attempt", f"{scores['pick_first_attempt']:.3f}", "")
    table.add_row("said to be picked, but not up", str(scores["pick_false_claims"]), "")
    table.add_row("s from request to end", f"{scores['pick_seconds']:.1f}", "")
    console.print(table)
    if arguments.json:
        print(json.dumps(scores))


if __name__ == "__main__":
    main()
