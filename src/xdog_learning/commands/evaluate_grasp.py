"""`./xdog evaluate grasp`: score the grasp policies on held-out placements by the strict judge, with plots."""

import json
import os
import time
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from xdog.core.description import load_description
from xdog.core.onnx_session import PolicyError
from xdog.core.paths import require_writable, share_path
from xdog.grasp.observation import TOKEN_SIZE
from xdog.grasp.policy import GraspPolicy
from xdog_learning.grasp.pictures import plot_scores, save_contact_sheet
from xdog_learning.grasp.trials import CONDITIONS, EXPERT, Condition, Trial, run_trials, successes
from xdog_learning.report import wilson_interval
from xdog_sim.offscreen import RenderError, choose_renderer

HELD_OUT_SEED = 1000
"""Lowest seed of scored placements."""

GOALS = {
    "expert_success": ">= 0.98",
    "state_success": ">= 0.95, above mlp_success",
    "image_success": ">= 0.80",
    "state_chunk_ms": "< 2",
    "image_chunk_ms": "< 20",
}

TIMED = 200
"""Inferences of which the median is taken."""


@dataclass
class EvaluateGraspOptions:
    """Score the grasp policies: expert, ACT by place, ACT by camera and the baseline, on placements that nobody saw.

    Every score is the share of placements whose object was lifted and held by the rule of
    sim/grasp_scenarios.yaml. The scores with a flaw in their name repeat that with the object's place wrong by 1 or
    2 cm (root mean square of the error's length; for the policy that sees, its camera is that far out of place), a
    noise of 15 of 255 on every pixel, measurements that arrive 60 ms late, and joints with twice the backlash.

    Attributes:
        policies: folder of grasp_state.onnx, grasp_image.onnx and grasp_mlp.onnx.
        only: actors to score (expert, state, image, mlp); if not given, the expert and all whose policy is there.
        episodes: placements.
        quick: 20 placements and no worsened conditions; not for reported figures.
        seed: of placements and noise; 1000 or more.
        workers: processes, one thread each.
        output: folder for the plots.
        json: print one JSON object as the last line.
    """

    policies: Path = field(default_factory=lambda: share_path("policies"))
    only: List[str] = field(default_factory=list)
    episodes: int = 200
    quick: bool = False
    seed: int = HELD_OUT_SEED
    workers: int = 2
    output: Path = Path("out/evaluate")
    json: bool = False


def policy_file(arguments: EvaluateGraspOptions, actor: str) -> Path:
    """Where an actor's policy is."""
    return arguments.policies / f"grasp_{actor}.onnx"


def chosen_conditions(arguments: EvaluateGraspOptions) -> List[Condition]:
    """What is to be scored.

    Raises:
        SystemExit: an actor that does not exist.
    """
    actors = list(dict.fromkeys(condition.actor for condition in CONDITIONS))
    unknown = sorted(set(arguments.only) - set(actors))
    if unknown:
        raise SystemExit(f"--only {' '.join(unknown)}: the actors are {', '.join(actors)}")
    there = [actor for actor in actors if actor == EXPERT or policy_file(arguments, actor).is_file()]
    for actor in sorted(set(actors) - set(there) - {EXPERT}) if not arguments.only else ():
        print(f"not scored: {actor}, there is no {policy_file(arguments, actor)} (docs/use/grasping.md: training)")
    wanted = [condition for condition in CONDITIONS if condition.actor in (arguments.only or there)]
    return [condition for condition in wanted if condition.name.endswith("_success") or not arguments.quick]


def chunk_milliseconds(policy: GraspPolicy) -> float:
    """Median time of one inference on one core."""
    image = None if policy.contract.image is None else np.zeros((*policy.contract.image, 3), np.uint8)
    joints, token = np.zeros(len(policy.contract.joints)), np.zeros(TOKEN_SIZE)
    taken = []
    for _ in range(TIMED):
        begun = time.perf_counter()
        policy.predict(joints, token, image)
        taken.append(1000.0 * (time.perf_counter() - begun))
    return float(np.median(taken))


def summarise(trials: Sequence[Trial], conditions: Sequence[Condition]) -> Dict[str, Any]:
    """Success rates with intervals; without worsened flaws also by support, object, sight and distance."""
    scores: Dict[str, Any] = {}
    for condition in conditions:
        won = successes(trials, condition.name)
        scores[condition.name] = sum(won) / len(won)
        scores[f"{condition.name}_interval"] = wilson_interval(sum(won), len(won))
        if not condition.name.endswith("_success"):
            continue
        groups = {
            "support": [trial.support for trial in trials],
            "object": [trial.kind for trial in trials],
            "sight": ["seen" if trial.seen else "unseen" for trial in trials],
            "radius": [f"{0.1 * np.floor(10.0 * trial.radius):.1f}" for trial in trials],
        }
        for name, labels in groups.items():
            counts = Counter(labels)
            hits = Counter(label for label, hit in zip(labels, won) if hit)
            scores[f"{condition.actor}_by_{name}"] = {
                label: {
                    "success": hits[label] / count,
                    "interval": wilson_interval(hits[label], count),
                    "episodes": count,
                }
                for label, count in sorted(counts.items())
            }
        reasons = Counter(trial.outcomes[condition.name].reason.split(",")[0] for trial in trials)
        scores[f"{condition.actor}_failures"] = {reason: count for reason, count in reasons.most_common() if reason}
    return scores


