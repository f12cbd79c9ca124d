"""`./xdog replay`: a recorded demonstration done again, in simulation or by the arm of the running ROS graph."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional

import tyro
from rich.console import Console

from xdog.core.config_file import ConfigError
from xdog.core.paths import require_writable
from xdog_learning.dataset import DatasetError, load_dataset
from xdog_learning.dataset.comparison import difference
from xdog_learning.dataset.episode import Episode
from xdog_sim.offscreen import RenderError, choose_renderer


@dataclass
class ReplayOptions:
    """Replay a recorded demonstration: in simulation with a viewer, or as a film where there is no screen.

    Attributes:
        dataset: folder of the dataset.
        episode: its number.
        robot: send it to the arm of the running graph instead, real or simulated, after a confirmation.
        yes: with --robot, do not ask.
        film: where the film goes; out/replay.mp4 if not given. Given, it is made with a screen too.
    """

    dataset: tyro.conf.Positional[Path]
    episode: int = 0
    robot: bool = False
    yes: bool = False
    film: Optional[Path] = None


def replay_simulated(
    arguments: ReplayOptions, episode: Episode, recording: Mapping[str, Any], console: Console
) -> None:
    """Replay in a simulated scene and say how it went."""
    screen = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    filmed = arguments.film is not None or not screen
    path = arguments.film or Path("out/replay.mp4")
    if filmed:
        require_writable(path, "--film")
        choose_renderer()
    # These bring MuJoCo, which renders by what was chosen before it is imported.
    from xdog_learning.grasp.replay_scene import film, find_scenario, show
    from xdog_sim.grasp.scenario import ScenarioSampler
    from xdog_sim.grasp.scene import GraspScene

    sampler = ScenarioSampler()
    scenario, seed, why = find_scenario(recording, arguments.episode, episode, sampler)
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


def main() -> None:
    """Entry point."""
    arguments = tyro.cli(ReplayOptions, prog="xdog replay")
    console = Console(soft_wrap=True)
    try:
        data = load_dataset(arguments.dataset)
        episode = data.episode(arguments.episode)
        console.print(
            f"Episode {arguments.episode} of {len(data)}: {episode.task}, {len(episode)} frames, "
            f"{len(episode) / episode.fps:.1f} s"
        )
        if arguments.robot:
            from xdog_learning.nodes.replay import replay_on_robot  # needs ROS, which the simulation does not

            replay_on_robot(episode, arguments.yes, console)
        else:
            replay_simulated(arguments, episode, data.recording, console)
    except KeyboardInterrupt:
        raise SystemExit("Interrupted.") from None
    except (ConfigError, DatasetError, OSError, RenderError) as error:
        raise SystemExit(f"cannot replay: {error}") from error


if __name__ == "__main__":
    main()
