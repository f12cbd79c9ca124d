import os
import re
import socket
import sys
from pathlib import Path
from typing import Callable

import pytest

from xdog_sim.ros_graph import GraphError, RosGraph, free_port

LISTEN = """
import signal, socket, sys
print("arguments", *sys.argv[1:], flush=True)
signal.signal(signal.SIGINT, lambda *_: (print("ended in order", flush=True), sys.exit(0)))
with socket.socket() as master:
    master.bind(("localhost", int(sys.argv[2])))
    master.listen()
    signal.pause()
"""


@pytest.fixture
def roslaunch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program of this name first on the PATH; the environment is restored afterwards."""
    for name in ("ROS_MASTER_URI", "ROS_HOSTNAME", "ROS_LOG_DIR", "ROS_NAMESPACE"):
        monkeypatch.setenv(name, "before")

    def install(program: str) -> None:
        path = tmp_path / "bin" / "roslaunch"
        path.parent.mkdir()
        path.write_text(f"#!{sys.executable}\n{program}")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)

    return install


def test_free_ports_can_be_bound() -> None:
    with socket.socket() as server:
        server.bind(("localhost", free_port()))


def test_the_graph_has_a_master_of_its_own_and_ends_with_the_block(
    roslaunch: Callable[[str], None], tmp_path: Path
) -> None:
    roslaunch(LISTEN)
    with RosGraph({"sim": "true", "lockstep": "true"}, tmp_path / "log") as graph:
        port = int(os.environ["ROS_MASTER_URI"].rsplit(":", 1)[1])
        assert os.environ["ROS_MASTER_URI"] == f"http://localhost:{port}"
        assert "ROS_NAMESPACE" not in os.environ
        assert os.environ["ROS_LOG_DIR"] == str(tmp_path / "log")
        with socket.socket() as probe:
            assert probe.connect_ex(("localhost", port)) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("localhost", port)) != 0
    arguments, end = graph.tail().splitlines()
    # roslaunch joins no other run's master with an id of its own.
    assert re.fullmatch(
        rf"arguments -p {port} --run_id=[-0-9a-f]{{36}} xdog xdog.launch sim:=true lockstep:=true", arguments
    )
    assert end == "ended in order"


def test_the_graph_ends_when_the_block_fails(roslaunch: Callable[[str], None], tmp_path: Path) -> None:
    roslaunch(LISTEN)
    graph = RosGraph({}, tmp_path)
    with pytest.raises(KeyboardInterrupt), graph:
        raise KeyboardInterrupt
    assert graph.tail().endswith("ended in order")


def test_a_graph_that_does_not_start_shows_its_log(roslaunch: Callable[[str], None], tmp_path: Path) -> None:
    roslaunch("raise SystemExit('no launch file for you')")
    with pytest.raises(GraphError, match=r"(?s)did not start; .*roslaunch.log ends with:\nno launch file for you"):
        RosGraph({}, tmp_path).__enter__()


def test_without_ros_the_remedy_is_named(
    roslaunch: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GraphError, match=r"start the demo with ../xdog demo"):
        RosGraph({}, tmp_path).__enter__()
