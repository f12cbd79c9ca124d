"""What the main() of every node does."""

import atexit
import signal
import sys
import threading
from typing import Any, Callable, TypeVar

import rospy

from xdog.core.interfaces import HardwareError
from xdog.nodes.common.callbacks import CLOSED, is_ending

Node = TypeVar("Node")

USERS_MISTAKES = (ValueError, HardwareError, OSError)
"""What `run` reports as one line: bad files and parameters (all configuration errors are ValueErrors), devices that do
not answer, files that cannot be read."""


LOG_PARAMETER = "/rosout_disable_topics_generation"
"""Whether messages on /rosout come without the list of topics."""


def spin(_node: Any) -> None:
    """Let the callbacks do everything until ROS shuts down."""
    rospy.spin()


def run(name: str, build: Callable[[], Node], work: Callable[[Node], None] = spin) -> None:
    """Be a node until ROS shuts down.

    Args:
        name: of the node, unless it was started with another one.
        build: reads files and parameters and makes the node. What it raises because of a mistake in them ends the
            program with that message and exit code 1.
        work: what the main thread does, until ROS shuts down.
    """
    init_node(name)
    detach_log_from_master()
    try:
        node = build()
    except USERS_MISTAKES as error:
        rospy.logfatal(str(error))
        sys.exit(1)
    try:
        work(node)
    except CLOSED:
        if not is_ending():
            raise


def init_node(name: str) -> None:
    """As rospy.init_node, but a signal shuts ROS down in a thread of its own.

    rospy does it in the main thread, wherever a signal interrupts that. Where it has just locked a topic to publish, it
    then waits for itself for ever.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _shut_down)
    try:
        rospy.init_node(name, disable_signals=True)
    except rospy.ROSInitException as error:
        sys.exit(f"{name}: {error}")


def _shut_down(number: int, _frame: Any) -> None:
    thread = threading.Thread(target=rospy.signal_shutdown, args=(f"signal {number}",), daemon=True)
    thread.start()
    atexit.register(thread.join)


def detach_log_from_master() -> None:
    """Ask now for the parameter that rospy looks up with the first line that is logged, and never again.

    That line may come with a fault, while the master is away, and would wait for it. Also, rospy subscribes to the
    parameter and does not unsubscribe: the master takes the node for running after its end, and when another one of its
    name starts it tells the old address to shut down, where by then any other node may be.
    """
    cache = rospy.impl.paramserver.get_param_server_cache()
    cache.set(LOG_PARAMETER, rospy.get_param(LOG_PARAMETER, False))


def required_param(name: str, set_by: str) -> Any:
    """A parameter without which the node cannot work.

    Raises:
        ValueError: it is not set; ``set_by`` is the launch file that does it.
    """
    try:
        return rospy.get_param(name)
    except KeyError:
        raise ValueError(f"the parameter {name} is missing; {set_by} sets it") from None
