"""The clock of watchdogs: simulated time in the simulation, the monotonic clock on the robot."""

import time
from typing import Callable

import rospy

from xdog.core.timers import period_number
from xdog.nodes.common.callbacks import guarded, is_ending, start_thread

POLL = 0.3
"""How often a thread that waits for simulated time checks whether the node shuts down, s of wall time."""


def now() -> float:
    """Seconds that never jump on the robot (a wall clock may be set) and follow /clock in simulation."""
    return time.monotonic() if rospy.rostime.is_wallclock() else rospy.get_time()


def arrival(stamp: rospy.Time) -> float:
    """When a message was received that was stamped on sending, s on the clock of `now`.

    In simulation that is its stamp: the /clock message of the same instant may still be on its way. On the robot it
    is now: the stamp may come from another machine's clock.
    """
    return time.monotonic() if rospy.rostime.is_wallclock() else stamp.to_sec()


def every(period: float, callback: Callable[[], None]) -> None:
    """Call ``callback`` in a thread of its own once in each ``period`` (s) of `now`.

    In simulation this is exactly when the clock reaches a multiple of the period: a bridge in lockstep waits for what
    is published then. (rospy.Timer adds what the clock advanced before its sleep, so that both could wait forever, and
    it ends with an exception when the clock jumps back, while this continues.)
    """
    wait = _next_monotonic if rospy.rostime.is_wallclock() else _next_simulated
    call = guarded(callback)

    def loop() -> None:
        tick = period_number(now(), period)
        while not is_ending():
            tick = wait(tick, period)
            call()

    start_thread(loop)


def _next_monotonic(tick: int, period: float) -> int:
    time.sleep(max((tick + 1) * period - now(), 0.0))  # until the next tick of the wall clock
    return max(period_number(now(), period), tick + 1)


def _next_simulated(tick: int, period: float) -> int:
    news = rospy.rostime.get_rostime_cond()
    with news:
        while not is_ending():
            reached = period_number(now(), period)
            if reached != tick:
                return reached
            news.wait(POLL)
    return tick
