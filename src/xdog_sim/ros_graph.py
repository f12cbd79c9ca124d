"""A private ROS graph: xdog.launch under its own master, stopped when the block ends."""

import os
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Mapping, Optional, Type

MASTER_TIMEOUT = 30.0
"""s until roslaunch's master must answer."""
STOP_TIMEOUT = 30.0
"""s within which roslaunch must end its nodes."""
LINES_SHOWN = 15


class GraphError(RuntimeError):
    """The ROS graph does not start; the message quotes the end of its log."""


def free_port() -> int:
    """A free TCP port."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


class RosGraph:
    """Runs ``roslaunch xdog xdog.launch`` with a free port for the master, for the length of a ``with`` block.

    Within the block this process's environment names that master, so that nodes it starts join the private graph and
    never a robot's. Import rospy only within the block.

    Args:
        arguments: of xdog.launch.
        logs: folder for the output of roslaunch and the nodes' logs.
    """

    def __init__(self, arguments: Mapping[str, str], logs: Path) -> None:
        self._arguments, self._logs = arguments, logs.resolve()
        self._process: Optional[subprocess.Popen[bytes]] = None

    @property
    def log(self) -> Path:
        """What roslaunch and the nodes print."""
        return self._logs / "roslaunch.log"

    def __enter__(self) -> "RosGraph":
        port = free_port()
        self._logs.mkdir(parents=True, exist_ok=True)
        for name in ("ROS_NAMESPACE", "ROS_IP"):
            os.environ.pop(name, None)
        os.environ.update(
            ROS_MASTER_URI=f"http://localhost:{port}", ROS_HOSTNAME="localhost", ROS_LOG_DIR=str(self._logs)
        )
        # roslaunch refuses to join a master of another run, which may have taken this port meanwhile.
        command = ["roslaunch", "-p", str(port), f"--run_id={uuid.uuid1()}", "xdog", "xdog.launch"]
        command += [f"{name}:={value}" for name, value in self._arguments.items()]
        try:
            with self.log.open("wb") as output:
                # Its own session: Ctrl-C in the terminal reaches this process alone, which then ends the graph.
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
        except FileNotFoundError:
            raise GraphError("roslaunch is not on the PATH: start the demo with './xdog demo'") from None
        try:
            self._wait_for_master(port)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._stop()

    def tail(self) -> str:
        """The last lines of the graph's output."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_SHOWN:])

    def _wait_for_master(self, port: int) -> None:
        assert self._process is not None
        deadline = time.monotonic() + MASTER_TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("localhost", port)) == 0:
                    return
            time.sleep(0.1)  # an opened port sends no notice: poll
        raise GraphError(f"the ROS graph did not start; {self.log} ends with:\n{self.tail()}")

    def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(number)
                try:
                    process.wait(STOP_TIMEOUT)
                except subprocess.TimeoutExpired:
                    continue
