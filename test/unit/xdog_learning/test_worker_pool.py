"""Work on several processes: results in order, jobs consumed as needed, interruptions left to the parent."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator

import pytest
from repository import ROOT
from worker_functions import double

from xdog_learning.worker_pool import AHEAD, in_processes


def test_results_come_in_the_order_of_the_jobs() -> None:
    assert list(in_processes(double, range(9), 2)) == [2 * number for number in range(9)]
    assert list(in_processes(double, [], 2)) == []


def test_endless_jobs_are_consumed_as_needed() -> None:
    taken = []

    def jobs() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    results = in_processes(double, jobs(), 1)
    assert [next(results) for _ in range(4)] == [0, 2, 4, 6]
    assert len(taken) == 4 + AHEAD
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(taken) == 4 + AHEAD


def test_an_error_of_the_work_reaches_the_caller() -> None:
    with pytest.raises(TypeError):
        list(in_processes(double, [None], 1))  # type: ignore[list-item]


def test_interrupted_workers_print_nothing(tmp_path: Path) -> None:
    code = (
        "import signal, sys\nfrom pathlib import Path\nfrom worker_functions import wait_for_ever\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "from xdog_learning.worker_pool import in_processes\n"
        "try:\n    list(in_processes(wait_for_ever, [Path(sys.argv[1])], 1))\n"
        "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    marker = tmp_path / "began"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "test" / "support"), *filter(None, sys.path)]),
    }
    program = subprocess.Popen(
        [sys.executable, "-c", code, str(marker)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60.0
        while not marker.exists() and program.poll() is None and time.monotonic() < end:
            time.sleep(0.05)  # a new file sends no notice: poll
        os.killpg(program.pid, signal.SIGINT)  # as a terminal does
        assert program.communicate(timeout=60.0)[0] == "interrupted\n"
    finally:
        program.kill()
        program.wait()
