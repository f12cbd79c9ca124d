"""`./xdog record`: demonstrations of the scripted expert in simulation, or of a human through the running ROS graph."""

import os
import shlex
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Optional

import tyro
from rich.console import Console

from xdog.core.config_file import ConfigError
from xdog.core.paths import require_writable
from xdog_learning.dataset import DatasetError, DatasetWriter
from xdog_learning.grasp.expert_recording import DEFAULT_SEED, record_expert
from xdog_sim.offscreen import RenderError, choose_renderer


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
    seed: int = DEFAULT_SEED
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


def record(options: RecordOptions, console: Console) -> None:
    """Record until the dataset holds as many episodes as asked for."""
    require_writable(options.folder, "--out")
    if options.by == "expert" and options.images:
        choose_renderer()
    with DatasetWriter(options.folder) as writer:
        if writer.recovered:
            console.print(f"An earlier recording was cut off: {writer.recovered}.")
        console.print(f"{options.folder} holds {writer.episodes} of {options.episodes} episodes.")
        if writer.episodes < options.episodes:
            writer.check_images(options.images)
            if options.by == "expert":
                record_expert(writer, options.episodes, options.seed, options.images, options.workers, console)
            else:
                # These need ROS, which the expert does not.
                from xdog_learning.grasp.demonstration_recorder import RecordingPlan
                from xdog_learning.nodes.recorder import record_human

                plan = RecordingPlan(options.by, options.task, options.episodes, options.images)
                record_human(plan, options.label, options.port, options.calibration, writer, console)
    console.print(
        f"{options.folder} holds {writer.episodes} episodes, {writer.frames} frames. "
        f"Replay one: ./xdog replay {shlex.quote(str(options.folder))} --episode 0"
    )


def main() -> None:
    """Entry point."""
    options = tyro.cli(RecordOptions, prog="xdog record")
    if options.episodes < 1 or options.workers < 1:
        raise SystemExit("--episodes and --workers must be above zero.")
    try:
        record(options, Console(soft_wrap=True))
    except KeyboardInterrupt:
        raise SystemExit("Interrupted. What was recorded is whole; the same command continues.") from None
    except (BrokenProcessPool, ConfigError, DatasetError, OSError, RenderError) as error:
        raise SystemExit(f"cannot record: {error}") from error


if __name__ == "__main__":
    main()
