"""A lockstep client reports time as done only up to what it has received on every topic that it follows."""

from typing import Any, List, Optional

import pytest
from std_msgs.msg import Time

from xdog.core.description import load_description
from xdog.msg import SafetyState
from xdog.nodes.common import conversions, lockstep
from xdog.nodes.common.lockstep import LockstepClient, SafetyListener

SUBSCRIBER: Any = object()


class Simulation:
    """The messages on lockstep/done, and whether the followed topics have publishers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, simulated: bool = True) -> None:
        self.done: List[float] = []
        self.closed = False
        self.has_publisher = True
        self.on_safety: Any = None
        monkeypatch.setattr(lockstep.rospy, "get_param", lambda *_: simulated)
        monkeypatch.setattr(lockstep.rospy, "Publisher", lambda *_, **__: self)
        monkeypatch.setattr(lockstep, "has_publisher", lambda _: self.has_publisher)
        monkeypatch.setattr(lockstep, "subscribe", self._subscribe)

    def _subscribe(self, _topic: str, _kind: type, callback: Any) -> Any:
        self.on_safety = callback
        return SUBSCRIBER

    # As rospy.Publisher.

    def publish(self, message: Time) -> None:
        self.done.append(conversions.to_seconds(message.data))

    def unregister(self) -> None:
        self.closed = True

    @property
    def newest(self) -> Optional[float]:
        return self.done[-1] if self.done else None


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(monkeypatch)


@pytest.fixture
def client(simulation: Simulation) -> LockstepClient:
    """It follows one topic with a lag of 0.05 s."""
    client = LockstepClient()
    client.follow("topic", SUBSCRIBER, 0.05)
    return client


def test_without_topics_it_is_done_with_what_it_did(simulation: Simulation) -> None:
    client = LockstepClient()
    for stamp in (0.02, 0.04, 0.06):
        client.done(stamp)
    assert simulation.done == [0.02, 0.04, 0.06]


def test_a_followed_topic_counts_from_its_first_message(simulation: Simulation, client: LockstepClient) -> None:
    client.done(1.0)
    assert simulation.newest == 1.0
    client.received("topic", 1.0)
    client.done(1.04)
    assert simulation.newest == 1.04
    client.done(1.06)
    assert simulation.newest == 1.05, "no further ahead of the topic than its lag"
    client.received("topic", 1.05)
    assert simulation.newest == 1.06


def test_a_topic_without_a_publisher_is_not_waited_for(simulation: Simulation, client: LockstepClient) -> None:
    client.received("topic", 1.0)
    simulation.has_publisher = False
    client.done(2.0)
    assert simulation.newest == 2.0


def test_a_new_simulation_starts_at_its_own_time(simulation: Simulation, client: LockstepClient) -> None:
    client.received("topic", 100.0)
    client.done(100.0)
    client.received("topic", 0.02)
    assert simulation.newest == 0.02, "what was done at 100 s was another simulation's"
    client.done(0.02)
    assert simulation.newest == 0.02
    client.received("topic", 100.0)
    client.done(100.0)
    client.done(0.02)
    assert simulation.newest == 0.02


def test_on_the_robot_it_does_not_publish(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(monkeypatch, simulated=False)
    client = LockstepClient()
    client.follow("topic", SUBSCRIBER, 0.05)
    client.received("topic", 1.0)
    client.done(1.0)
    client.close()
    assert (simulation.done, simulation.closed) == ([], False)


def test_a_closed_client_does_not_publish(simulation: Simulation, client: LockstepClient) -> None:
    client.close()
    assert simulation.closed
    client.done(1.0)
    client.close()
    assert simulation.done == []


def test_a_safety_listener_lets_time_run_a_heartbeat_and_a_control_period_ahead(simulation: Simulation) -> None:
    received: List[bool] = []
    listener = SafetyListener(load_description(), lambda message: received.append(message.motion_allowed))
    message = SafetyState(motion_allowed=True)
    message.header.stamp = conversions.to_time(1.0)
    simulation.on_safety(message)
    assert received == [True]
    for stamp, done in ((1.06, 1.06), (1.08, 1.07), (1.2, 1.07)):  # 50 ms and 20 ms
        listener.done(stamp)
        assert simulation.newest == pytest.approx(done)
