"""Recording the scripted expert: attempt after attempt in simulation until a dataset holds enough successes."""

import itertools
from collections import Counter
from functools import lru_cache
from typing import Any, Dict, Generator, Tuple

from rich.console import Console
from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from xdog_learning.dataset import DatasetWriter
from xdog_learning.dataset.provenance import (
    present_version,
    source_of,
    unknown_episodes,
    version_of,
    version_text,
    with_source,
)
from xdog_learning.grasp.expert import GraspAttempt, attempt
from xdog_learning.worker_pool import in_processes
from xdog_sim.console import progress_bar
from xdog_sim.grasp.field_of_view import FieldOfView
from xdog_sim.grasp.scenario import ScenarioSampler

DEFAULT_SEED = 1


def attempts_from(first: int, seed: int, images: bool, workers: int) -> Generator[GraspAttempt, None, None]:
    """Endless attempts of the expert, numbers ``first``, ``first`` + 1, ... of a seed, made by several processes.

    The attempts and their results depend on neither the number of workers nor the machine.
    """
    return in_processes(_numbered, ((number, seed, images) for number in itertools.count(first)), workers)


@lru_cache(maxsize=None)
def _tools() -> "Tuple[ScenarioSampler, FieldOfView]":
    sampler = ScenarioSampler()
    return sampler, FieldOfView(sampler.robot, sampler.config.camera)


def _numbered(job: Tuple[int, int, bool]) -> GraspAttempt:
    number, seed, images = job
    sampler, view = _tools()
    scenario = sampler.draw(number, seed)
    if images and not view.sees(sampler.object_features(scenario)[:3], sampler.at_view_pose(scenario, number).start):
        return GraspAttempt(scenario, None, False, "outside the camera's view")  # nothing to learn from such images
    return attempt(scenario, number, images)


def record_expert(
    writer: DatasetWriter, episodes: int, seed: int, images: bool, workers: int, console: Console
) -> None:
    """Let the expert attempt grasps until the dataset holds ``episodes`` demonstrations.

    Args:
        writer: of the dataset; its recording holds the number of the attempt to continue after.
        episodes: number that the dataset holds at the end.
        seed: of objects, places, dog and disturbances.
        images: record the wrist camera too.
        workers: processes that simulate at once.
        console: shows progress and how many attempts succeeded.
    """
    source = source_of(writer.recording, "expert", seed)
    begun = source["tried"]
    _announce(writer, source, console)
    failures: Counter = Counter()
    with progress_bar(console, MofNCompleteColumn(), TimeRemainingColumn()) as progress:
        bar = progress.add_task("recording", total=episodes, completed=writer.episodes)
        tries = attempts_from(begun, seed, images, workers)
        try:
            while writer.episodes < episodes:
                result = next(tries)
                source["tried"] += 1
                if result.episode is None:
                    failures[result.reason.split(",")[0]] += 1
                else:
                    source["kept"].append([writer.episodes, source["tried"] - 1])
                    writer.add(result.episode, with_source(writer.recording, source))
                tried = source["tried"] - begun
                shown = f"{tried - sum(failures.values())} of {tried} attempts succeeded"
                progress.update(bar, completed=writer.episodes, description=shown)
        finally:
            tries.close()
    tried = source["tried"] - begun
    console.print(f"Kept {tried - sum(failures.values())} of {tried} attempts.")
    for reason, count in failures.most_common():
        console.print(f"  {count} failed: {reason}")


def _announce(writer: DatasetWriter, source: Dict[str, Any], console: Console) -> None:
    """Print how this recording continues the one before, and record the code version in ``source``."""
    begun, seed = source["tried"], source["seed"]
    if begun:
        console.print(f"Continuing with seed {seed} after {begun} attempts, {len(source['kept'])} kept.")
    unknown = unknown_episodes(writer.recording, writer.episodes)
    if unknown:
        console.print(
            f"Warning: meta/recording.json does not list where {unknown} of the {writer.episodes} episodes come from. "
            f"If the expert recorded them with seed {seed}, the same ones are recorded again: choose another --seed."
        )
    before, now = version_of(source, begun), present_version()
    if before != now:
        source["versions"] = [*source.get("versions", []), {"from": begun, **now}]
        if begun:
            console.print(
                f"Warning: the attempts so far were made with {version_text(before)}, the next ones with "
                f"{version_text(now)}: the dataset then mixes two versions. Name a new folder with --out to avoid that."
            )
