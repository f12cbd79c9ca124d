"""Time from a fault to damped legs, in simulated time, measured by the tests of the safety rules."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

from xdog_learning.bench import BenchError

TIMEOUT = 1200.0
"""s of wall time, more than the limits of both tests together; on an idle machine they take about a minute each."""


def measure_faults(script: Path, policy: Path) -> Dict[str, Any]:
    """The longest time of all faults, and that of each fault, ms.

    Args:
        script: provokes every fault and prints {fault: ms} as its last line.
        policy: to walk with.

    Raises:
        BenchError: the script is missing, fails or prints something else.
    """
    if not script.is_file():
        raise BenchError(f"{script} is missing: run the benchmark in a checkout of XDog, which holds the tests")
    command = [sys.executable, str(script), "--policy", str(policy.resolve())]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{script} took longer than {TIMEOUT:.0f} s") from error
    if run.returncode != 0:
        raise BenchError(f"{script} failed: {run.stderr.strip()}")
    last = run.stdout.strip().rpartition("\n")[2]
    try:
        times = {str(fault): float(ms) for fault, ms in json.loads(last).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise BenchError(f"{script} printed '{last[:200]}' instead of {{fault: ms}}") from error
    if not times or not all(math.isfinite(ms) for ms in times.values()):
        raise BenchError(f"{script} measured no time for some fault: {last[:200]}")
    return {"fault_to_damping_ms": max(times.values()), "fault_to_damping_by_fault": times}
