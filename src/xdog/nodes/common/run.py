"""What the main() of every node does."""

import sys
from typing import Any, Callable, TypeVar

import rospy

from xdog.core.interfaces import HardwareError
from xdog.nodes.common.callbacks import CLOSED, is_ending

Node = TypeVar("Node")

USERS_MISTAKES = (ValueError, HardwareError, OSError)
"""What `run` reports as one line: bad files and parameters (all configuration errors are ValueErrors), devices that do
not answer, files that cannot be read."""


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
    rospy.init_node(name)
    # The first line that a node logs asks the master about /rosout. Later the master may be away, and a fault at hand.
    rospy.get_param_cached("/rosout_disable_topics_generation", False)
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


def required_param(name: str, set_by: str) -> Any:
    """A parameter without which the node cannot work.

    Raises:
        ValueError: it is not set; ``set_by`` is the launch file that does it.
    """
    try:
        return rospy.get_param(name)
    except KeyError:
        raise ValueError(f"the parameter {name} is missing; {set_by} sets it") from None
