"""What a node needs to take part in a simulation that waits for its controllers."""

import threading
from typing import Callable, Optional

import rospy
from std_msgs.msg import Time

from xdog.description import RobotDescription
from xdog.msg import SafetyState
from xdog.nodes import conversions
from xdog.nodes.connections import has_publisher


class Heartbeat:
    """Hears safety/state, and tells the mirror on ``lockstep/done`` how far a node has come: no further than it heard.

    The mirror waits for the heartbeat itself, but to this node it comes by another connection, which a busy machine may
    serve later. In simulated time that would look like a supervisor that has fallen silent. On the robot time does not
    wait, and nothing is published.

    Args:
        robot: its rates.
        callback: for every message of safety/state.
    """

    def __init__(self, robot: RobotDescription, callback: Callable[[SafetyState], None]) -> None:
        self._callback = callback
        self._lag = 1.0 / robot.rates["safety"] + 1.0 / robot.rates["control"]
        self._answered = 0.0
        self._heard: Optional[float] = None
        self._lock = threading.Lock()
        self._done: Optional[rospy.Publisher] = None
        if rospy.get_param("/use_sim_time", False):
            self._done = rospy.Publisher("lockstep/done", Time, queue_size=1, tcp_nodelay=True)
        self._subscriber = rospy.Subscriber(
            "safety/state", SafetyState, self._on_message, queue_size=1, tcp_nodelay=True
        )

    def answered(self, stamp: float) -> None:
        """A measurement stamped ``stamp`` (s) was answered."""
        with self._lock:
            self._answered = stamp
            if not has_publisher(self._subscriber):
                self._heard = None
            self._tell()

    def _on_message(self, message: SafetyState) -> None:
        self._callback(message)
        with self._lock:
            self._heard = conversions.to_seconds(message.header.stamp)
            self._tell()

    def _tell(self) -> None:
        if self._done is not None:
            reached = self._answered if self._heard is None else min(self._answered, self._heard + self._lag)
            self._done.publish(Time(conversions.to_time(reached)))
