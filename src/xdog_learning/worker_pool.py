"""Work in several processes, with results in order."""

import itertools
import multiprocessing
import signal
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Callable, Deque, Generator, Iterable, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

AHEAD = 3
"""Jobs that each worker may be ahead of the consumer: enough to keep it busy, few enough for memory."""


def in_processes(work: Callable[[Job], Result], jobs: Iterable[Job], workers: int) -> Generator[Result, None, None]:
    """Results in the order of the jobs, which may be endless.

    The processes are fresh interpreters: MuJoCo chooses its renderer when it is imported, and OpenGL contexts do not
    survive a fork.

    Args:
        work: a function of a module, called in the workers.
        jobs: consumed as needed.
        workers: number of processes.

    Yields:
        A result; closing the generator ends the processes.

    Raises:
        BrokenProcessPool: a worker died.
    """
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _leave_interrupts_to_the_parent)
    remaining = iter(jobs)
    try:
        pending: Deque[Future[Result]] = deque(
            pool.submit(work, job) for job in itertools.islice(remaining, AHEAD * workers)
        )
        while pending:
            result = pending.popleft().result()
            pending.extend(pool.submit(work, job) for job in itertools.islice(remaining, 1))
            yield result
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal: the parent ends its workers and reports the state of the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
