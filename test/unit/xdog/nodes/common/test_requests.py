"""An operator's requests: the e-stop is repeated until it is confirmed, and every request is answered in time."""

import queue
import threading
from typing import Any, Callable, Dict, Iterator

import pytest
from std_srvs.srv import TriggerResponse

from xdog.msg import SafetyState
from xdog.nodes.common import requests
from xdog.nodes.common.master import NoAnswerError
from xdog.nodes.common.requests import Answer, RobotRequests

LONG = 5.0
"""s of wall time for anything to happen."""


class Robot:
    """A graph without ROS. ``stops`` holds the published stops; the test sets the services' answers."""

    def __init__(self) -> None:
        self.stops: queue.Queue[str] = queue.Queue()
        self.connections = 1
        self.services: Dict[str, Callable[[], TriggerResponse]] = {}
        self.on_safety: Callable[[SafetyState], None] = lambda _: None
        self.now = 100.0

    def call(self, name: str, _timeout: float) -> TriggerResponse:
        if name not in self.services:
            raise NoAnswerError(f"no node offers the service /{name}")
        return self.services[name]()

    def publish_safety(self, level: int, *reasons: str) -> None:
        self.on_safety(SafetyState(level=level, reasons=list(reasons)))


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Robot:
    graph = Robot()

    class Publisher:
        resolved_name = "/estop_request"

        def __init__(self, topic: str, *_: Any, **__: Any) -> None:
            assert topic == "estop_request"

        def publish(self, message: Any) -> None:
            graph.stops.put(message.data)

        def get_num_connections(self) -> int:
            return graph.connections

    def subscribe(topic: str, _: Any, callback: Callable[[SafetyState], None], **__: Any) -> None:
        assert topic == "safety/state"
        graph.on_safety = callback

    monkeypatch.setattr(requests.rospy, "Publisher", Publisher)
    monkeypatch.setattr(requests, "subscribe", subscribe)
    monkeypatch.setattr(requests, "call_trigger", graph.call)
    monkeypatch.setattr(requests.time, "monotonic", lambda: graph.now)
    return graph


@pytest.fixture
def operator(robot: Robot) -> Iterator[RobotRequests]:
    made = RobotRequests(timeout=1.0)
    yield made
    made._stopped.set()  # ends the thread that repeats


def next_answer(operator: RobotRequests) -> Answer:
    return operator._answers.get(timeout=LONG)


def test_a_stop_is_repeated_until_safety_state_shows_it(robot: Robot, operator: RobotRequests) -> None:
    operator.call("estop")
    for _ in range(3):
        assert robot.stops.get(timeout=LONG).startswith("an operator at ")
    robot.publish_safety(SafetyState.OK)
    robot.publish_safety(SafetyState.DAMP, "fallen")
    robot.stops.get(timeout=LONG)
    robot.publish_safety(SafetyState.ESTOP, "e-stop: asked for by /teleop")
    assert operator.answer() == Answer("estop", True, "estop: done (e-stop: asked for by /teleop)")
    assert operator._stopped.is_set()
    robot.now += 10.0
    assert operator.answer() is None


def test_every_press_is_confirmed_again(robot: Robot, operator: RobotRequests) -> None:
    robot.publish_safety(SafetyState.ESTOP, "from before")
    assert operator.answer() is None, "no request yet"
    operator.call("estop")
    assert operator.answer() is None
    robot.stops.get(timeout=LONG)
    robot.publish_safety(SafetyState.ESTOP, "from before")
    assert operator.answer() == Answer("estop", True, "estop: done (from before)")


def test_an_unconfirmed_stop_is_reported_and_repeated(robot: Robot, operator: RobotRequests) -> None:
    robot.connections = 0
    operator.call("estop")
    robot.now += 1.1
    answer = operator.answer()
    assert answer is not None
    assert not answer.success
    assert (
        "E-STOP NOT CONFIRMED: /safety/state shows no stop after 1 s, no node subscribes to /estop_request"
        in answer.text
    )
    assert operator.answer() is None, "once"
    while not robot.stops.empty():
        robot.stops.get()
    robot.stops.get(timeout=LONG)
    robot.publish_safety(SafetyState.ESTOP, "at last")
    assert operator.answer() == Answer("estop", True, "estop: done (at last)")


def test_the_service_confirms_the_stop_too(robot: Robot, operator: RobotRequests) -> None:
    robot.services["estop"] = lambda: TriggerResponse(True, "stopped")
    operator.call("estop")
    assert next_answer(operator) == Answer("estop", True, "estop: done (stopped)")
    assert operator._stopped.is_set()


def test_a_granted_reset_ends_a_stop_that_was_never_confirmed(robot: Robot, operator: RobotRequests) -> None:
    operator.call("estop")
    robot.services["estop_reset"] = lambda: TriggerResponse(True, "cleared")
    operator.call("estop_reset")
    operator._answers.put(next_answer(operator))
    assert operator.answer() == Answer("estop_reset", True, "estop_reset: done (cleared)")
    assert operator._stopped.is_set()
    robot.now += 10.0
    assert operator.answer() is None


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (TriggerResponse(True, ""), "stand: done"),
        (TriggerResponse(False, "it lies"), "stand: refused (it lies)"),
        (None, "stand: failed (no node offers the service /stand)"),
    ],
)
def test_services_answer(robot: Robot, operator: RobotRequests, response: Any, text: str) -> None:
    if response is not None:
        robot.services["stand"] = lambda: response
    operator.call("stand")
    assert next_answer(operator) == Answer("stand", response is not None and response.success, text)


def test_a_late_answer_is_reported_twice(robot: Robot, operator: RobotRequests) -> None:
    go_on = threading.Event()
    robot.services["home"] = lambda: TriggerResponse(go_on.wait(LONG), "home: there")
    operator.call("home")
    robot.now += 1.1
    assert operator.answer() == Answer("home", False, "home: no answer from /home after 1 s")
    go_on.set()
    assert next_answer(operator) == Answer("home", True, "home: done (home: there)")


def test_the_operator_is_warned_that_the_stop_is_not_connected(robot: Robot, operator: RobotRequests) -> None:
    assert operator.objection == ""
    robot.connections = 0
    assert operator.objection == "THE E-STOP IS NOT CONNECTED"
