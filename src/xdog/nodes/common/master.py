"""Calls to the ROS master and to nodes, with a timeout.

A program that was stopped or hangs still accepts connections, but it never answers, and rospy waits for it forever.
"""

import http.client
import socket
import xmlrpc.client
from typing import Any, Collection, List, NamedTuple, Optional, Tuple, Union
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

import rosgraph
import rospy

TIMEOUT = 3.0
"""s of wall time after which a program that has not answered counts as hung. A busy machine may take one."""


CLEANUP = (
    "A node that does not answer hangs, or its address cannot be reached from this machine. If it is sure that it has "
    "ended, let the master forget it: rosnode cleanup"
)
"""What to do about a node that is registered but does not answer."""


class NoAnswerError(ConnectionError):
    """A program does not answer at an address. The message names it."""


class HungError(NoAnswerError):
    """A program accepts connections, but does not answer."""


class DeadError(NoAnswerError):
    """The machine answers that no program listens at an address."""


class RunningNode(NamedTuple):
    """A node that has not died: its full name, its machine and its process.

    The process is None if the node does not answer: it hangs, or this machine cannot reach it.
    """

    name: str
    host: str
    process: Optional[int]

    def __str__(self) -> str:
        state = "it does not answer" if self.process is None else f"process {self.process}"
        return f"{self.name} on {self.host} ({state})"


class _Transport(xmlrpc.client.Transport):
    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout

    def make_connection(self, host: Union[str, Tuple[str, Any]]) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = self._timeout
        return connection


def ask(uri: str, method: str, *arguments: object, timeout: float = TIMEOUT) -> Any:
    """The answer of a master or node through its XML-RPC interface; None if the name is unknown there.

    Raises:
        NoAnswerError: no program is there, or it does not answer within ``timeout`` s.
    """
    try:
        server = xmlrpc.client.ServerProxy(uri, transport=_Transport(timeout))
        code, _, value = getattr(server, method)(rospy.get_name(), *arguments)
    except socket.timeout as error:
        raise HungError(f"{uri} accepts connections, but has not answered for {timeout:g} s") from error
    except (ConnectionRefusedError, ConnectionResetError) as error:
        raise DeadError(f"no answer from {uri}: {error}") from error
    except (OSError, http.client.HTTPException, xmlrpc.client.Error, ExpatError, TypeError, ValueError) as error:
        raise NoAnswerError(f"no answer from {uri}: {error or type(error).__name__}") from error
    return value if code == 1 else None


def ask_master(method: str, *arguments: object, timeout: float = TIMEOUT) -> Any:
    """Like `ask`, for the master that ROS_MASTER_URI names."""
    return ask(rosgraph.get_master_uri(), method, *arguments, timeout=timeout)


def master_problem() -> str:
    """Why no program can join the graph, and the remedy; empty if the master answers."""
    try:
        ask_master("getPid")
    except NoAnswerError as error:
        return f"no ROS master ({error}): start the robot or its simulation first ('./xdog sim'), or set ROS_MASTER_URI"
    return ""


def find_node(name: str) -> Optional[RunningNode]:
    """The node with a full name; None if there is none, or if it was killed and the master has not noticed.

    A node that hangs or that this machine cannot reach counts as running: another machine may move a robot with it.

    Raises:
        NoAnswerError: the master does not answer.
    """
    uri = ask_master("lookupNode", name)
    if uri is None:
        return None
    host = urlsplit(uri).hostname or ""
    try:
        return RunningNode(name, host, int(ask(uri, "getPid")))
    except DeadError:
        return None
    except NoAnswerError:
        return RunningNode(name, host, None)


def find_nodes(base_names: Collection[str]) -> List[RunningNode]:
    """The nodes with these names, in any namespace. Raises as `find_node`."""
    names = {name for group in ask_master("getSystemState") for _, nodes in group for name in nodes}
    found = (find_node(name) for name in sorted(names) if name.rsplit("/", 1)[-1] in base_names)
    return [node for node in found if node is not None]


def find_publishers(topic: str) -> List[RunningNode]:
    """The nodes that publish a topic of this full name. Raises as `find_node`."""
    published = dict(ask_master("getSystemState")[0])
    found = (find_node(name) for name in published.get(topic, []))
    return [node for node in found if node is not None]


def get_param(name: str, default: Any) -> Any:
    """A parameter's value, for callbacks of a running node: rospy.get_param would wait for a hung master forever.

    Raises:
        NoAnswerError: the master does not answer.
    """
    value = ask_master("getParam", rospy.resolve_name(name))
    return default if value is None else value
