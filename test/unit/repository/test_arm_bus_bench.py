"""The bench of the arm's bus cycle runs and prints its metrics."""

import json
import subprocess
import sys

from repository import ROOT

BENCH = ROOT / "test" / "bench" / "arm_bus.py"


def test_the_bench_runs_for_a_second() -> None:
    run = subprocess.run(
        [sys.executable, str(BENCH), "--seconds", "1", "--json"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    metrics = json.loads(run.stdout.splitlines()[-1])
    assert metrics["bus_missed"] == metrics["bus_late"] + metrics["bus_unread"]
    assert metrics["bus_cycles"] >= 40
    assert 0.0 < metrics["bus_cycle_p99_ms"] <= metrics["bus_cycle_max_ms"]
