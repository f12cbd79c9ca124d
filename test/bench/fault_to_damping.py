#!/usr/bin/env python3
"""Time from a fault to damped legs, in simulated time: one JSON line {fault: ms}.

Runs the rostests of the safety rules in a graph of their own and collects what they measured. Needs the workspace
sourced, as `./xdog bench` does it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict

ROS_TESTS = Path(__file__).resolve().parents[1] / "ros"
TESTS = (ROS_TESTS / "safety_faults.test", ROS_TESTS / "safety_stops.test")


class BenchError(RuntimeError):
    """The safety tests did not run or did not pass, so that there is nothing to report."""


def fault_to_damping(policy: str = "") -> Dict[str, float]:
    """Provoke every fault in the running graph.

    Args:
        policy: gait policy with which the robot walks; empty for the shipped one.

    Returns:
        ms of simulated time from each fault's cause to the first legs/state with DAMPING.

    Raises:
        BenchError: the tests failed; the message holds the end of their output.
    """
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder) / "times.jsonl"
        environment = {**os.environ, "XDOG_SAFETY_TIMES": str(times)}
        for test in TESTS:
            command = ["rostest", str(test), *([f"policy:={policy}"] if policy else [])]
            try:
                run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            except FileNotFoundError as error:
                raise BenchError("no rostest on PATH: source the workspace first (build/devel/setup.bash)") from error
            if run.returncode != 0:
                raise BenchError(f"{test.name} failed:\n{(run.stdout + run.stderr)[-3000:]}")
        records = [json.loads(line) for line in times.read_text(encoding="utf-8").splitlines()]
    return {record["fault"]: record["ms"] for record in records}


def main() -> None:
    """Print the times as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", default="", help="gait policy to walk with; default: the shipped one")
    try:
        print(json.dumps(fault_to_damping(parser.parse_args().policy)))
    except BenchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
