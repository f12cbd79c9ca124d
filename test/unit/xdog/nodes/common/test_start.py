"""Programs become nodes without replacing a running node and without opening an unwanted port to the network."""

import os
import re
from pathlib import Path
from typing import Iterator

import pytest
from fake_master import FakeMaster, Hung, refused_uri
from repository import ROOT

from xdog.nodes.common import master as questions
from xdog.nodes.common import start


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMaster]:
    fake = FakeMaster()
    monkeypatch.setenv("ROS_MASTER_URI", fake.uri)
    for name in ("ROS_IP", "ROS_HOSTNAME"):
        monkeypatch.setenv(name, "restored afterwards")
        monkeypatch.delenv(name)
    yield fake
    fake.close()


@pytest.fixture
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    for function in (questions.ask, questions.ask_master):
        monkeypatch.setattr(function, "__kwdefaults__", {"timeout": 0.05})


def test_a_running_node_is_not_replaced(master: FakeMaster) -> None:
    master.nodes["/teleop_keyboard"] = master.uri
    with pytest.raises(
        SystemExit, match=r"^/teleop_keyboard on 127.0.0.1 \(process 4711\) is already running.*rosnode kill"
    ):
        start.refuse_second("teleop_keyboard")


def test_a_launch_files_name_counts(master: FakeMaster, monkeypatch: pytest.MonkeyPatch) -> None:
    master.nodes["/mux"] = master.uri
    start.refuse_second("velocity_mux")
    monkeypatch.setattr(start.rospy.names, "get_mappings", lambda: {"__name": "mux"})
    with pytest.raises(SystemExit, match=r"^/mux on"):
        start.refuse_second("velocity_mux")


def test_dead_nodes_and_other_nodes_do_not_matter(master: FakeMaster) -> None:
    master.nodes = {"/velocity_mux": refused_uri(), "/other": master.uri}
    master.publishers["/clock"] = ["/velocity_mux"]
    start.refuse_second("velocity_mux", ["/clock"])


def test_two_bridges_do_not_share_a_graph(master: FakeMaster) -> None:
    master.nodes["/hardware_bridge"] = master.uri
    master.publishers["/arm/state"] = ["/hardware_bridge"]
    with pytest.raises(
        SystemExit, match=r"^/sim_bridge is not started: /hardware_bridge on .* already publishes /arm/state"
    ):
        start.refuse_second("sim_bridge", ["/clock", "arm/state"])


@pytest.mark.parametrize("uri", ["http://no.such.host.invalid:1/", ""])
def test_a_node_that_hangs_or_cannot_be_reached_is_not_replaced(
    master: FakeMaster, short_timeout: None, uri: str
) -> None:
    hung = Hung()
    master.nodes["/velocity_mux"] = uri or hung.uri
    with pytest.raises(SystemExit, match=r"^/velocity_mux on .* \(it does not answer\) is already.*rosnode cleanup$"):
        start.refuse_second("velocity_mux")
    master.publishers["/arm/state"] = ["/velocity_mux"]
    with pytest.raises(SystemExit, match=r"^/sim_bridge is not started.*rosnode cleanup$"):
        start.refuse_second("sim_bridge", ["arm/state"])
    hung.close()


@pytest.mark.parametrize("hangs", [True, False])
def test_a_running_node_is_not_replaced_once_the_master_answers_again(
    master: FakeMaster,
    short_timeout: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hangs: bool,
) -> None:
    hung = Hung()
    monkeypatch.setenv("ROS_MASTER_URI", hung.uri if hangs else refused_uri())
    master.nodes["/velocity_mux"] = master.uri
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            os.environ["ROS_MASTER_URI"] = master.uri

    monkeypatch.setattr(start.time, "sleep", sleep)
    with pytest.raises(SystemExit, match=r"^/velocity_mux on 127.0.0.1 \(process 4711\) is already running"):
        start.refuse_second("velocity_mux")
    assert capsys.readouterr().err.count("/velocity_mux: waiting for the ROS master: ") == 1
    hung.close()


@pytest.mark.parametrize(
    ("uri", "address"),
    [("http://127.0.0.1:11311/", "127.0.0.1"), ("http://localhost:1/", "127.0.0.1"), ("http://dog:11311/", None)],
)
def test_a_node_opens_no_port_to_the_network_that_its_master_does_not_have(
    master: FakeMaster, uri: str, address: str
) -> None:
    master.reported_uri = uri
    start._stay_on_loopback()
    assert os.environ.get("ROS_IP") == address


@pytest.mark.parametrize("name", ["ROS_IP", "ROS_HOSTNAME"])
def test_the_users_own_address_stays(master: FakeMaster, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "10.0.0.2")
    start._stay_on_loopback()
    assert [os.environ.get(key) for key in ("ROS_IP", "ROS_HOSTNAME")].count("10.0.0.2") == 1
    assert "127.0.0.1" not in [os.environ.get(key) for key in ("ROS_IP", "ROS_HOSTNAME")]


WAITS = re.compile(r"rospy\.(init_node|spin|wait_for_service|wait_for_message|ServiceProxy)\b|is_master_online")
NODES = sorted((ROOT / "src" / "xdog" / "nodes").rglob("*.py"))


@pytest.mark.parametrize("path", NODES, ids=lambda path: path.name)
def test_no_node_of_the_robot_waits_for_the_master_by_rospys_own_means(path: Path) -> None:
    used = {match[0] for match in WAITS.finditer(path.read_text())}
    assert used <= ({"rospy.init_node"} if path.name == "start.py" else set())
