"""The bench of the arm's bus cycle runs and says what it measured."""

import json
import subprocess
import sys

from repository import ROOT

BENCH = ROOT / "test" / "bench" / "arm_bus.py"


def test_a_second_of_it() -> None:
    run = subprocess.run(
        [sys.executable, str(BENCH), "--seconds", "1", "--json"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    figures = json.loads(run.stdout.splitlines()[-1])
    assert figures["bus_missed"] == figures["bus_late"] + figures["bus_unread"]
    assert figures["bus_cycles"] >= 40
    assert 0.0 < figures["bus_cycle_p99_ms"] <= figures["bus_cycle_max_ms"]
