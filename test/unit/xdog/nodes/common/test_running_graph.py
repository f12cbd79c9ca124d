"""Before ./xdog sim starts nodes: a master that already serves a robot is left alone."""

from typing import Iterator

import pytest
from fake_master import FakeMaster, Hung, refused_uri

from xdog.nodes.common import master as questions
from xdog.nodes.common.running_graph import graph_names, objection


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMaster]:
    fake = FakeMaster()
    monkeypatch.setenv("ROS_MASTER_URI", fake.uri.rstrip("/"))
    yield fake
    fake.close()


def test_the_launch_files_name_the_nodes() -> None:
    names = graph_names()
    assert {"safety_supervisor", "velocity_mux", "locomotion", "sim_bridge", "hardware_bridge", "grasp"} <= names
    assert "teleop_keyboard" not in names, "it may wait for a robot"


def test_a_running_robot_is_left_alone(master: FakeMaster) -> None:
    master.nodes = {"/dog/velocity_mux": master.uri, "/dog/locomotion": master.uri, "/teleop_keyboard": master.uri}
    port = int(master.uri.rstrip("/").rsplit(":", 1)[1])
    text = objection()
    assert f"http://127.0.0.1:{port}: /dog/locomotion, /dog/velocity_mux on 127.0.0.1. A second one" in text
    assert f"export ROS_MASTER_URI=http://localhost:{port + 1}" in text


def test_other_programs_and_dead_nodes_do_not_matter(master: FakeMaster) -> None:
    master.nodes = {"/camera": master.uri, "/teleop_keyboard": master.uri, "/locomotion": refused_uri()}
    assert objection() == ""


def test_a_robot_that_cannot_be_reached_is_left_alone(master: FakeMaster) -> None:
    master.nodes = {"/locomotion": "http://no.such.host.invalid:1/"}
    assert "/locomotion on no.such.host.invalid. A second one" in objection()
    assert objection().endswith("rosnode cleanup")


def test_without_a_master_there_is_no_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_MASTER_URI", refused_uri())
    assert objection() == ""


def test_a_master_that_hangs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    hung = Hung()
    monkeypatch.setenv("ROS_MASTER_URI", hung.uri)
    monkeypatch.setattr(questions.ask, "__kwdefaults__", {"timeout": 0.05})
    monkeypatch.setattr(questions.ask_master, "__kwdefaults__", {"timeout": 0.05})
    assert objection().startswith(f"the ROS master hangs: {hung.uri} accepts connections")
    hung.close()
