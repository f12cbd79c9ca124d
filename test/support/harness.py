"""What a rostest needs of the running graph: its newest messages, waiting without sleeping, calls, and a firm hand.

A test takes part in lockstep (see `pace`): simulated time waits until it has heard everything that speaks all the
time, and can be held still. One that relays the velocity (see `Graph`) holds it exactly, and what it repeats it says
once in every control period. So results depend on no machine's speed, and on no order among connections. What speaks
only now and then (a mode, an action's end, the log) may still come late: wait for it.
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
"""In the safety tests' launch file the mux's cmd_vel_safe has this name; the bridge hears what the test relays."""

WALL_LIMIT = 120.0
"""s of wall time after which a wait fails because the graph stands still."""

STATES_KEPT = 1000
"""Of the newest legs/state, 5 s."""

GRACE = 5.0
"""s of wall time for which, when a wait's simulated time is over, time stands still for what is still on its way."""

STANDSTILL = 5.0
"""s of wall time that time may take to stand still."""

POLL = 0.1
"""s of wall time between two looks while no message comes in: an action's end, for one, comes past this file."""

SERVICES = {"fault": Fault, "push": Push, "reset": Reset}


class Gate(NamedTuple):
    """What one legs/state said about the gate: stamp in s."""

    stamp: float
    active: bool
    reason: str


class Graph(Nodes):
    """The running graph as a test sees it.

    Args:
        topics: further topics whose newest message `latest` is to hold, with their types.
        relay: pass the mux's velocity on to the bridge, as the safety tests' launch file arranges it.
    """

    def __init__(self, topics: Optional[Mapping[str, type]] = None, relay: bool = False) -> None:
        super().__init__()
        self.latest: Dict[str, Any] = {}
        self.gates: List[Gate] = []
        self.states: Deque[LegState] = deque(maxlen=STATES_KEPT)
        self.log: List[str] = []
        self._news = threading.Condition()
        self._held = False
        self._paid = 0.0
        self._owed: Optional[Twist] = None
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
            self._pace = None if rospy.rostime.is_wallclock() else Pace(self._news, subscribers, self._pay)
        rospy.Subscriber("/clock", Clock, self._on_clock, queue_size=100, tcp_nodelay=True)
        rospy.Subscriber("/rosout", Log, self._on_log, queue_size=100)
        if self._pace:
            self.wait_until(lambda: self.now > 0.0, math.inf, "the first /clock")

    # Listening.

    @property
    def now(self) -> float:
        """Up to when everything that speaks all the time has come in, s of simulated time; 0 on a real robot."""
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
                self._owed = message
                self._pay()
            self._news.notify_all()

    def _on_clock(self, message: Clock) -> None:
        with self._news:
            if self._pace:
                self._pace.tick(message.clock.to_sec())

    def _on_log(self, message: Log) -> None:
        with self._news:
            self.log.append(f"{message.name}: {message.msg}")
            self._news.notify_all()

    def _owes(self) -> bool:
        """Whether the mirror waits for the relay, in a control period of which everything has come in."""
        return self._owed is not None and self.now > self._paid

    def _pay(self) -> None:
        if self._relay and self._owes() and not self._held:
            self._relay.publish(self._owed)
            self._owed, self._paid = None, self.now

    # Waiting.

    def wait_until(self, condition: Callable[[], Any], timeout: float, what: str) -> Any:
        """The first true value of ``condition``, looked at whenever a message comes in.

        Args:
            condition: called while no message comes in; must not block.
            timeout: s of simulated time; infinite for what takes wall time, such as a program's start (`WALL_LIMIT`).
            what: for the failure's text.

        Raises:
            AssertionError: it didn't come true.
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
        """Let simulated time go by."""
        end = self.now + seconds
        self.wait_until(lambda: self.now >= end, seconds + 1.0, "the clock goes on")

    def situation(self) -> str:
        """The graph in a line, for a failure's text."""
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

    def demand(self, service: str, *arguments: Any) -> str:
        """Call a service that must succeed; returns its message."""
        response = self.call(service, *arguments)
        assert response.success, f"{service}: {response.message}; {self.situation()}"
        return str(response.message)

    def insist(self, service: str, timeout: float) -> str:
        """Call a service again and again until it succeeds, ``timeout`` s of simulated time at most."""
        answers: List[Any] = []

        def succeeds() -> bool:
            answers.append(self.call(service))
            return bool(answers[-1].success)

        self.eventually(succeeds, timeout, lambda: f"{service}: {answers[-1].message}")
        return str(answers[-1].message)

    def eventually(self, check: Callable[[], bool], timeout: float, what: Callable[[], str]) -> None:
        """Ask for something that may block, every 0.1 s of simulated time, until it is so."""
        end = self.now + timeout
        while not check():
            assert self.now < end, f"{what()}; {self.situation()}"
            self.pass_time(0.1)

    def push(self, x: float, y: float, z: float = 0.0) -> None:
        """Change the trunk's velocity by (x, y, z) m/s in the world."""
        self.demand("push", Vector3(x, y, z))

    def intruder(self, topic: str, kind: type) -> rospy.Publisher:
        """A publisher beside the rightful one that everybody who listens to ``topic`` hears."""
        publisher = rospy.Publisher(topic, kind, queue_size=1, tcp_nodelay=True)
        _, subscribed, _ = rosgraph.Master(rospy.get_name()).getSystemState()
        listeners = len(dict(subscribed)[rospy.resolve_name(topic)])
        self.wait_until(lambda: publisher.get_num_connections() >= listeners, 5.0, f"{topic} has its listeners")
        return publisher

    def intrude(self, command: LegCommand, ahead: float = 0.02) -> float:
        """Publish one legs/command beside the controller's, while time stands still; returns that time, s.

        Its stamp is ``ahead`` s in the future, so that lockstep doesn't take it for the controller's answer to a state.
        """
        publisher = self.intruder("legs/command", LegCommand)
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
        """From now on ``source`` ("" for plain cmd_vel) commands this at every control period, m/s and rad/s."""
        twist = Twist()
        twist.linear.x, twist.linear.y, twist.angular.z = vx, vy, wz
        self.repeat(f"cmd_vel/{source}" if source else "cmd_vel", twist)

    def repeat(self, topic: str, message: Any) -> None:
        """From now on publish a message once in every control period, until `unplug_sticks`; needs the relay."""
        publisher = self._sticks[topic][0] if topic in self._sticks else self.intruder(topic, type(message))
        with self._news:
            self._sticks[topic] = (publisher, message)

    def unplug_sticks(self) -> None:
        """All sources die: they fall silent and their connections go."""
        with self._news:
            sticks, self._sticks = self._sticks, {}
        for publisher, _ in sticks.values():
            publisher.unregister()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Simulated time stands still while something is done: at `now`, if the test relays the velocity."""
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
            self._pay()
        elif self._pace:
            self._pace.hold(held)

    def _stands_still(self) -> bool:
        return self._relay is None or self._owes()

    def close(self) -> None:
        """Leave the graph and end what `start` started."""
        with self._news:
            self._relay = None
        if self._pace:
            self._pace.close()
        self.end_children()
