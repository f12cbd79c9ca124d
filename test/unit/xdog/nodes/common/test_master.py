"""Calls to masters and nodes that answer, have died, or hang."""

from typing import Iterator

import pytest
from fake_master import FakeMaster, Hung, refused_uri

from xdog.nodes.common.master import (
    HungError,
    NoAnswerError,
    RunningNode,
    ask,
    find_node,
    find_nodes,
    find_publishers,
    get_param,
    master_problem,
)

SHORT = 0.05


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMaster]:
    fake = FakeMaster()
    monkeypatch.setenv("ROS_MASTER_URI", fake.uri)
    yield fake
    fake.close()


@pytest.fixture
def hung() -> Iterator[Hung]:
    stopped = Hung()
    yield stopped
    stopped.close()


def test_an_answer_is_the_value_and_none_for_what_is_unknown(master: FakeMaster) -> None:
    master.nodes["/mux"] = "http://dog:1/"
    assert ask(master.uri, "lookupNode", "/mux") == "http://dog:1/"
    assert ask(master.uri, "lookupNode", "/missing") is None


def test_a_call_to_a_program_that_hangs_times_out(hung: Hung) -> None:
    with pytest.raises(HungError, match=f"{hung.port}/ accepts connections, but has not answered for 0.05 s"):
        ask(hung.uri, "getPid", timeout=SHORT)


@pytest.mark.parametrize("uri", ["nonsense", "http://no.such.host.invalid:1/"])
def test_an_address_without_a_program_is_named(uri: str) -> None:
    with pytest.raises(NoAnswerError, match=f"no answer from {uri}"):
        ask(uri, "getPid", timeout=SHORT)


def test_an_unknown_method_is_no_answer(master: FakeMaster) -> None:
    with pytest.raises(NoAnswerError, match="no answer from"):
        ask(master.uri, "noSuchMethod")


def test_without_a_master_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, master: FakeMaster) -> None:
    assert master_problem() == ""
    uri = refused_uri()
    monkeypatch.setenv("ROS_MASTER_URI", uri)
    assert master_problem().startswith(f"no ROS master (no answer from {uri}")
    assert "./xdog sim" in master_problem()


def test_only_nodes_that_answer_are_found(master: FakeMaster) -> None:
    master.nodes = {"/a/mux": master.uri, "/killed": refused_uri(), "/other": master.uri}
    mux = RunningNode("/a/mux", "127.0.0.1", 4711)
    assert find_node("/a/mux") == mux
    assert str(mux) == "/a/mux on 127.0.0.1 (process 4711)"
    assert find_node("/killed") is None
    assert find_node("/missing") is None
    assert find_nodes({"mux", "killed", "missing"}) == [mux]


def test_a_node_that_hangs_or_cannot_be_reached_is_found(
    master: FakeMaster, hung: Hung, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "__kwdefaults__", {"timeout": SHORT})
    master.nodes = {"/hung": hung.uri, "/far": "http://no.such.host.invalid:1/"}
    assert find_node("/hung") == RunningNode("/hung", "127.0.0.1", None)
    assert str(find_node("/far")) == "/far on no.such.host.invalid (it does not answer)"


def test_publishers_are_found_by_their_topic(master: FakeMaster) -> None:
    master.nodes = {"/bridge": master.uri, "/killed": refused_uri()}
    master.publishers["/clock"] = ["/killed", "/bridge"]
    assert [node.name for node in find_publishers("/clock")] == ["/bridge"]
    assert find_publishers("/other") == []


def test_parameters(master: FakeMaster) -> None:
    master.parameters["/labels"] = {"0": "cube"}
    assert get_param("/labels", {}) == {"0": "cube"}
    assert get_param("/nothing", 7) == 7
