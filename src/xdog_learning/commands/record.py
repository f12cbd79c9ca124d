"""`./xdog record`: demonstrations of the scripted expert in simulation, or of a human through the running ROS graph."""

import hashlib
import multiprocessing
import os
import signal
from collections import Counter, deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Deque, Dict, Generator, List, Literal, Mapping, Optional, Tuple

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from xdog.core.config_file import ConfigError
from xdog.core.paths import require_writable, share_path
from xdog_learning.dataset import DatasetError, DatasetWriter
from xdog_learning.grasp.expert import GraspAttempt, attempt
from xdog_sim.grasp.field_of_view import FieldOfView
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.offscreen import RenderError, choose_renderer

AHEAD = 3
"""Attempts that each worker may be ahead of the recording: enough to keep it busy, few enough to hold in memory."""


@dataclass
class RecordOptions:
    """Record demonstrations of grasps as a LeRobotDataset v3.0, or add to one; interrupt (Ctrl-C) and go on at will.

    Attributes:
        by: the scripted expert in simulation; or through the running ROS graph, real or simulated, the keyboard of
            this terminal, or a second SO101 whose joints the arm follows.
        episodes: how many the dataset shall hold in the end. Only what succeeds is kept and counted.
        images: record the wrist camera too; the expert then starts where that sees the object.
        out: folder of the dataset; if not given, the expert's is out/datasets/grasp_state, or grasp_image with
            --images, and a human's out/datasets/human.
        seed: expert only: of objects, places, dog and disturbances.
        workers: expert only: processes that simulate at once.
        task: human only: what is done, in words.
        label: human only: class of the object among the detections; the nearest if not given.
        port: leader only: serial port of the second arm.
        calibration: leader only: its calibration file.
    """

    by: Literal["expert", "keyboard", "leader"] = "expert"
    episodes: int = 500
    images: bool = False
    out: Optional[Path] = None
    seed: int = 1
    workers: int = os.cpu_count() or 1
    task: str = "pick up the object"
    label: str = ""
    port: str = "/dev/ttyACM1"
    calibration: Optional[Path] = None

    @property
    def folder(self) -> Path:
        """Folder of the dataset."""
        expert = "grasp_image" if self.images else "grasp_state"
        return self.out or Path("out/datasets") / (expert if self.by == "expert" else "human")


def attempts_from(first: int, seed: int, images: bool, workers: int) -> Generator[GraspAttempt, None, None]:
    """The expert's attempts number ``first``, ``first`` + 1, ... of a seed without end, made by several processes.

    Which attempts there are and what becomes of them depends on neither the workers nor the machine.
    """
    # A fresh interpreter for each: OpenGL contexts do not survive a fork.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _leave_interrupts_to_the_parent)
    pending: Deque[Future[GraspAttempt]] = deque()
    number = first
    try:
        while True:
            while len(pending) < AHEAD * workers:
                pending.append(pool.submit(_numbered, number, seed, images))
                number += 1
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@lru_cache(maxsize=None)
def _tools() -> "Tuple[ScenarioSampler, FieldOfView]":
    placer = ScenarioSampler()
    return placer, FieldOfView(placer.robot, placer.config.camera)


def _numbered(number: int, seed: int, images: bool) -> GraspAttempt:
    placer, sight = _tools()
    placement = placer.draw(number, seed)
    if images and not sight.sees(placer.object_features(placement)[:3], placer.at_view_pose(placement, number).start):
        return GraspAttempt(placement, None, False, "out of the camera's sight")  # nothing to learn from such pictures
    return attempt(placement, number, images)


def source_of(recording: Mapping[str, Any], by: str, seed: Optional[int]) -> Dict[str, Any]:
    """The entry of a dataset's recording for one demonstrator, or a fresh one.

    A recording lists its demonstrators: who ``by``, ``seed``, how many attempts ``tried``, and ``kept``: pairs of
    episode and attempt numbers, so that an episode's placement can be drawn again. The expert's attempts depend on the
    code too: ``versions`` says with which (`present_version`), ``from`` which attempt on.
    """
    for source in recording.get("sources", []):
        if (source["by"], source["seed"]) == (by, seed):
            return {**source, "kept": list(source["kept"])}
    return {"by": by, "seed": seed, "tried": 0, "kept": []}


