"""`./xdog evaluate grasp`: the command line."""

import os
import sys
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Literal, Mapping, Sequence, Tuple

from rich.console import Console
from rich.table import Table

from xdog.core.description import load_description
from xdog.core.onnx_session import PolicyError
from xdog.core.paths import share_path
from xdog.grasp.policy import GraspPolicy
from xdog_learning.command_line import (
    Count,
    HeldOutSeed,
    InputFolder,
    OptionError,
    OutputFolder,
    Workers,
    run_command,
)
from xdog_learning.grasp.pictures import plot_scores, save_contact_sheet
from xdog_learning.grasp.scoring import choose_conditions, chunk_milliseconds, summarise_trials
from xdog_learning.grasp.trials import EXPERT, Condition, Trial, run_trials, successes
from xdog_learning.report import HELD_OUT_SEED, interval_text, make_table, print_json
from xdog_sim.console import make_console, progress_bar
from xdog_sim.offscreen import RenderError, choose_renderer

COMMAND = "evaluate grasp"
QUICK = 20
"""Placements of a quick evaluation."""

Actor = Literal["expert", "state", "mlp", "image"]
ACTORS: Tuple[Actor, ...] = ("expert", "state", "mlp", "image")

GOALS = {
    "expert_success": ">= 0.98",
    "state_success": ">= 0.95, above mlp_success",
    "image_success": ">= 0.80",
    "state_chunk_ms": "< 2",
    "image_chunk_ms": "< 20",
}


@dataclass
class EvaluateGraspOptions:
    """Score the expert and the grasp policies (ACT by position, ACT by camera, the baseline) on held-out placements.

    Every score is the share of placements whose object was lifted and held by the rule of
    sim/grasp_scenarios.yaml. Further scores repeat that under worse conditions: the object's position wrong by 1 or
    2 cm (root mean square of the error's length; for the image policy, a camera that is off by that much), a
    noise of 15 of 255 on every pixel, measurements that arrive 60 ms late, and joints with twice the backlash.

    Attributes:
        policies: folder of grasp_state.onnx, grasp_image.onnx and grasp_mlp.onnx.
        only: actors to score; if not given, the expert and all that have a policy.
        episodes: number of placements.
        quick: 20 placements and no worse conditions; not for reported scores.
        seed: of placements and noise; 1000 or more.
        workers: processes, one thread each.
        output: folder for the plots.
        json: print one JSON object as the last line.
    """

    policies: InputFolder = field(default_factory=lambda: share_path("policies"))
    only: Tuple[Actor, ...] = ()
    episodes: Count = 200
    quick: bool = False
    seed: HeldOutSeed = HELD_OUT_SEED
    workers: Workers = 2
    output: OutputFolder = Path("out/evaluate")
    json: bool = False

    def file(self, actor: str) -> Path:
        """File of an actor's policy."""
        return self.policies / f"grasp_{actor}.onnx"


def find_actors(options: EvaluateGraspOptions, console: Console) -> List[str]:
    """Actors to score.

    Raises:
        OptionError: the policy of a requested actor is missing.
    """
    missing = [actor for actor in options.only or ACTORS if actor != EXPERT and not options.file(actor).is_file()]
    for actor in missing:
        if options.only:
            raise OptionError(f"--only is {actor}; there is no {options.file(actor)} (docs/use/grasping.md: training)")
        console.print(f"not scored: {actor}, there is no {options.file(actor)} (docs/use/grasping.md: training)")
    return [actor for actor in ACTORS if actor in (options.only or ACTORS) and actor not in missing]


