"""The running ROS graph at the wall clock's pace: jitter of its control loop, latency of commands."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping

import numpy as np

from xdog.core.description import load_description
from xdog_learning.bench import BenchError
from xdog_learning.bench.metrics import command_latencies, jitter_p99_ms, real_time_factor
from xdog_learning.report import ReportProgress
from xdog_sim.ros_graph import GraphError, RosGraph


def measure_graph(policy: Path, seed: int, logs: Path, report: ReportProgress) -> Dict[str, Any]:
    """Jitter of legs/command while walking, and the time from cmd_vel to legs/command.

    Raises:
        BenchError: the graph does not start, or the robot does not walk.
    """
    arguments = {"sim": "true", "lockstep": "false", "viewer": "false", "seed": str(seed)}
    arguments["policy"] = str(policy.resolve())
    report("starting the ROS graph", 0.0)
    try:
        with RosGraph(arguments, logs) as graph:
            try:
                records = probe(seed, logs, report)
            except BenchError as error:
                raise BenchError(f"{error}\n{graph.log} ends with:\n{graph.tail()}") from error
    except GraphError as error:
        raise BenchError(str(error)) from error
    return graph_metrics(records, 1.0 / load_description().rates["control"])


def probe(seed: int, logs: Path, report: ReportProgress) -> Dict[str, List[Any]]:
    """Run the probe in a process of its own, so that nothing here delays it; returns its records."""
    output = logs / "probe.json"
    output.unlink(missing_ok=True)
    command = [sys.executable, "-m", "xdog_sim.nodes.graph_probe", str(output), str(seed)]
    with (logs / "probe.log").open("w+", encoding="utf-8") as log:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    share, _, label = line.partition(" ")
                    report(label.strip(), float(share))
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            log.seek(0)
            raise BenchError(f"nothing was measured in the ROS graph: {log.read().strip()}")
    return json.loads(output.read_text(encoding="utf-8"))


def graph_metrics(records: Mapping[str, Any], period: float) -> Dict[str, Any]:
    """Metrics from the probe's records; see `xdog_sim.nodes.graph_probe`."""
    latencies = command_latencies(records["published"], records["safe"], records["states"], records["commands"])
    return {
        "loop_jitter_p99_ms": jitter_p99_ms([at for at, _ in records["walking"]], period),
        "command_latency_p95_ms": 1e3 * float(np.percentile(latencies, 95, method="higher")),
        "real_time_factor": real_time_factor(records["walking"]),
    }
