"""Callbacks are called until the node shuts down; from then on they are not called and raise no errors."""

from typing import Any, Callable, List

import pytest
import rospy
from std_msgs.msg import String
from std_srvs.srv import Trigger

from xdog.nodes.common import callbacks
from xdog.nodes.common.callbacks import guarded, offer, subscribe

CLOSED = rospy.ROSException("publish() to a closed topic")


class Node:
    """A node without ROS; the test sets whether it shuts down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ending = False
        self.registered: List[Any] = []
        monkeypatch.setattr(callbacks.rospy.core, "is_shutdown_requested", lambda: self.ending)
        monkeypatch.setattr(callbacks.rospy, "Subscriber", self._register)
        monkeypatch.setattr(callbacks.rospy, "Service", self._register)

    def _register(self, _name: str, _kind: type, callback: Callable[..., Any], **options: Any) -> Any:
        self.registered.append((callback, options))
        return callback

    def end_and_fail(self) -> None:
        """A callback during which the topics are closed."""
        self.ending = True
        raise CLOSED


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(monkeypatch)


def test_a_guarded_callback_is_the_callback(node: Node) -> None:
    assert guarded(lambda a, b: a + b)(1, 2) == 3


def test_once_the_node_ends_the_callback_is_not_called(node: Node) -> None:
    calls: List[int] = []
    call = guarded(calls.append)
    call(1)
    node.ending = True
    assert call(2) is None
    assert calls == [1]


@pytest.mark.parametrize("error", [CLOSED, AttributeError("'NoneType' object has no attribute 'tell'")])
def test_a_topic_that_is_closed_during_a_callback_is_no_error(node: Node, error: Exception) -> None:
    def publish() -> None:
        node.ending = True
        raise error

    assert guarded(publish)() is None


@pytest.mark.parametrize("error", [CLOSED, AttributeError("a typing error")])
def test_the_same_in_a_running_node_is_an_error(node: Node, error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        guarded(fail)()


def test_any_other_error_is_raised(node: Node) -> None:
    def fail() -> None:
        node.ending = True
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        guarded(fail)()


def test_a_subscriber_gets_its_messages_and_arguments_until_the_end(node: Node) -> None:
    got: List[Any] = []
    on_message = subscribe("topic", String, lambda message, source: got.append((message, source)), "joy", buff_size=9)
    assert node.registered[0][1] == {"queue_size": 1, "tcp_nodelay": True, "buff_size": 9}
    on_message("one")
    node.ending = True
    on_message("two")
    assert got == [("one", "joy")]


def test_a_service_of_a_node_that_ends_says_so(node: Node) -> None:
    handle = offer("stand", Trigger, lambda request: f"answer to {request}")
    assert handle("a call") == "answer to a call"
    node.ending = True
    with pytest.raises(rospy.ServiceException, match="is shutting down"):
        handle("another")


def test_a_service_during_which_the_node_ends_says_so_too(node: Node) -> None:
    handle = offer("stand", Trigger, lambda _: node.end_and_fail())
    with pytest.raises(rospy.ServiceException, match="is shutting down"):
        handle("a call")
