"""The demo: a private ROS graph with a simulated XDog, a course, and what came out of it."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from xdog.core.config_file import ConfigError, load
from xdog.core.contract import ContractError
from xdog.core.description import load_description
from xdog.core.onnx_session import PolicyError
from xdog.core.paths import share_path
from xdog.locomotion.policy import GaitPolicy
from xdog_sim.demo.course import Course, CourseFailedError
from xdog_sim.demo.metrics import CourseMetrics, compute_figures
from xdog_sim.demo.plot import save_plot
from xdog_sim.demo.recording import Recording
from xdog_sim.demo.video import save_video
from xdog_sim.offscreen import RenderError
from xdog_sim.ros_graph import GraphError, RosGraph


def parse_arguments(arguments: Optional[List[str]] = None) -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(prog="./xdog demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out", "demo"), help="folder of video, plot and logs")
    parser.add_argument("--course", type=Path, help="course to walk (default: sim/courses/demo.yaml)")
    parser.add_argument("--policy", type=Path, help="gait policy to walk with (default: policies/gait.onnx)")
    return parser.parse_args(arguments)


def launch_arguments(policy: Optional[Path]) -> Dict[str, str]:
    """Arguments of xdog.launch: with a screen the viewer and real time, else lockstep, as fast as it goes."""
    screen = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    arguments = {"sim": "true", "viewer": str(screen).lower(), "lockstep": str(not screen).lower()}
    if policy is not None:
        arguments["policy"] = str(policy.resolve())
    return arguments


def bar(console: Console) -> Progress:
    """A progress bar with a description."""
    return Progress(
        TextColumn("{task.description:<34}"),
        BarColumn(30),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        console=console,
    )


def walk(course: Course, policy: Optional[Path], out: Path, console: Console) -> Tuple[Recording, str]:
    """Run the course in a graph of its own; returns the recording and why it failed, if it did.

    Raises:
        CourseFailedError: with the end of the graph's log, if there is nothing to show.
        GraphError: the graph did not start.
    """
    with RosGraph(launch_arguments(policy), out / "log") as graph, bar(console) as progress:
        from xdog_sim.nodes.course import drive  # rospy reads the environment that the graph has set

        task = progress.add_task("starting the ROS graph", total=course.duration)

        def report(elapsed: float, label: str) -> None:
            if not console.is_terminal and label != progress.tasks[0].description:  # a bar shows nothing in a log
                console.print(f"{elapsed:6.1f} s  {label}")
            progress.update(task, completed=elapsed, description=label)

        try:
            run, problem = drive(course, report)
        except CourseFailedError as failure:
            raise CourseFailedError(f"{failure}\n{graph.log} ends with:\n{graph.tail()}") from failure
        progress.update(task, completed=course.duration, description="failed" if problem else "course walked")
        return run, problem


def figures_table(figures: CourseMetrics) -> Table:
    """The figures for the terminal."""
    table = Table(title="What the simulated XDog did", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    rows = [
        ("error of velocity and yaw rate, RMS", figures.errors_text()),
        ("falls", str(figures.falls)),
    ]
    for push in figures.pushes:
        recovery = "not recovered" if push.recovery is None else f"recovered in {push.recovery:.2f} s"
        rows.append((f"{push.label}, {push.size:.1f} m/s", f"tilt {push.largest_tilt:.2f} rad, {recovery}"))
    rows += [
        ("odometry drift", f"{figures.odometry_drift:.2f} m and {figures.odometry_drift_yaw:.2f} rad"),
        ("path walked", f"{figures.path_length:.1f} m in {figures.duration:.1f} s"),
        ("real-time factor", f"{figures.real_time_factor:.2f}"),
    ]
    for name, value in rows:
        table.add_row(name, value)
    return table


def show(run: Recording, out: Path, console: Console) -> CourseMetrics:
    """Print the figures, save plot and video and say where they are."""
    figures = compute_figures(run)
    console.print(figures_table(figures))
    plot, video = out / "velocity.png", out / "demo.mp4"
    save_plot(run, figures, plot)
    console.print(f"plot:  {plot}", soft_wrap=True)
    try:
        with bar(console) as progress:
            task = progress.add_task("rendering the video", total=1.0)
            save_video(run, video, lambda share: progress.update(task, completed=share))
        console.print(f"video: {video}", soft_wrap=True)
    except RenderError as error:
        console.print(f"no video: {error}", style="red")
    return figures


def main() -> int:
    """Run the demo; 0 if the robot walked its course without falling and recovered from every push."""
    options = parse_arguments()
    console = Console()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # so that the graph is ended in order
    try:
        course = load(Course, options.course or share_path("sim", "courses", "demo.yaml"))
        policy = options.policy or share_path("policies", "gait.onnx")
        GaitPolicy(policy, load_description())  # a policy that does not fit is refused before anything starts
        options.out.mkdir(parents=True, exist_ok=True)
        run, problem = walk(course, options.policy, options.out, console)
        figures = show(run, options.out, console)
    except (ContractError, ConfigError, CourseFailedError, GraphError, OSError, PolicyError) as error:
        console.print(f"the demo failed: {error}", style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    if problem:
        console.print(f"the demo failed: {problem}", style="red", markup=False, soft_wrap=True)
        return 1
    if not figures.succeeded:
        console.print("the demo failed: the robot fell or did not recover from a push (see the table)", style="red")
        return 1
    return 0


if __name__ == "__main__":  # the video's processes import this module again
    sys.exit(main())
