"""The clockwork of a loop on the robot: wakes at a fixed rate and counts the cycles that came too late."""

import os
import time
from typing import Callable

PRIORITY = 20
"""Of SCHED_FIFO: before all ordinary programs, behind the kernel's own threads (50)."""


def claim_priority() -> bool:
    """Let the calling thread run before everything ordinary; False where the system doesn't allow it."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError:
        return False
    return True


class Cycle:
    """A metronome.

    Args:
        period: s from beat to beat.
        clock: s, never set.
        sleep: waits for so many s.

    Attributes:
        beats: how many have been waited for.
        missed: how many of them were over before anybody waited: the work took longer than the period, or the machine
            was busy with something else. Beats that were skipped are not caught up.
    """

    def __init__(
        self,
        period: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._period, self._clock, self._sleep = period, clock, sleep
        self._due = clock()
        self.beats = 0
        self.missed = 0

    def wait(self) -> None:
        """Sleep until the next beat. One that should have come a whole period ago or earlier is missed."""
        self._due += self._period
        self.beats += 1
        late = self._clock() - self._due
        if late >= self._period:
            skipped = int(late / self._period)
            self.beats += skipped
            self.missed += skipped
            self._due += skipped * self._period
            late -= skipped * self._period
        if late < 0.0:
            self._sleep(-late)
