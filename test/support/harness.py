"""Access to the running graph for rostests: latest messages, waiting without sleeping, service calls, extra publishers.

A test takes part in lockstep (see `pace`): simulated time waits until the test has received all periodic messages, and
the test can stop it. A test that relays the velocity (see `Graph`) can stop it exactly, and messages that it repeats go
out once per control period. Results therefore do not depend on the speed of the machine or the order of connections.
Messages that are not periodic (a mode, the end of an action, the log) may still arrive late: wait for them.
"""

import math
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import Any, Callable, Deque, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

import rosgraph
import rospy
from geometry_msgs.msg import Twist, Vector3
from nav_msgs.msg import Odometry
from nodes import Nodes
from pace import Pace
from rosgraph_msgs.msg import Clock, Log
from std_srvs.srv import Trigger

from xdog.msg import LegCommand, LegState, LocomotionState, SafetyState
from xdog.srv import Fault, Push, Reset

RELAYED = "mux_velocity"
"""Name of the mux's cmd_vel_safe in the launch file of the safety tests; the bridge receives what the test relays."""

WALL_LIMIT = 120.0
"""s of wall time after which a wait fails because the graph makes no progress."""

STATES_KEPT = 1000
"""Number of the latest legs/state that are kept, 5 s."""

GRACE = 5.0
"""s of wall time that a wait stops simulated time at its end, for messages that are still on their way."""

STANDSTILL = 5.0
"""s of wall time within which simulated time stops."""

POLL = 0.1
"""s of wall time between checks while no message arrives; the end of an action, for example, arrives elsewhere."""

SERVICES = {"fault": Fault, "push": Push, "reset": Reset}


class Gate(NamedTuple):
    """The gate's part of one legs/state; stamp in s."""

    stamp: float
    active: bool
    reason: str


