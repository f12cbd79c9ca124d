"""`./xdog bench`: the command line."""

import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Tuple

from rich import box
from rich.table import Table
from typing_extensions import Annotated

from xdog.core.config_file import ConfigError
from xdog.core.paths import share_path
from xdog_learning.bench import BenchError
from xdog_learning.bench.parts import METRICS, PARTS, Part, measure_part, measure_parts
from xdog_learning.command_line import TRAIN_GAIT, NotEmpty, OutputFolder, ReadableFile, Seed, run_command
from xdog_learning.report import print_json
from xdog_sim.console import make_console, progress_bar

COMMAND = "bench"


@dataclass
class BenchOptions:
    """Measure speed on this machine: training, policy inference, the 50 Hz loop, command latency, fault to damping.

    Attributes:
        json: print one JSON object as the last line; a metric that could not be measured is null.
        seed: of robots, commands, noise and phases.
        only: the parts to run.
        policy: the gait policy (.onnx) to run.
        output: folder for the logs of the ROS graph.
    """

    json: bool = False
    seed: Seed = 0
    only: Annotated[Tuple[Part, ...], NotEmpty()] = PARTS
    policy: Path = field(default_factory=lambda: share_path("policies", "gait.onnx"))
    output: OutputFolder = Path("out/bench")


def bench(options: BenchOptions) -> int:
    """Measure and print; 0 if everything could be measured."""
    if set(options.only) != {"training"}:
        ReadableFile(TRAIN_GAIT).require("--policy", options.policy)
    console, begun = make_console(stderr=options.json), time.monotonic()
    with progress_bar(console) as progress:

        def measure(part: Part) -> Dict[str, Any]:
            bar = progress.add_task(part, total=1.0)

            def report(label: str, share: float) -> None:
                progress.update(bar, completed=share, description=f"{part}: {label}")

            try:
                measured = measure_part(part, options.policy, options.seed, options.output / "log", report)
                progress.update(bar, completed=1.0, description=part)
            except (BenchError, ConfigError):
                progress.update(bar, description=f"{part}: failed")
                raise
            finally:
                progress.stop_task(bar)
            return measured

        metrics, problems = measure_parts(options.only, measure)
    console.print(metrics_table(metrics))
    console.print(f"measured in {time.monotonic() - begun:.0f} s")
    for problem in problems:
        console.print(f"not measured: {problem}", style="red")
    if options.json:
        print_json(metrics)
    return 1 if problems else 0


def metrics_table(metrics: Dict[str, Any]) -> Table:
    """The metrics as a table that is also valid Markdown, for docs/explain/benchmarks.md."""
    table = Table("metric", "value", "unit", "goal", box=box.MARKDOWN)
    for name, value in metrics.items():
        _, unit, goal = METRICS[name]
        if isinstance(value, dict):
            for key, entry in value.items():
                table.add_row(f"- {key}", value_text(entry), unit, "")
        else:
            table.add_row(name, value_text(value), unit, goal)
    return table


def value_text(value: Any) -> str:
    """A number with three significant digits, whole from 100 on."""
    if value is None or not math.isfinite(value):
        return "not measured"
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def main() -> int:
    """Entry point."""
    return run_command(BenchOptions, COMMAND, bench)


if __name__ == "__main__":
    sys.exit(main())
