"""A ROS graph under a master of its own, which a test may stop and kill: rostest's master would take the test along."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import List, Set

from xdog.nodes.common.master import master_problem
from xdog_sim.ros_graph import free_port

START_TIMEOUT = 60.0
"""s of wall time within which the master must answer."""
LISTEN = "0A"
"""State of a socket in /proc/net/tcp."""


class OwnGraph:
    """Runs a launch file on the loopback interface, as ./xdog sim does. To be made before the test becomes a node.

    Args:
        launch: the launch file.

    Attributes:
        master: the process of the ROS master.
    """

    def __init__(self, launch: Path) -> None:
        port = free_port()
        os.environ.pop("ROS_HOSTNAME", None)
        os.environ.update(ROS_MASTER_URI=f"http://localhost:{port}", ROS_IP="127.0.0.1")
        self.master = subprocess.Popen(["rosmaster", "--core", "-p", str(port)])
        self._await_master()
        self._launch = subprocess.Popen(["roslaunch", str(launch)])

    def _await_master(self) -> None:
        end = time.monotonic() + START_TIMEOUT
        while master_problem():
            assert time.monotonic() < end, master_problem()
            time.sleep(0.1)  # an opened port sends no notice: poll

    @property
    def processes(self) -> List[int]:
        """Process ids of the master, roslaunch, and the nodes."""
        return [self.master.pid, self._launch.pid, *children(self._launch.pid)]

    def close(self) -> None:
        """End everything."""
        if self.master.poll() is None:
            self.master.send_signal(signal.SIGCONT)  # a stopped one ignores other signals
        self._launch.send_signal(signal.SIGINT)
        self._launch.wait()
        self.master.terminate()
        self.master.wait()


def children(parent: int) -> List[int]:
    """Ids of the processes that a process has started and that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = path.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it has just ended
            continue
        if int(after_name[1]) == parent:
            found.append(int(path.parent.name))
    return found


def network_listeners(processes: List[int]) -> Set[str]:
    """Names of those of the processes that listen on other addresses than those of the loopback interface."""
    beyond = set()
    for table, loopback in (("tcp", "7F"), ("tcp6", "00000000000000000000000001000000")):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            address = fields[1].split(":")[0]
            local = address.endswith(loopback) if table == "tcp" else address == loopback
            if fields[3] == LISTEN and not local:
                beyond.add(f"socket:[{fields[9]}]")
    return {
        Path(f"/proc/{process}/comm").read_text().strip()
        for process in processes
        for link in Path(f"/proc/{process}/fd").iterdir()
        if os.readlink(link) in beyond
    }
