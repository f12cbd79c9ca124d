"""Timers of the robot's loops: which period a stamp lies in, a loop at a fixed rate, how long a condition has held."""

import math
import os
import time
from typing import Callable, Optional, Union, overload

import numpy as np

Array = np.ndarray

PRIORITY = 20
"""Of SCHED_FIFO: above all ordinary programs, below the kernel's own threads (50)."""


def claim_priority() -> bool:
    """Give the calling thread, not its children, real-time priority; False where that is not allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    except OSError:
        return False
    return True


PERIOD_TOLERANCE = 1e-6
"""Share of a period by which a stamp may be early: 0.06 s / 0.02 s is a little less than 3."""


def period_number(stamp: float, period: float) -> int:
    """Which period ``stamp`` (s) lies in. Number n begins at n times ``period`` (s) on the stamp's clock."""
    return math.floor(stamp / period + PERIOD_TOLERANCE)


class PeriodFilter:
    """Recognises the first message of each period, so that a faster topic is answered once per period.

    A clock that jumps, forward or back, starts another period.

    Args:
        period: s.

    Attributes:
        count: how many first messages there were.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self._number: Optional[int] = None
        self.count = 0

    def is_first(self, stamp: float) -> bool:
        """Whether ``stamp`` (s) lies in another period than the one before it."""
        before, self._number = self._number, period_number(stamp, self._period)
        if self._number == before:
            return False
        self.count += 1
        return True


MOST_SKIPPED = 500
"""Beats. A loop that is later than this was not slow: its clock was set."""


class RateTimer:
    """A metronome whose beats lie midway between multiples of the period on its clock.

    A node that counts periods on that clock, like the arm controller, thus gets one beat in each, even if beats are a
    little early or late.

    Args:
        period: s from beat to beat.
        clock: s. If it is set, the beats follow.
        sleep: waits for so many s.

    Attributes:
        beats: how many have been waited for.
        missed: how many of them had passed before `wait` was called: the work took longer than the period, or the
            machine was busy with something else. Skipped beats are not caught up.
    """

    def __init__(
        self,
        period: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._period, self._clock, self._sleep = period, clock, sleep
        self._beat = math.floor(clock() / period)
        self.beats = 0
        self.missed = 0

    def wait(self) -> None:
        """Sleep until the next beat. One that was due a whole period ago or earlier is missed."""
        now = self._clock() / self._period - 0.5
        self._beat += 1
        self.beats += 1
        skipped = math.floor(now - self._beat)
        if 0 < skipped <= MOST_SKIPPED:
            self.beats += skipped
            self.missed += skipped
        if skipped > 0 or self._beat - now > 2.0:  # late, or the clock was set
            self._beat = math.floor(now) + (0 if skipped > 0 else 1)
        self._sleep(max(self._beat - now, 0.0) * self._period)


ROUNDING = 1e-6
"""s by which a difference of stamps may be off: 0.3 - 0.2 is a little less than 0.1."""


class HoldTimer:
    """Whether a condition, or each of several, has held for a while without interruption. Times are in s on one clock.

    A clock that is set back starts the count again.
    """

    def __init__(self) -> None:
        self._start: Array = np.array(np.inf)

    @overload
    def update(self, now: float, holds: bool, duration: float) -> bool: ...

    @overload
    def update(self, now: float, holds: Array, duration: float) -> Array: ...

    def update(self, now: float, holds: Union[bool, Array], duration: float) -> Union[bool, Array]:
        """Record whether a condition holds.

        Args:
            now: s.
            holds: whether it holds at ``now``; (n,) bool for n conditions, the same n in every call.
            duration: s for which it must have held.

        Returns:
            Whether it has held for ``duration`` up to now; (n,) bool for n conditions.
        """
        self._start = np.where(holds, np.minimum(self._start, now), np.inf)
        lasting: Array = now - self._start >= duration - ROUNDING
        return lasting if isinstance(holds, np.ndarray) else bool(lasting)
