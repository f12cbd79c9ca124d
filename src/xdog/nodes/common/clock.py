"""One notion of time for watchdogs: simulated time in the mirror, the monotonic clock on the robot."""

import threading
import time
from typing import Callable

import rospy

POLL = 0.3
"""How often a thread that waits for simulated time looks whether the node shuts down, s of wall time."""


def now() -> float:
    """Seconds that never jump on the robot (a wall clock may be set) and follow /clock in simulation."""
    return time.monotonic() if rospy.rostime.is_wallclock() else rospy.get_time()


def arrival(stamp: rospy.Time) -> float:
    """When a message that was stamped on sending came in, s on the clock of `now`.

    In simulation that is its stamp: the /clock message of the same instant may still be on its way. On the robot it
    is now: the stamp may come from another machine's clock.
    """
    return time.monotonic() if rospy.rostime.is_wallclock() else stamp.to_sec()


def every(period: float, callback: Callable[[], None]) -> None:
    """Call ``callback`` in a thread of its own once in each ``period`` (s) of `now`.

    In simulation that is when the clock reaches a multiple of the period, exactly: a bridge in lockstep waits for what
    is published then. (rospy.Timer adds what the clock advanced before it fell asleep, and both could wait for ever.)
    """
    wait = _next_monotonic if rospy.rostime.is_wallclock() else _next_simulated

    def loop() -> None:
        tick = int(now() / period)
        while not rospy.is_shutdown():
            tick = wait(tick, period)
            if not rospy.is_shutdown():
                callback()

    threading.Thread(target=loop, daemon=True).start()


def _next_monotonic(tick: int, period: float) -> int:
    time.sleep(max((tick + 1) * period - now(), 0.0))  # keeps the pace: until the next tick of the wall clock
    return max(int(now() / period + 1e-6), tick + 1)


def _next_simulated(tick: int, period: float) -> int:
    news = rospy.rostime.get_rostime_cond()
    with news:
        while not rospy.is_shutdown():
            reached = int(now() / period + 1e-6)
            if reached != tick:
                return reached
            news.wait(POLL)
    return tick
