"""The parts of the benchmark and the metrics of each."""

from pathlib import Path
from typing import Any, Callable, Dict, List, Literal, Sequence, Tuple

from xdog.core.config_file import ConfigError
from xdog.core.paths import share_path
from xdog_learning.bench import BenchError
from xdog_learning.report import ReportProgress

# Every part imports what it needs when it runs: SubprocVecEnv's processes import this module too.

Part = Literal["policy", "training", "graph", "faults"]
PARTS: Tuple[Part, ...] = ("policy", "training", "graph", "faults")

METRICS = {
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
"""For every metric: the part that measures it, its unit, its goal. docs/explain/benchmarks.md explains them."""


def measure_part(part: Part, policy: Path, seed: int, logs: Path, report: ReportProgress) -> Dict[str, Any]:
    """Measure one part.

    Args:
        part: which.
        policy: gait policy to run, in all parts but "training".
        seed: of robots, commands, noise and phases.
        logs: folder for the logs of the ROS graph.
        report: called with the progress.

    Raises:
        BenchError: it cannot be measured.
    """
    if part == "training":
        from xdog_learning.bench.throughput import measure_throughput

        return measure_throughput(seed, report)
    if part == "policy":
        from xdog_learning.bench.inference import measure_policy

        return measure_policy(policy, seed, report)
    if part == "graph":
        from xdog_learning.bench.graph import measure_graph

        return measure_graph(policy, seed, logs, report)
    from xdog_learning.bench.faults import measure_faults

    report("causing every fault", 0.0)
    return measure_faults(share_path("test", "bench", "fault_to_damping.py"), policy)


def measure_parts(parts: Sequence[Part], measure: Callable[[Part], Dict[str, Any]]) -> Tuple[Dict[str, Any], List[str]]:
    """The metrics of some parts, None for those not measured, and the problems.

    Args:
        parts: which.
        measure: measures one; may raise BenchError, or ConfigError of a file in the checkout.
    """
    metrics: Dict[str, Any] = {name: None for name, (part, _, _) in METRICS.items() if part in parts}
    problems = []
    for part in parts:
        try:
            metrics.update(measure(part))
        except (BenchError, ConfigError) as error:
            problems.append(f"{part}: {error}")
    return metrics, problems
