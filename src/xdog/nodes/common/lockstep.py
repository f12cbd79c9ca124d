"""What a program needs to take part in a simulation that waits for its controllers."""

import threading
from typing import Callable, Dict, Optional, Tuple

import rospy
from std_msgs.msg import Time

from xdog.core.description import RobotDescription
from xdog.msg import SafetyState
from xdog.nodes.common import conversions
from xdog.nodes.common.connections import has_publisher


class LockstepClient:
    """Tells the mirror on ``lockstep/done`` how far a program has come: no further than it heard on every topic.

    Each topic comes by a connection of its own, and a busy machine may serve one later than another. In simulated time
    that would look like a sender that has fallen silent. On the robot time does not wait, and nothing is published.
    """

    def __init__(self) -> None:
        self._come = 0.0
        self._topics: Dict[str, Tuple[rospy.Subscriber, float]] = {}
        self._heard: Dict[str, float] = {}
        self._lock = threading.Lock()
        self._done: Optional[rospy.Publisher] = None
        if rospy.get_param("/use_sim_time", False):
            self._done = rospy.Publisher("lockstep/done", Time, queue_size=1, tcp_nodelay=True)

    def follow(self, topic: str, subscriber: rospy.Subscriber, lag: float) -> None:
        """Time must not run more than ``lag`` s ahead of a topic that has spoken and is still there."""
        with self._lock:
            self._topics[topic] = subscriber, lag

    def heard(self, topic: str, stamp: float) -> None:
        """A message stamped ``stamp`` (s) came in on a topic that is followed."""
        with self._lock:
            self._heard[topic] = stamp
            self._tell()

    def come(self, stamp: float) -> None:
        """A measurement stamped ``stamp`` (s) was worked on."""
        with self._lock:
            self._come = stamp
            for topic in [topic for topic in self._heard if not self._is_there(topic)]:
                del self._heard[topic]
            self._tell()

    def _is_there(self, topic: str) -> bool:
        return topic in self._topics and has_publisher(self._topics[topic][0])

    def _tell(self) -> None:
        if self._done is not None:
            bounds = [stamp + self._topics[topic][1] for topic, stamp in self._heard.items() if topic in self._topics]
            self._done.publish(Time(conversions.to_time(min([self._come, *bounds]))))


class SafetyListener:
    """Hears safety/state, as a guest in lockstep.

    The mirror waits for the heartbeat itself, but to this node it comes by another connection.

    Args:
        robot: its rates.
        callback: for every message of safety/state.
    """

    def __init__(self, robot: RobotDescription, callback: Callable[[SafetyState], None]) -> None:
        self._callback, self._guest = callback, LockstepClient()
        subscriber = rospy.Subscriber("safety/state", SafetyState, self._on_message, queue_size=1, tcp_nodelay=True)
        self._guest.follow("safety/state", subscriber, 1.0 / robot.rates["safety"] + 1.0 / robot.rates["control"])

    def answered(self, stamp: float) -> None:
        """A measurement stamped ``stamp`` (s) was answered."""
        self._guest.come(stamp)

    def _on_message(self, message: SafetyState) -> None:
        self._callback(message)
        self._guest.heard("safety/state", conversions.to_seconds(message.header.stamp))
