"""The nodes of a test's graph: whether they run and are connected, and how to start and end them."""

import os
import signal
import subprocess
import xmlrpc.client
from typing import Any, List, Tuple

import rosgraph
import roslib.packages
import rospy


class Nodes:
    """Checks, starts and ends nodes by their names."""

    def __init__(self) -> None:
        self._children: List[subprocess.Popen] = []

    def kill(self, node: str) -> None:
        """Kill a node with SIGKILL. Only nodes of this graph: the master knows their process ids."""
        _, pid = self._ask(node, "getPid")
        os.kill(pid, signal.SIGKILL)

    def alive(self, node: str) -> bool:
        """Whether a node of this name is registered at the master and answers."""
        try:
            self._ask(node, "getPid")
        except (OSError, rosgraph.MasterException):
            return False
        return True

    def connected(self, node: str) -> bool:
        """Whether a node runs and has all connections that the master knows of, in both directions."""
        if not self.alive(node):
            return False
        name = rospy.resolve_name(node)
        published, subscribed, _ = rosgraph.Master(rospy.get_name()).getSystemState()
        publishers, subscribers = dict(published), dict(subscribed)
        out = {(t, s) for t, names in publishers.items() if name in names for s in subscribers.get(t, []) if s != name}
        into = {t for t, names in subscribers.items() if name in names and set(publishers.get(t, [])) - {name}}
        _, links = self._ask(node, "getBusInfo")
        there = {(link[4], link[1]) for link in links if link[2] == "o"}
        incoming = {link[4] for link in links if link[2] == "i" and link[5]}
        return out <= there and into <= incoming

    def start(self, node: str, *arguments: str) -> None:
        """Start a node of this package again; it is in the process group of the test and ends with it."""
        command = [roslib.packages.find_node("xdog", node)[0], f"__name:={node}", *arguments]
        self._children.append(subprocess.Popen(command))

    def end_children(self) -> None:
        """End what `start` started."""
        for child in self._children:
            if child.poll() is None:
                child.terminate()
        for child in self._children:
            child.wait()

    @staticmethod
    def _ask(node: str, method: str) -> Tuple[str, Any]:
        master = rosgraph.Master(rospy.get_name())
        uri = master.lookupNode(rospy.resolve_name(node))
        code, message, value = getattr(xmlrpc.client.ServerProxy(uri), method)(rospy.get_name())
        assert code == 1, message
        return message, value
