"""`./xdog replay`: replays a recorded demonstration, in simulation or with the arm of the running ROS graph."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import tyro
from rich.console import Console
from typing_extensions import Annotated

from xdog_learning.command_line import InputFolder, InRange, OptionError, OutputFile, WritableFile, run_command
from xdog_learning.dataset import Demonstrations, load_dataset
from xdog_learning.dataset.comparison import difference
from xdog_sim.console import make_console
from xdog_sim.offscreen import RenderError, choose_renderer

COMMAND = "replay"


@dataclass
class ReplayOptions:
    """Replay a recorded demonstration: in simulation with a viewer, or as a film if there is no screen.

    Attributes:
        dataset: folder of the dataset.
        episode: its number.
        robot: send it to the arm of the running graph instead, real or simulated, after a confirmation.
        yes: with --robot, do not ask.
        film: file for the film; out/replay.mp4 if not given. If given, the film is made with a screen too.
    """

    dataset: tyro.conf.Positional[InputFolder]
    episode: Annotated[int, InRange(0)] = 0
    robot: bool = False
    yes: bool = False
    film: Optional[OutputFile] = None


def replay_simulated(options: ReplayOptions, data: Demonstrations, console: Console) -> None:
    """Replay in a simulated scene and print the result."""
    screen = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    filmed = options.film is not None or not screen
    path = options.film or Path("out/replay.mp4")
    if filmed:
        WritableFile().require("--film", path)
        choose_renderer()
    # These import MuJoCo, which uses the renderer chosen before its import.
    from xdog_learning.grasp.replay_scene import film, find_scenario, show
    from xdog_sim.grasp.scenario import ScenarioSampler
    from xdog_sim.grasp.scene import GraspScene

    sampler, episode = ScenarioSampler(), data.episode(options.episode)
    scenario, seed, why = find_scenario(data.recording, options.episode, episode, sampler)
    if why:
        console.print(f"{why}: the object stands where it was seen, everything else is assumed.")
    scene = GraspScene(scenario, sampler, seed, visuals=True)
    try:
        measured = film(episode, scene, path) if filmed else show(episode, scene)
    finally:
        scene.close()
    console.print(difference(measured, episode.state, sampler.robot.arm.names))
    judge = scene.judge
    console.print(
        f"The object was lifted {judge.lift:.3f} m; {'a' if judge.success else 'no'} success by the strict rule."
    )
    if filmed:
        console.print(f"Film: {path}")


def replay(options: ReplayOptions) -> None:
    """Replay one episode of a dataset."""
    console, data = make_console(), load_dataset(options.dataset)
    if options.episode >= len(data):
        raise OptionError(f"--episode is {options.episode}; {options.dataset} has the episodes 0 to {len(data) - 1}")
    episode = data.episode(options.episode)
    console.print(
        f"Episode {options.episode} of {len(data)}: {episode.task}, {len(episode)} frames, "
        f"{len(episode) / episode.fps:.1f} s"
    )
    if options.robot:
        from xdog_learning.nodes.replay import replay_on_robot  # needs ROS, which the simulation does not

        replay_on_robot(episode, options.yes, console)
    else:
        replay_simulated(options, data, console)


def main() -> int:
    """Entry point."""
    return run_command(ReplayOptions, COMMAND, replay, errors=(RenderError,))


if __name__ == "__main__":
    sys.exit(main())