def main() -> None:
    """Entry point."""
    os.environ["OMP_NUM_THREADS"] = "1"  # of the worker processes, which inherit it
    arguments = tyro.cli(EvaluateGraspOptions, prog="xdog evaluate grasp")
    if arguments.seed < HELD_OUT_SEED:
        raise SystemExit(f"--seed {arguments.seed}: seeds below {HELD_OUT_SEED} are for trials; take another.")
    for name in ("episodes", "workers"):
        if getattr(arguments, name) < 1:
            raise SystemExit(f"--{name} {getattr(arguments, name)}: must be above zero.")
    conditions = chosen_conditions(arguments)
    actors = list(dict.fromkeys(condition.actor for condition in conditions))
    files = {actor: policy_file(arguments, actor) for actor in actors if actor != EXPERT}
    try:
        policies = {actor: GraspPolicy(path, load_description()) for actor, path in files.items()}
        choose_renderer()
        require_writable(arguments.output, "--output")
        arguments.output.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError, PolicyError, RenderError) as error:
        raise SystemExit(f"cannot evaluate: {error}") from error
    console = Console(stderr=arguments.json, soft_wrap=True)
    trials = try_placements(arguments, conditions, files, console)
    scores = {"episodes": len(trials), "seed": arguments.seed, **summarise(trials, conditions)}
    for actor, policy in policies.items():
        scores[f"{actor}_chunk_ms"] = chunk_milliseconds(policy)
    console.print(_table(scores, conditions))
    try:
        pictures = draw_pictures(arguments, scores, conditions, files, trials)
        console.print("Pictures: " + ", ".join(str(picture) for picture in pictures))
    except Exception as error:  # whatever a picture fails of, the figures took hours
        console.print(f"No pictures: {type(error).__name__}: {error}")
    except KeyboardInterrupt:
        console.print("Interrupted: pictures are missing, the scores are whole.")
    if arguments.json:
        print(json.dumps(_plain(scores)))


def try_placements(
    arguments: EvaluateGraspOptions, conditions: Sequence[Condition], files: Mapping[str, Path], console: Console
) -> List[Trial]:
    """All trials, with their progress.

    Raises:
        SystemExit: interrupted, or a worker died; with how far it had come.
    """
    episodes = 20 if arguments.quick else arguments.episodes
    trials: List[Trial] = []
    shown = ""
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %")
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("placements", total=episodes)
        try:
            for trial in run_trials(conditions, files, episodes, arguments.seed, arguments.workers):
                trials.append(trial)
                counts = (f"{c.actor} {sum(successes(trials, c.name))}" for c in conditions if "_success" in c.name)
                shown = ": " + ", ".join(counts)
                progress.update(bar, completed=len(trials), description=f"placement {len(trials)}{shown}")
        except (KeyboardInterrupt, BrokenProcessPool) as error:
            why = "Interrupted" if isinstance(error, KeyboardInterrupt) else "A worker process died"
            raise SystemExit(
                f"{why} after {len(trials)} of {episodes} placements{shown}. Nothing was scored: that takes all."
            ) from None
    return trials


def draw_pictures(
    arguments: EvaluateGraspOptions,
    scores: Dict[str, Any],
    conditions: Sequence[Condition],
    files: Mapping[str, Path],
    trials: Sequence[Trial],
) -> List[Path]:
    """The scores and some attempts of every policy as pictures in the output folder."""
    pictures = [plot_scores(scores, conditions, arguments.output / "grasp_scores.png")]
    for actor, file in files.items():
        path = arguments.output / f"grasp_{actor}.png"
        pictures.append(save_contact_sheet(file, trials, f"{actor}_success", arguments.seed, path))
    return pictures


def _table(scores: Dict[str, Any], conditions: Sequence[Condition]) -> Table:
    table = Table(title=f"{scores['episodes']} held-out placements, seed {scores['seed']}")
    for column in ("score", "value", "95 % interval", "by support", "goal"):
        table.add_column(column)
    for condition in conditions:
        low, high = scores[f"{condition.name}_interval"]
        split = scores.get(f"{condition.actor}_by_support", {}) if condition.name.endswith("_success") else {}
        shown = ", ".join(f"{name} {entry['success']:.2f}" for name, entry in split.items())
        goal = GOALS.get(condition.name, "")
        table.add_row(condition.name, f"{scores[condition.name]:.3f}", f"{low:.3f} .. {high:.3f}", shown, goal)
    for name in ("state_chunk_ms", "image_chunk_ms", "mlp_chunk_ms"):
        if name in scores:
            table.add_row(name, f"{scores[name]:.2f}", "", "", GOALS.get(name, ""))
    return table


def _plain(value: Any) -> Any:
    """JSON-ready: numbers rounded to four digits."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
