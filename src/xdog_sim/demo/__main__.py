"""The demo: a simulated XDog walks a course in a private ROS graph; metrics, plot and video show the result."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from rich.console import Console
from rich.table import Table

from xdog.core.config_file import ConfigError, load
from xdog.core.contract import ContractError
from xdog.core.description import load_description
from xdog.core.onnx_session import PolicyError
from xdog.core.paths import require_writable, share_path
from xdog.locomotion.policy import GaitPolicy
from xdog_sim.console import make_console, progress_bar
from xdog_sim.demo.course import Course, CourseFailedError
from xdog_sim.demo.metrics import CourseMetrics, compute_metrics
from xdog_sim.demo.plot import save_plot
from xdog_sim.demo.recording import Recording
from xdog_sim.demo.video import save_video
from xdog_sim.offscreen import RenderError
from xdog_sim.ros_graph import GraphError, RosGraph


def parse_arguments(arguments: Optional[List[str]] = None) -> argparse.Namespace:
    """Parse the options of the command line."""
    parser = argparse.ArgumentParser(prog="./xdog demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out", "demo"), help="folder for video, plot and logs")
    parser.add_argument("--course", type=Path, help="course to walk (default: sim/courses/demo.yaml)")
    parser.add_argument("--policy", type=Path, help="gait policy to walk with (default: policies/gait.onnx)")
    return parser.parse_args(arguments)


def launch_arguments(policy: Optional[Path]) -> Dict[str, str]:
    """Arguments of xdog.launch: viewer and real time with a screen, otherwise lockstep at full speed."""
    screen = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    arguments = {"sim": "true", "viewer": str(screen).lower(), "lockstep": str(not screen).lower()}
    if policy is not None:
        arguments["policy"] = str(policy.resolve())
    return arguments


def run_course(course: Course, policy: Optional[Path], out: Path, console: Console) -> Tuple[Recording, str]:
    """Run the course in a private ROS graph; returns the recording and why it failed, or an empty string.

    Raises:
        CourseFailedError: nothing was recorded; the message ends with the end of the graph's log.
        GraphError: the graph did not start.
    """
    with RosGraph(launch_arguments(policy), out / "log") as graph, progress_bar(console) as progress:
        from xdog_sim.nodes.course import drive  # rospy reads the environment that the graph has set

        task = progress.add_task("starting the ROS graph", total=course.duration)

        def on_progress(elapsed: float, label: str) -> None:
            if not console.is_terminal and label != progress.tasks[0].description:  # a log shows no progress bar
                console.print(f"{elapsed:6.1f} s  {label}")
            progress.update(task, completed=elapsed, description=label)

        try:
            run, problem = drive(course, on_progress)
        except CourseFailedError as failure:
            raise CourseFailedError(f"{failure}\n{graph.log} ends with:\n{graph.tail()}") from failure
        progress.update(task, completed=course.duration, description="failed" if problem else "course walked")
        return run, problem


def metrics_table(metrics: CourseMetrics) -> Table:
    """The metrics as a table for the terminal."""
    table = Table(title="Results of the simulated XDog", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    rows = [
        ("RMS error of velocity and yaw rate", metrics.errors_text()),
        ("falls", str(metrics.falls)),
    ]
    for push in metrics.pushes:
        recovery = "not recovered" if push.recovery is None else f"recovered in {push.recovery:.2f} s"
        rows.append((f"{push.label}, {push.size:.1f} m/s", f"tilt {push.largest_tilt:.2f} rad, {recovery}"))
    rows += [
        ("odometry drift", f"{metrics.odometry_drift:.2f} m and {metrics.odometry_drift_yaw:.2f} rad"),
        ("path walked", f"{metrics.path_length:.1f} m in {metrics.duration:.1f} s"),
        ("real-time factor", f"{metrics.real_time_factor:.2f}"),
    ]
    for name, value in rows:
        table.add_row(name, value)
    return table


def report_results(run: Recording, out: Path, console: Console) -> CourseMetrics:
    """Print the metrics, save plot and video, and print their paths."""
    metrics = compute_metrics(run)
    console.print(metrics_table(metrics))
    plot, video = out / "velocity.png", out / "demo.mp4"
    save_plot(run, metrics, plot)
    console.print(f"plot:  {plot}")
    try:
        with progress_bar(console) as progress:
            task = progress.add_task("rendering the video", total=1.0)
            save_video(run, video, lambda share: progress.update(task, completed=share))
        console.print(f"video: {video}")
    except RenderError as error:
        console.print(f"no video: {error}", style="red")
    return metrics


def main() -> int:
    """Run the demo; returns 0 if the robot walked the course without falling and recovered from every push."""
    options = parse_arguments()
    console = make_console()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # unwinds the stack, so that the graph is shut down
    try:
        course = load(Course, options.course or share_path("sim", "courses", "demo.yaml"))
        policy = options.policy or share_path("policies", "gait.onnx")
        GaitPolicy(policy, load_description())  # check the policy before anything starts
        require_writable(options.out, "--out")
        options.out.mkdir(parents=True, exist_ok=True)
        run, problem = run_course(course, options.policy, options.out, console)
        metrics = report_results(run, options.out, console)
    except (ContractError, ConfigError, CourseFailedError, GraphError, OSError, PolicyError) as error:
        console.print(f"the demo failed: {error}", style="red")
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    if problem:
        console.print(f"the demo failed: {problem}", style="red")
        return 1
    if not metrics.succeeded:
        console.print("the demo failed: the robot fell or did not recover from a push (see the table)", style="red")
        return 1
    return 0


if __name__ == "__main__":  # the processes that render the video import this module
    sys.exit(main())
