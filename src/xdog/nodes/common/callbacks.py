"""Callbacks of topics and services, and threads. They are no longer called once the node shuts down.

rospy closes a node's topics shortly before `rospy.is_shutdown` becomes true. A callback that runs at that time fails
with "publish() to a closed topic", and rospy prints a traceback for an ordinary Ctrl-C.
"""

import functools
import threading
from typing import Any, Callable, List, Optional

import rospy

CLOSED = (rospy.ROSException, AttributeError)
"""What publishing to a closed topic raises; rospy raises the second one if the topic is closed during the call."""


signals: List[int] = []
"""Numbers of the received signals that end the node; see `xdog.nodes.common.start`."""


def is_ending() -> bool:
    """Whether the node is shutting down; true earlier than `rospy.is_shutdown`."""
    return bool(signals) or bool(rospy.core.is_shutdown_requested())


def guarded(callback: Callable[..., Any], *further: Any) -> Callable[..., Any]:
    """The callback, no longer called once the node shuts down; errors of publishing are then ignored.

    Args:
        callback: what to call.
        further: arguments that follow those of the caller.
    """

    @functools.wraps(callback)
    def call(*arguments: Any) -> Any:
        if is_ending():
            return None
        try:
            return callback(*arguments, *further)
        except CLOSED:
            if not is_ending():
                raise
            return None

    return call


def subscribe(
    topic: str,
    kind: type,
    callback: Callable[..., None],
    *arguments: Any,
    queue_size: Optional[int] = 1,
    **options: Any,
) -> rospy.Subscriber:
    """Subscribe to a topic.

    Args:
        topic, kind: its name and message class.
        callback: called with each message and the ``arguments``.
        queue_size: messages that wait while the callback is busy: one if only the newest matters.
        options: further ones of rospy.Subscriber.
    """
    return rospy.Subscriber(
        topic,
        kind,
        guarded(callback, *arguments),
        queue_size=queue_size,
        tcp_nodelay=True,
        **options,
    )


def offer(service: str, kind: type, handler: Callable[[Any], Any]) -> rospy.Service:
    """Offer a service. During shutdown, callers get an error that says so."""
    answer = guarded(handler)

    def handle(request: Any) -> Any:
        response = answer(request)
        if response is None:
            raise rospy.ServiceException(f"{rospy.get_name()} is shutting down")
        return response

    return rospy.Service(service, kind, handle)


def start_thread(work: Callable[[], None]) -> None:
    """Run ``work`` in a thread of its own, which does not keep the node alive."""
    threading.Thread(target=guarded(work), daemon=True).start()
