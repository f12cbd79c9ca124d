"""Taking part in a simulation that waits for its controllers."""

import threading
from typing import Callable, Dict, Optional, Tuple

import rospy
from std_msgs.msg import Time

from xdog.core.description import RobotDescription
from xdog.msg import SafetyState
from xdog.nodes.common import conversions
from xdog.nodes.common.callbacks import subscribe
from xdog.nodes.common.connections import has_publisher


class LockstepClient:
    """Publishes on ``lockstep/done`` up to which simulated time a program has worked; the simulation waits for it.

    Each topic has its own connection, and a busy machine may serve one later than another. In simulated time that
    would look like a sender that has stopped. So a client may follow topics: it then reports time as done only up to
    what it has received on all of them. On the robot, time does not wait, and the client does not publish.
    """

    def __init__(self) -> None:
        self._worked = 0.0
        self._followed: Dict[str, Tuple[rospy.Subscriber, float]] = {}
        self._received: Dict[str, float] = {}
        self._lock = threading.Lock()
        self._publisher: Optional[rospy.Publisher] = None
        if rospy.get_param("/use_sim_time", False):
            self._publisher = rospy.Publisher("lockstep/done", Time, queue_size=1, tcp_nodelay=True)

    def follow(self, topic: str, subscriber: rospy.Subscriber, lag: float) -> None:
        """Let time run at most ``lag`` s ahead of a topic, from its first message until its publisher disconnects."""
        with self._lock:
            self._followed[topic] = subscriber, lag

    def received(self, topic: str, stamp: float) -> None:
        """A message stamped ``stamp`` (s) was received on a topic that is followed."""
        with self._lock:
            if stamp < self._received.get(topic, stamp):
                self._rewind(stamp)
            self._received[topic] = stamp
            self._publish()

    def done(self, stamp: float) -> None:
        """Everything up to ``stamp`` (s) is done."""
        with self._lock:
            if stamp < self._worked:
                self._rewind(stamp)
            self._worked = stamp
            for topic in [topic for topic in self._received if not self._has_publisher(topic)]:
                del self._received[topic]
            self._publish()

    def close(self) -> None:
        """Leave: the simulation no longer waits for this program."""
        with self._lock:
            if self._publisher is not None:
                self._publisher.unregister()
                self._publisher = None

    def _rewind(self, stamp: float) -> None:
        """The clock has jumped back, as with a new simulation: times reported before must not count for it."""
        self._worked = min(self._worked, stamp)
        self._received = {topic: min(received, stamp) for topic, received in self._received.items()}

    def _has_publisher(self, topic: str) -> bool:
        return topic in self._followed and has_publisher(self._followed[topic][0])

    def _publish(self) -> None:
        if self._publisher is not None:
            bounds = [
                stamp + self._followed[topic][1] for topic, stamp in self._received.items() if topic in self._followed
            ]
            self._publisher.publish(Time(conversions.to_time(min([self._worked, *bounds]))))


class SafetyListener:
    """Subscribes to safety/state and takes part in lockstep.

    The simulation itself waits for the heartbeat, but this node receives it over another connection.

    Args:
        robot: its rates.
        callback: for every message of safety/state.
    """

    def __init__(self, robot: RobotDescription, callback: Callable[[SafetyState], None]) -> None:
        self._callback, self._lockstep = callback, LockstepClient()
        subscriber = subscribe("safety/state", SafetyState, self._on_message)
        self._lockstep.follow("safety/state", subscriber, 1.0 / robot.rates["safety"] + 1.0 / robot.rates["control"])

    def done(self, stamp: float) -> None:
        """The measurement stamped ``stamp`` (s) was answered."""
        self._lockstep.done(stamp)

    def _on_message(self, message: SafetyState) -> None:
        self._callback(message)
        self._lockstep.received("safety/state", conversions.to_seconds(message.header.stamp))
