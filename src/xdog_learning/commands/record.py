"""`./xdog record`: demonstrations of the scripted expert in simulation, or of a human through the running ROS graph."""

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Optional

from xdog_learning.command_line import (
    Count,
    InputFile,
    OptionError,
    OutputFolder,
    Seed,
    Workers,
    WritableFolder,
    command_line,
    run_command,
)
from xdog_learning.dataset import DatasetWriter
from xdog_learning.grasp.expert_recording import DEFAULT_SEED, record_expert
from xdog_sim.console import make_console
from xdog_sim.offscreen import RenderError, choose_renderer

COMMAND = "record"


@dataclass
class RecordOptions:
    """Record demonstrations of grasps as a LeRobotDataset v3.0, or add to one.

    Stop with Ctrl-C; the same command continues.

    Attributes:
        by: the scripted expert in simulation; or, through the running ROS graph, real or simulated, the keyboard of
            this terminal, or a second SO101 whose joints the arm follows.
        episodes: number that the dataset holds at the end. Only successes are kept and counted.
        images: record the wrist camera too; the expert then starts where the camera sees the object.
        out: folder of the dataset; if not given, the expert's is out/datasets/grasp_state, or grasp_image with
            --images, and a human's out/datasets/human.
        seed: expert only: of objects, places, dog and disturbances.
        workers: expert only: processes that simulate at once.
        task: human only: description of the task.
        label: human only: class of the object among the detections; the nearest if not given.
        port: leader only: serial port of the second arm.
        calibration: leader only: its calibration file.
    """

    by: Literal["expert", "keyboard", "leader"] = "expert"
    episodes: Count = 500
    images: bool = False
    out: Optional[OutputFolder] = None
    seed: Seed = DEFAULT_SEED
    workers: Workers = os.cpu_count() or 1
    task: str = "pick up the object"
    label: str = ""
    port: str = "/dev/ttyACM1"
    calibration: Optional[InputFile] = None

    @property
    def folder(self) -> Path:
        """Folder of the dataset."""
        expert = "grasp_image" if self.images else "grasp_state"
        return self.out or Path("out/datasets") / (expert if self.by == "expert" else "human")


def record(options: RecordOptions) -> None:
    """Record until the dataset holds the requested number of episodes."""
    if not options.task.strip():
        raise OptionError("--task is empty; describe the task")
    if options.by == "leader" and options.calibration is None:
        raise OptionError("--by leader needs --calibration FILE of the leader arm: make it with ./xdog arm calibrate")
    WritableFolder().require("--out", options.folder)
    if options.by == "expert" and options.images:
        choose_renderer()
    console = make_console()
    try:
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
    except KeyboardInterrupt:
        again = command_line(COMMAND, options)
        raise KeyboardInterrupt(f"interrupted; what was recorded is whole. Continue with: {again}") from None
    advice = f" Replay one: ./xdog replay {shlex.quote(str(options.folder))} --episode 0" if writer.episodes else ""
    console.print(f"{options.folder} holds {writer.episodes} episodes, {writer.frames} frames.{advice}")


def main() -> int:
    """Entry point."""
    return run_command(RecordOptions, COMMAND, record, errors=(RenderError,))


if __name__ == "__main__":
    sys.exit(main())
