"""A test as a client of lockstep: simulated time waits until the test has received its messages."""

import threading
from typing import Any, Callable, Dict

import rospy

from xdog.core.description import load_description
from xdog.core.timers import period_number
from xdog.nodes.common.connections import has_publisher
from xdog.nodes.common.lockstep import LockstepClient
from xdog_sim.lockstep import Lockstep

RATES = load_description().rates
PERIOD = 1.0 / RATES["control"]
LAGS = {
    "legs/state": 0.0,
    "joint_states": 0.0,
    "arm/state": 0.0,
    "ground_truth/odom": 0.0,
    "ground_truth/objects": 0.0,
    "odom": 0.0,
    "legs/command": 0.0,
    "arm/command": 0.0,
    "safety/state": 1.0 / RATES["safety"],
}
"""s by which the latest message of a periodic topic may be older than the start of a control period."""

PATIENCE = 3.0
"""s of wall time after which lockstep no longer waits for a topic without messages."""


class Pace:
    """Reports to the simulation on ``lockstep/done`` up to when messages have arrived; it is at most one period ahead.

    Each topic has its own connection, and on a busy machine one may lag a second behind another. Without this, a test
    that reacts to a message of one topic would see an outdated message of another.

    Attributes:
        reached: s of simulated time up to which all messages have arrived; 0 at first. Read it with ``news`` locked.
    """

    def __init__(
        self, news: threading.Condition, subscribers: Dict[str, rospy.Subscriber], on_reached: Callable[[], None]
    ) -> None:
        """Args: the condition that guards all data and signals changes; subscribers by topic; callback for progress."""
        self.reached = 0.0
        self._news, self._on_reached = news, on_reached
        self._clock = self._state = 0.0
        self._held = self._closed = False
        self._lags = {topic: lag for topic, lag in LAGS.items() if topic in subscribers}
        connected: Dict[str, Callable[[], bool]] = {
            topic: lambda topic=topic: has_publisher(subscribers[topic])  # type: ignore[misc]
            for topic in self._lags
        }
        self._lockstep = Lockstep(connected, rospy.logwarn, PATIENCE)
        self._client = LockstepClient()
        threading.Thread(target=self._run, daemon=True).start()

    def received(self, topic: str, message: Any) -> None:
        """Register a message."""
        if topic in self._lags:
            stamp = message.header.stamp.to_sec()
            if topic == "legs/state":
                self._state = max(self._state, stamp)
            self._lockstep.received(topic, stamp)

    def tick(self, clock: float) -> None:
        """Set the simulated time, s; the caller holds the lock."""
        self._clock = max(self._clock, clock)
        self._news.notify_all()

    def hold(self, held: bool) -> None:
        """Stop simulated time or let it continue; the caller holds the lock."""
        self._held = held
        self._news.notify_all()

    def close(self) -> None:
        """Leave lockstep."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        self._client.close()

    @property
    def _period_start(self) -> float:
        """Start of the latest control period by the clock, s."""
        return period_number(self._clock, PERIOD) * PERIOD

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closed or self._period_start > self.reached + 0.5 * PERIOD)
                start = self._period_start
            self._lockstep.wait({"legs/state": start})
            if self._state >= start - 1e-6:  # if the states have stopped, nothing answers them
                self._lockstep.wait({topic: start - lag for topic, lag in self._lags.items()})
            with self._news:
                self.reached = start
                self._on_reached()
                self._news.notify_all()
                self._news.wait_for(lambda: self._closed or not self._held)
                if self._closed:
                    return
            self._client.done(start)
