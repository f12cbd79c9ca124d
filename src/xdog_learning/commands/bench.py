"""`./xdog bench`: run the parts one after the other and show their figures."""

import json
import math
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Literal, Tuple

import tyro
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from xdog.core.config_file import ConfigError
from xdog.core.paths import require_writable, share_path
from xdog_learning.bench import BenchError
from xdog_learning.bench.metrics import Report

# Every part imports what it needs when it runs: SubprocVecEnv's processes import this module too.

Part = Literal["policy", "training", "graph", "faults"]
PARTS: Tuple[Part, ...] = ("policy", "training", "graph", "faults")

FIGURES = {
    "training_rate_ratio": ("training", "of the raw rate", ">= 0.6"),
    "training_steps_per_s": ("training", "policy steps/s", ""),
    "raw_steps_per_s": ("training", "policy steps/s", ""),
    "subproc_steps_per_s": ("training", "policy steps/s", ""),
    "subproc_speedup": ("training", "times", ">= 6"),
    "policy_ms": ("policy", "ms", ""),
    "loop_jitter_p99_ms": ("graph", "ms", ""),
    "command_latency_p95_ms": ("graph", "ms", ""),
    "real_time_factor": ("graph", "s of simulation a s", ""),
    "fault_to_damping_ms": ("faults", "ms of simulated time", "<= 200"),
    "fault_to_damping_by_fault": ("faults", "ms of simulated time", ""),
}
"""Of every figure: the part that measures it, its unit, its goal. docs/explain/benchmarks.md says more."""


@dataclass
class BenchOptions:
    """Measure speed on this machine: training, policy inference, the 50 Hz loop, latency of commands, fault to damping.

    Attributes:
        json: print one JSON object as the last line; a figure that could not be measured is null.
        seed: of robots, commands, noise and phases.
        only: the parts to run.
        policy: the .onnx file to run.
        output: folder for the logs of the ROS graph.
    """

    json: bool = False
    seed: int = 0
    only: Tuple[Part, ...] = PARTS
    policy: Path = field(default_factory=lambda: share_path("policies", "gait.onnx"))
    output: Path = Path("out/bench")


def run_part(part: Part, arguments: BenchOptions, report: Report) -> Dict[str, Any]:
    """Measure one part.

    Raises:
        BenchError: it cannot be measured.
    """
    if part == "training":
        from xdog_learning.bench.throughput import measure_throughput

        return measure_throughput(arguments.seed, report)
    if not arguments.policy.is_file():
        raise BenchError(f"there is no policy {arguments.policy}: train one with './xdog train gait'")
    if part == "policy":
        from xdog_learning.bench.inference import measure_policy

        return measure_policy(arguments.policy, arguments.seed, report)
    if part == "graph":
        from xdog_learning.bench.graph import measure_graph

        return measure_graph(arguments.policy, arguments.seed, arguments.output / "log", report)
    from xdog_learning.bench.faults import measure_faults

    report(0.0, "provoking every fault")
    return measure_faults(share_path("test", "bench", "fault_to_damping.py"), arguments.policy)


def run_parts(arguments: BenchOptions, console: Console) -> Tuple[Dict[str, Any], List[str]]:
    """The figures of all parts, None where there is none, and what went wrong."""
    figures: Dict[str, Any] = {name: None for name, (part, _, _) in FIGURES.items() if part in arguments.only}
    problems = []
    columns = TextColumn("{task.description:<40}"), BarColumn(), TextColumn("{task.percentage:3.0f} %")
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        for part in arguments.only:
            bar = progress.add_task(part, total=1.0)

            def report(share: float, label: str, bar: Any = bar, part: str = part) -> None:
                progress.update(bar, completed=share, description=f"{part}: {label}")

            try:
                figures.update(run_part(part, arguments, report))
                progress.update(bar, completed=1.0, description=part)
            except (BenchError, ConfigError) as error:
                problems.append(f"{part}: {error}")
                progress.update(bar, description=f"{part}: failed")
            progress.stop_task(bar)
    return figures, problems


def table(figures: Dict[str, Any]) -> Table:
    """The figures as a table that is Markdown too, for docs/explain/benchmarks.md."""
    result = Table(box=box.MARKDOWN)
    for column in ("figure", "value", "unit", "goal"):
        result.add_column(column)
    for name, value in figures.items():
        _, unit, goal = FIGURES[name]
        if isinstance(value, dict):
            for key, entry in value.items():
                result.add_row(f"- {key}", shown(entry), unit, "")
        else:
            result.add_row(name, shown(value), unit, goal)
    return result


def shown(value: Any) -> str:
    """A number with three digits that count, whole from 100 on."""
    if value is None or not math.isfinite(value):
        return "not measured"
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def plain(value: Any) -> Any:
    """JSON-ready: numbers rounded to four digits, null where one is not finite."""
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    return round(value, 4) if value is not None and math.isfinite(value) else None


def main() -> int:
    """Run the benchmark; 0 if everything could be measured."""
    arguments = tyro.cli(BenchOptions, prog="xdog bench")
    if arguments.seed < 0:
        raise SystemExit(f"--seed is {arguments.seed}; it must be zero or above")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # so that the graph is ended in order
    console = Console(stderr=arguments.json)
    start = time.monotonic()
    try:
        if "graph" in arguments.only:
            require_writable(arguments.output, "--output")
        figures, problems = run_parts(arguments, console)
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    except OSError as error:
        raise SystemExit(f"cannot measure: {error}") from error
    console.print(table(figures))
    console.print(f"measured in {time.monotonic() - start:.0f} s")
    for problem in problems:
        console.print(f"not measured: {problem}", style="red", markup=False, soft_wrap=True)
    if arguments.json:
        print(json.dumps(plain(figures)))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