def with_source(recording: Mapping[str, Any], source: Mapping[str, Any]) -> Dict[str, Any]:
    """The recording with this entry in place of its old one."""
    key = (source["by"], source["seed"])
    others: List[Any] = [s for s in recording.get("sources", []) if (s["by"], s["seed"]) != key]
    return {**recording, "sources": [*others, dict(source)]}


def present_version() -> Dict[str, str]:
    """What the expert's attempts depend on beside their seed: the commit and a digest of sim/grasp_scenarios.yaml."""
    from xdog_learning.export import present_commit  # brings torch, which no worker needs

    digest = hashlib.sha256(share_path("sim", "grasp_scenarios.yaml").read_bytes()).hexdigest()[:12]
    return {"commit": present_commit(), "grasp_yaml": digest}


def version_of(source: Mapping[str, Any], attempt: int) -> Dict[str, str]:
    """With which code a demonstrator made an attempt; "unknown" where the recording does not say."""
    version = {"commit": "unknown", "grasp_yaml": "unknown"}
    for entry in source.get("versions", []):
        if entry["from"] <= attempt:
            version = {name: entry[name] for name in version}
    return version


def version_text(version: Mapping[str, str]) -> str:
    """A version in words."""
    return f"commit {version['commit']} with sim/grasp_scenarios.yaml {version['grasp_yaml']}"


def record_expert(arguments: RecordOptions, writer: DatasetWriter, console: Console) -> None:
    """Let the expert try placement after placement until the dataset holds enough episodes."""
    source = source_of(writer.recording, "expert", arguments.seed)
    begun = source["tried"]
    if begun:
        console.print(f"Going on with seed {arguments.seed} after {begun} attempts, {len(source['kept'])} kept.")
    before, now = version_of(source, begun), present_version()
    if before != now:
        source["versions"] = [*source.get("versions", []), {"from": begun, **now}]
        if begun:
            console.print(
                f"Warning: those were made by {version_text(before)}, the next ones are by {version_text(now)}: one "
                "dataset of two makes. For one of one make name a new folder with --out."
            )
    failures: Counter = Counter()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("recording", total=arguments.episodes, completed=writer.episodes)
        tries = attempts_from(begun, arguments.seed, arguments.images, arguments.workers)
        try:
            while writer.episodes < arguments.episodes:
                result = next(tries)
                source["tried"] += 1
                if result.episode is None:
                    failures[result.reason.split(",")[0]] += 1
                else:
                    source["kept"].append([writer.episodes, source["tried"] - 1])
                    writer.add(result.episode, with_source(writer.recording, source))
                tried = source["tried"] - begun
                shown = f"kept {tried - sum(failures.values())} of {tried} tried"
                progress.update(bar, completed=writer.episodes, description=shown)
        finally:
            tries.close()
    tried = source["tried"] - begun
    console.print(f"Kept {tried - sum(failures.values())} of {tried} tried.")
    for reason, count in failures.most_common():
        console.print(f"  {count} failed: {reason}")


def main() -> None:
    """Entry point."""
    arguments = tyro.cli(RecordOptions, prog="xdog record")
    console = Console(soft_wrap=True)
    if arguments.episodes < 1 or arguments.workers < 1:
        raise SystemExit("--episodes and --workers must be above zero.")
    try:
        require_writable(arguments.folder, "--out")
        if arguments.by == "expert" and arguments.images:
            choose_renderer()
        with DatasetWriter(arguments.folder) as writer:
            if writer.recovered:
                console.print(f"An earlier recording was cut off: {writer.recovered}.")
            console.print(f"{arguments.folder} holds {writer.episodes} of {arguments.episodes} episodes.")
            if writer.episodes < arguments.episodes:
                writer.check_images(arguments.images)
                if arguments.by == "expert":
                    record_expert(arguments, writer, console)
                else:
                    from xdog_learning.nodes.recorder import record_human  # needs ROS, which the expert does not

                    record_human(arguments, writer, console)
    except KeyboardInterrupt:
        raise SystemExit("Interrupted. What was recorded is whole; the same command goes on.") from None
    except (ConfigError, BrokenProcessPool, DatasetError, OSError, RenderError) as error:
        raise SystemExit(f"cannot record: {error}") from error
    console.print(
        f"{arguments.folder} holds {writer.episodes} episodes, {writer.frames} frames. "
        f"Look at one: ./xdog replay {arguments.folder} --episode 0"
    )


if __name__ == "__main__":
    main()