class Graph(Nodes):
    """The running graph as a test sees it.

    Args:
        topics: more topics whose latest message is kept in `latest`, with their types.
        relay: pass the velocity of the mux on to the bridge, as in the launch file of the safety tests.
    """

    def __init__(self, topics: Optional[Mapping[str, type]] = None, relay: bool = False) -> None:
        super().__init__()
        self.latest: Dict[str, Any] = {}
        self.gates: List[Gate] = []
        self.states: Deque[LegState] = deque(maxlen=STATES_KEPT)
        self.log: List[str] = []
        self._news = threading.Condition()
        self._held = False
        self._relayed = 0.0
        self._pending: Optional[Twist] = None
        self._sticks: Dict[str, Tuple[rospy.Publisher, Any]] = {}
        self._relay = rospy.Publisher("cmd_vel_safe", Twist, queue_size=1, tcp_nodelay=True) if relay else None
        kinds: Dict[str, type] = {
            "legs/state": LegState,
            "safety/state": SafetyState,
            "locomotion/state": LocomotionState,
            "ground_truth/odom": Odometry,
            RELAYED if relay else "cmd_vel_safe": Twist,
            **(topics or {}),
        }
        with self._news:
            subscribers = {
                topic: rospy.Subscriber(topic, kind, self._on_message, topic, queue_size=100, tcp_nodelay=True)
                for topic, kind in kinds.items()
            }
            self._pace = None if rospy.rostime.is_wallclock() else Pace(self._news, subscribers, self._relay_pending)
        rospy.Subscriber("/clock", Clock, self._on_clock, queue_size=100, tcp_nodelay=True)
        rospy.Subscriber("/rosout", Log, self._on_log, queue_size=100)
        if self._pace:
            self.wait_until(lambda: self.now > 0.0, math.inf, "the first /clock")

    # Receiving.

    @property
    def now(self) -> float:
        """Simulated time up to which all periodic messages have arrived, s; 0 on a real robot."""
        return self._pace.reached if self._pace else 0.0

    def _on_message(self, message: Any, topic: str) -> None:
        with self._news:
            self.latest[topic] = message
            if self._pace:
                self._pace.received(topic, message)
            if topic == "legs/state":
                stamp = message.header.stamp.to_sec()
                self.states.append(message)
                self.gates.append(Gate(stamp, message.gate == LegState.ACTIVE, message.gate_reason))
            elif topic == RELAYED:
                for publisher, repeated in self._sticks.values():
                    publisher.publish(repeated)
                self._pending = message
                self._relay_pending()
            self._news.notify_all()

    def _on_clock(self, message: Clock) -> None:
        with self._news:
            if self._pace:
                self._pace.tick(message.clock.to_sec())

    def _on_log(self, message: Log) -> None:
        with self._news:
            self.log.append(f"{message.name}: {message.msg}")
            self._news.notify_all()

    def _relay_is_due(self) -> bool:
        """Whether the simulation waits for the relay, and all messages of the control period have arrived."""
        return self._pending is not None and self.now > self._relayed

    def _relay_pending(self) -> None:
        if self._relay and self._relay_is_due() and not self._held:
            self._relay.publish(self._pending)
            self._pending, self._relayed = None, self.now

    # Waiting.

    def wait_until(self, condition: Callable[[], Any], timeout: float, what: str) -> Any:
        """The first true value of ``condition``, which is checked whenever a message arrives.

        Args:
            condition: called while messages are locked; must not block.
            timeout: s of simulated time; infinite for what takes wall time, such as starting a program (`WALL_LIMIT`).
            what: description for the error message.

        Raises:
            AssertionError: the condition did not become true in time.
        """
        with self._news:
            end = self.now + timeout
            value = self._await(condition, WALL_LIMIT, lambda: self.now > end)
            if not value:
                with self.held():
                    value = self._await(condition, GRACE)
            if not value:
                raise AssertionError(f"{what}: not within {timeout} s of simulated time; {self.situation()}")
            return value

    def _await(self, condition: Callable[[], Any], wall: float, over: Callable[[], bool] = lambda: False) -> Any:
        """The condition's value once it is true, ``over`` is, or ``wall`` s have passed; the caller holds the lock."""
        end = time.monotonic() + wall
        while True:
            value = condition()
            if value or over() or time.monotonic() > end:
                return value
            self._news.wait(POLL)

    def pass_time(self, seconds: float) -> None:
        """Let simulated time pass."""
        end = self.now + seconds
        self.wait_until(lambda: self.now >= end, seconds + 1.0, "the clock continues")

    def situation(self) -> str:
        """The state of the graph in one line, for error messages."""
        parts = [f"at {self.now:.3f} s"]
        safety, legs, walk = (self.latest.get(n) for n in ("safety/state", "legs/state", "locomotion/state"))
        if safety:
            parts.append(f"safety {safety.level} {safety.reasons} {safety.warnings}")
        if legs:
            parts.append(f"gate {legs.gate} '{legs.gate_reason}'")
        if walk:
            parts.append(f"locomotion {walk.name} '{walk.reason}'")
        return "; ".join(parts)

    # Acting.

    def call(self, service: str, *arguments: Any) -> Any:
        """Call a service (std_srvs/Trigger unless it is one of `SERVICES`) and return its response."""
        rospy.wait_for_service(service, timeout=30.0)
        return rospy.ServiceProxy(service, SERVICES.get(service, Trigger))(*arguments)

    def require(self, service: str, *arguments: Any) -> str:
        """Call a service that must succeed; returns its message."""
        response = self.call(service, *arguments)
        assert response.success, f"{service}: {response.message}; {self.situation()}"
        return str(response.message)

    def expect(self, service: str, timeout: float) -> str:
        """Call a service repeatedly until it succeeds, for ``timeout`` s of simulated time; returns its message."""
        answers: List[Any] = []

        def succeeds() -> bool:
            answers.append(self.call(service))
            return bool(answers[-1].success)

        self.eventually(succeeds, timeout, lambda: f"{service}: {answers[-1].message}")
        return str(answers[-1].message)

    def eventually(self, check: Callable[[], bool], timeout: float, what: Callable[[], str]) -> None:
        """Repeat a check that may block every 0.1 s of simulated time until it is true."""
        end = self.now + timeout
        while not check():
            assert self.now < end, f"{what()}; {self.situation()}"
            self.pass_time(0.1)

    def push(self, x: float, y: float, z: float = 0.0) -> None:
        """Change the trunk's velocity by (x, y, z) m/s in the world."""
        self.require("push", Vector3(x, y, z))

    def second_publisher(self, topic: str, kind: type) -> rospy.Publisher:
        """A publisher beside the regular one, connected to all subscribers of ``topic``."""
        publisher = rospy.Publisher(topic, kind, queue_size=1, tcp_nodelay=True)
        _, subscribed, _ = rosgraph.Master(rospy.get_name()).getSystemState()
        subscribers = len(dict(subscribed)[rospy.resolve_name(topic)])
        self.wait_until(lambda: publisher.get_num_connections() >= subscribers, 5.0, f"{topic} has its subscribers")
        return publisher

    def inject_command(self, command: LegCommand, ahead: float = 0.02) -> float:
        """Publish one legs/command beside those of the controller while time is stopped; returns that time, s.

        Its stamp is ``ahead`` s in the future, so that lockstep does not take it for the controller's answer.
        """
        publisher = self.second_publisher("legs/command", LegCommand)
        with self.held():
            cause = self.now
            command.header.stamp = rospy.Time.from_sec(cause + ahead)
            publisher.publish(command)
            links = list(publisher.impl.connections)
            self.wait_until(lambda: all(link.stat_num_msg for link in links), 1.0, "the command is on its way")
        self.pass_time(0.02)
        publisher.unregister()
        return cause

    def hold_stick(self, source: str, vx: float = 0.0, vy: float = 0.0, wz: float = 0.0) -> None:
        """From now on publish a command of ``source`` ("" for plain cmd_vel) in every control period, m/s and rad/s."""
        twist = Twist()
        twist.linear.x, twist.linear.y, twist.angular.z = vx, vy, wz
        self.repeat(f"cmd_vel/{source}" if source else "cmd_vel", twist)

    def repeat(self, topic: str, message: Any) -> None:
        """From now on publish a message once per control period, until `unplug_sticks`; needs the relay."""
        publisher = self._sticks[topic][0] if topic in self._sticks else self.second_publisher(topic, type(message))
        with self._news:
            self._sticks[topic] = (publisher, message)

    def unplug_sticks(self) -> None:
        """End all sources that `hold_stick` and `repeat` started: they stop publishing and disconnect."""
        with self._news:
            sticks, self._sticks = self._sticks, {}
        for publisher, _ in sticks.values():
            publisher.unregister()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stop simulated time meanwhile; exactly at `now` if the test relays the velocity."""
        with self._news:
            outer = self._held
            self._hold(True)
            self._await(self._stands_still, STANDSTILL)
        try:
            yield
        finally:
            with self._news:
                self._hold(outer)

    def _hold(self, held: bool) -> None:
        self._held = held
        if self._relay:
            self._relay_pending()
        elif self._pace:
            self._pace.hold(held)

    def _stands_still(self) -> bool:
        return self._relay is None or self._relay_is_due()

    def close(self) -> None:
        """Leave the graph and end what `start` started."""
        with self._news:
            self._relay = None
        if self._pace:
            self._pace.close()
        self.end_children()
