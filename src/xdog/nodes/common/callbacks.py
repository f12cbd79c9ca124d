"""Where ROS calls a node back: topics, services, threads. All of it goes quiet once the node is told to end.

rospy closes a node's topics a moment before `rospy.is_shutdown` becomes true. A callback that is running then, or still
called, fails with "publish() to a closed topic", and rospy prints a traceback for an ordinary Ctrl-C.
"""

import functools
import threading
from typing import Any, Callable, List, Optional

import rospy

CLOSED = (rospy.ROSException, AttributeError)
"""What publishing to a closed topic raises; the second is rospy's, when the topic is closed in the middle of it."""


signals: List[int] = []
"""Numbers of the signals that told the node to end; see `xdog.nodes.common.start`."""


def is_ending() -> bool:
    """Whether the node was told to end; true earlier than `rospy.is_shutdown`."""
    return bool(signals) or bool(rospy.core.is_shutdown_requested())


def guarded(callback: Callable[..., Any], *further: Any) -> Callable[..., Any]:
    """The callback, which is no longer called once the node ends, and whose publishing may then fail unnoticed.

    Args:
        callback: what to call.
        further: arguments that it gets after those of the caller.
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
        queue_size: messages that wait while the callback is busy: one for what is only of interest when new.
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
    """Offer a service. A caller of a node that ends is told so."""
    answer = guarded(handler)

    def handle(request: Any) -> Any:
        response = answer(request)
        if response is None:
            raise rospy.ServiceException(f"{rospy.get_name()} is shutting down")
        return response

    return rospy.Service(service, kind, handle)


def start_thread(work: Callable[[], None]) -> None:
    """Run ``work`` in a thread of its own, which does not keep the node from ending."""
    threading.Thread(target=guarded(work), daemon=True).start()
