"""A test takes part in lockstep: simulated time waits for what the test has yet to receive."""

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
"""s by which the newest message of a topic that never pauses may be older than a control period's beginning."""

PATIENCE = 3.0
"""s of wall time after which a topic that has fallen silent is no longer waited for."""


class Pace:
    """Reports to the simulation what has come in; it runs one control period ahead of that at most.

    Each topic comes by a connection of its own, and on a busy machine one may be a second behind another. A test that
    receives something on one topic would then find something old on another.

    Attributes:
        reached: s of simulated time up to which the test has received everything; 0 at first. Read it under ``news``.
    """

    def __init__(
        self, news: threading.Condition, subscribers: Dict[str, rospy.Subscriber], on_reached: Callable[[], None]
    ) -> None:
        """Args: the condition that guards everything and tells of changes; subscribers by topic; what else to tell."""
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
        """A message came in."""
        if topic in self._lags:
            stamp = message.header.stamp.to_sec()
            if topic == "legs/state":
                self._state = max(self._state, stamp)
            self._lockstep.received(topic, stamp)

    def tick(self, clock: float) -> None:
        """The clock says this, s; the caller holds the lock."""
        self._clock = max(self._clock, clock)
        self._news.notify_all()

    def hold(self, held: bool) -> None:
        """Whether time is to stand still; the caller holds the lock."""
        self._held = held
        self._news.notify_all()

    def close(self) -> None:
        """Wait for nothing any more."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        self._client.close()

    @property
    def _begun(self) -> float:
        """When the newest control period began of which the clock has told, s."""
        return period_number(self._clock, PERIOD) * PERIOD

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closed or self._begun > self.reached + 0.5 * PERIOD)
                begun = self._begun
            self._lockstep.wait({"legs/state": begun})
            if self._state >= begun - 1e-6:  # no node answers to states that have stopped
                self._lockstep.wait({topic: begun - lag for topic, lag in self._lags.items()})
            with self._news:
                self.reached = begun
                self._on_reached()
                self._news.notify_all()
                self._news.wait_for(lambda: self._closed or not self._held)
                if self._closed:
                    return
            self._client.done(begun)
