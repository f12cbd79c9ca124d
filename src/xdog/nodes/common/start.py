"""Start and end of a node: without replacing a running node, and without waiting for the master.

rospy's own signal handler unregisters from the master before the main program continues. With a master that hangs, a
bridge would never damp its legs. Here a signal only ends the main loop; rospy unregisters at the end.
"""

import os
import signal
import sys
import threading
import time
from typing import Any, Callable, Sequence
from urllib.parse import urlsplit

import rosgraph.names
import rospy
import rospy.impl.paramserver

from xdog.nodes.common.callbacks import signals
from xdog.nodes.common.master import CLEANUP, NoAnswerError, RunningNode, ask_master, find_node, find_publishers

RETRY = 0.5
"""s of wall time between two attempts to reach a master that does not answer."""
EXIT_TIMEOUT = 5.0
"""s of wall time in which a node must leave the graph once its main program has ended."""
LOG_PARAMETER = "/rosout_disable_topics_generation"


def start_node(name: str, sole_publisher: Sequence[str] = ()) -> None:
    """Become the node ``name``, or end the program with a message if that would replace a running node.

    ROS itself shuts down a running node when another one of its name starts: a second teleop would take the e-stop away
    from the first one's user. A node that has died does not count.

    Args:
        name: of the node; a launch file may give it another.
        sole_publisher: topics on which two nodes would contradict each other. If another node publishes one of them,
            this one is not started either.
    """
    _handle_signals(lambda number, _: os._exit(128 + number))  # the master may be waited for forever
    refuse_second(name, sole_publisher)
    join(name)
    _handle_signals(lambda number, _: signals.append(number))


def join(name: str, anonymous: bool = False) -> None:
    """Initialise rospy so that a running node no longer needs the master. Signals are left to the program."""
    _stay_on_loopback()
    rospy.init_node(name, anonymous=anonymous, disable_signals=True)
    # rospy gets this parameter from the master for every line of the log, unless its cache has a value.
    value = bool(rospy.get_param(LOG_PARAMETER, False))
    rospy.impl.paramserver.get_param_server_cache().set(LOG_PARAMETER, value)
    threading.Thread(target=_end_in_time, daemon=True).start()


def _handle_signals(handler: Callable[[int, Any], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def refuse_second(name: str, sole_publisher: Sequence[str] = ()) -> None:
    """End the program with a message if the node ``name`` is already running; see `start_node`.

    Waits for a master that does not answer: once it does, it may know running nodes.
    """
    # As rospy.init_node finds its name, which is not known before.
    name = rosgraph.names.resolve_name(rospy.names.get_mappings().get("__name", name), rospy.get_name())
    topics = [rospy.names.resolve_name_without_node_name(topic) for topic in sole_publisher]
    waiting = False
    while True:
        try:
            problem = _conflict(name, topics)
        except NoAnswerError as error:
            if not waiting:
                print(f"{name}: waiting for the ROS master: {error}", file=sys.stderr, flush=True)
            waiting = True
            time.sleep(RETRY)  # a master that starts sends no notice: poll
            continue
        if problem:
            sys.exit(problem)
        return


def _conflict(name: str, topics: Sequence[str]) -> str:
    """Why the node ``name``, sole publisher of ``topics``, must not be started; empty if it may.

    Raises as `find_node`.
    """
    running = find_node(name)
    if running is not None:
        return (
            f"{running} is already running. Starting another node of its name would shut it down: stop it first, "
            f"with Ctrl-C where it was started or with: rosnode kill {name}{_remedy(running)}"
        )
    for topic in topics:
        for other in find_publishers(topic):
            return (
                f"{name} is not started: {other} already publishes {topic}, and the two would contradict each "
                f"other. Stop that graph first, or use another master: "
                f"ROS_MASTER_URI=http://localhost:PORT{_remedy(other)}"
            )
    return ""


def _remedy(node: RunningNode) -> str:
    """What else to do about a node that does not answer."""
    return "" if node.process is not None else f". {CLEANUP}"


def _stay_on_loopback() -> None:
    """Open no port to the network if the master cannot be reached from there, unless the user sets an address.

    ROS 1 nodes accept connections from anyone. ROS_IP and ROS_HOSTNAME are the user's choice.
    """
    if "ROS_IP" in os.environ or "ROS_HOSTNAME" in os.environ:
        return
    try:
        host = urlsplit(str(ask_master("getUri"))).hostname or ""
    except NoAnswerError:
        return
    if host == "localhost" or host.startswith("127."):
        os.environ["ROS_IP"] = "127.0.0.1"


def _end_in_time() -> None:
    """End this process soon after its main program, whether or not the master answers."""
    threading.main_thread().join()
    time.sleep(EXIT_TIMEOUT)  # a process that ends in time takes this thread with it
    text = f"{rospy.get_name()}: ended without unregistering from the master, which took too long: does it answer?"
    print(text, file=sys.stderr, flush=True)
    os._exit(1)