def evaluate(options: EvaluateGraspOptions) -> None:
    """Try all placements, print the scores and draw pictures."""
    os.environ["OMP_NUM_THREADS"] = "1"  # of the worker processes, which inherit it
    console = make_console(stderr=options.json)
    actors = find_actors(options, console)
    conditions = choose_conditions(actors, worsened=not options.quick)
    files = {actor: options.file(actor) for actor in actors if actor != EXPERT}
    policies = {actor: GraspPolicy(path, load_description()) for actor, path in files.items()}
    choose_renderer()
    options.output.mkdir(parents=True, exist_ok=True)
    trials = try_placements(options, conditions, files, console)
    scores = {"episodes": len(trials), "seed": options.seed, **summarise_trials(trials, conditions)}
    for actor, policy in policies.items():
        scores[f"{actor}_chunk_ms"] = chunk_milliseconds(policy)
    console.print(score_table(scores, conditions))
    try:
        pictures = draw_pictures(options, scores, conditions, files, trials)
        console.print("Pictures: " + ", ".join(str(picture) for picture in pictures))
    except Exception as error:  # no error in a picture may lose scores that took hours
        console.print(f"No pictures: {type(error).__name__}: {error}")
    except KeyboardInterrupt:
        console.print("Interrupted: pictures are missing, the scores are complete.")
    if options.json:
        print_json(scores)


def try_placements(
    options: EvaluateGraspOptions, conditions: Sequence[Condition], files: Mapping[str, Path], console: Console
) -> List[Trial]:
    """All trials, with their progress.

    Raises:
        KeyboardInterrupt, BrokenProcessPool: interrupted, or a worker died; the message gives the progress.
    """
    episodes = QUICK if options.quick else options.episodes
    trials: List[Trial] = []
    counts = ""
    with progress_bar(console) as progress:
        bar = progress.add_task("placements", total=episodes)
        try:
            for trial in run_trials(conditions, files, episodes, options.seed, options.workers):
                trials.append(trial)
                won = (f"{c.actor} {sum(successes(trials, c.name))}" for c in conditions if c.is_nominal)
                counts = ": " + ", ".join(won)
                progress.update(bar, completed=len(trials), description=f"placement {len(trials)}{counts}")
        except (KeyboardInterrupt, BrokenProcessPool) as error:
            why = "interrupted" if isinstance(error, KeyboardInterrupt) else "a worker process died"
            raise type(error)(
                f"{why} after {len(trials)} of {episodes} placements{counts}. There are no scores: they need all."
            ) from None
    return trials


def draw_pictures(
    options: EvaluateGraspOptions,
    scores: Dict[str, Any],
    conditions: Sequence[Condition],
    files: Mapping[str, Path],
    trials: Sequence[Trial],
) -> List[Path]:
    """The scores and some attempts of every policy as pictures in the output folder."""
    pictures = [plot_scores(scores, conditions, options.output / "grasp_scores.png")]
    for actor, file in files.items():
        path = options.output / f"grasp_{actor}.png"
        pictures.append(save_contact_sheet(file, trials, f"{actor}_success", options.seed, path))
    return pictures


def score_table(scores: Dict[str, Any], conditions: Sequence[Condition]) -> Table:
    """The scores for the terminal."""
    rows = []
    for condition in conditions:
        split = scores.get(f"{condition.actor}_by_support", {}) if condition.is_nominal else {}
        shown = ", ".join(f"{name} {entry['success']:.2f}" for name, entry in split.items())
        interval = interval_text(scores[f"{condition.name}_interval"])
        rows.append([condition.name, f"{scores[condition.name]:.3f}", interval, shown, GOALS.get(condition.name, "")])
    for name in (f"{actor}_chunk_ms" for actor in ACTORS):
        if name in scores:
            rows.append([name, f"{scores[name]:.2f}", "", "", GOALS.get(name, "")])
    title = f"{scores['episodes']} held-out placements, seed {scores['seed']}"
    return make_table("score", "value", "95 % interval", "by support", "goal", title=title, rows=rows)


def main() -> int:
    """Entry point."""
    return run_command(EvaluateGraspOptions, COMMAND, evaluate, errors=(PolicyError, RenderError))


if __name__ == "__main__":
    sys.exit(main())
