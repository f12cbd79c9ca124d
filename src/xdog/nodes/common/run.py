"""The main() of every node."""

import sys
import time
from typing import Any, Callable, Sequence, TypeVar

import rospy

from xdog.core.interfaces import HardwareError
from xdog.nodes.common.callbacks import CLOSED, is_ending
from xdog.nodes.common.start import start_node

Node = TypeVar("Node")

USER_ERRORS = (ValueError, HardwareError, OSError)
"""What `run` reports as one line: bad files and parameters (all configuration errors are ValueErrors), devices that do
not answer, files that cannot be read."""


POLL = 0.1
"""s of wall time between two checks whether the node shuts down."""


def spin(_node: Any) -> None:
    """Leave the work to the callbacks until the node shuts down."""
    while not is_ending():
        time.sleep(POLL)  # a signal would not end a wait on a lock


def run(
    name: str,
    build: Callable[[], Node],
    work: Callable[[Node], None] = spin,
    sole_publisher: Sequence[str] = (),
) -> None:
    """Run a node until a signal or ROS ends it. A running node is not replaced: see `start_node`.

    Args:
        name: of the node, unless it was started with another one.
        build: reads files and parameters and makes the node. An error because of a mistake in them ends the
            program with that message and exit code 1.
        work: what the main thread does until the node shuts down.
        sole_publisher: topics that only one node of a graph may publish.
    """
    start_node(name, sole_publisher)
    try:
        node = build()
    except USER_ERRORS as error:
        rospy.logfatal(str(error))
        sys.exit(1)
    try:
        work(node)
    except CLOSED:
        if not is_ending():
            raise


def required_param(name: str, set_by: str) -> Any:
    """A parameter without which the node cannot work.

    Raises:
        ValueError: it is not set; ``set_by`` is the launch file that sets it.
    """
    try:
        return rospy.get_param(name)
    except KeyError:
        raise ValueError(f"the parameter {name} is missing; {set_by} sets it") from None
