"""What run() does for every node: one line and exit code 1 for a user's mistake, nothing at an ordinary end."""

import os
import signal
import threading
from typing import Any, List

import pytest
import rospy
from rospy.impl import paramserver
from rospy.msproxy import MasterProxy

from xdog.core.description import DescriptionError
from xdog.core.interfaces import HardwareError
from xdog.nodes.common import run as module
from xdog.nodes.common.run import LOG_PARAMETER, detach_log_from_master, required_param, run


class Ros:
    """Records what a node does before it works."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: List[Any] = []
        self.fatal: List[str] = []
        self.ending = False
        monkeypatch.setattr(module, "init_node", self.calls.append)
        monkeypatch.setattr(module, "detach_log_from_master", lambda: self.calls.append("log"))
        monkeypatch.setattr(module.rospy, "logfatal", self.fatal.append)
        monkeypatch.setattr(module.rospy, "spin", lambda: self.calls.append("spin"))
        monkeypatch.setattr(module.rospy.core, "is_shutdown_requested", lambda: self.ending)


@pytest.fixture
def ros(monkeypatch: pytest.MonkeyPatch) -> Ros:
    return Ros(monkeypatch)


def test_a_node_is_built_and_its_callbacks_do_the_rest(ros: Ros) -> None:
    run("mux", lambda: ros.calls.append("built"))
    assert ros.calls == ["mux", "log", "built", "spin"]


def test_the_main_thread_may_have_work(ros: Ros) -> None:
    run("bridge", lambda: 7, lambda node: ros.calls.append(f"work of {node}"))
    assert ros.calls[-1] == "work of 7"


@pytest.mark.parametrize(
    "error",
    [
        DescriptionError("robot.yaml: rates is missing"),
        ValueError("~seed is -1"),
        HardwareError("no servo answers"),
        FileNotFoundError("no such file"),
    ],
)
def test_a_mistake_of_the_user_is_one_line(ros: Ros, error: Exception) -> None:
    def build() -> None:
        raise error

    with pytest.raises(SystemExit) as end:
        run("node", build)
    assert end.value.code == 1
    assert ros.fatal == [str(error)]


def test_a_bug_is_none_of_them(ros: Ros) -> None:
    with pytest.raises(KeyError):
        run("node", lambda: {}["x"])


def test_topics_that_close_under_the_main_thread_are_an_ordinary_end(ros: Ros) -> None:
    def work(_: Any) -> None:
        raise rospy.ROSException("publish() to a closed topic")

    with pytest.raises(rospy.ROSException):
        run("bridge", lambda: None, work)
    ros.ending = True
    run("bridge", lambda: None, work)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_does_not_wait_for_what_it_interrupts(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    publishing, ended, free = threading.Lock(), threading.Event(), []

    def close_topics(_: str) -> None:
        free.append(publishing.acquire(timeout=5.0))
        ended.set()

    monkeypatch.setattr(module.rospy, "init_node", lambda *_, **__: None)
    monkeypatch.setattr(module.rospy, "signal_shutdown", close_topics)
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        module.init_node("node")
        with publishing:
            os.kill(os.getpid(), number)
            assert not ended.is_set()
        assert ended.wait(10.0)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert free == [True]


@pytest.mark.parametrize("setting", [False, True])
def test_after_the_start_a_line_in_the_log_asks_nobody(monkeypatch: pytest.MonkeyPatch, setting: bool) -> None:
    asked: List[str] = []

    def get_param(name: str, _: bool) -> bool:
        asked.append(name)
        return setting

    class NoMaster:
        """Fails where it is used."""

    monkeypatch.setattr(module.rospy, "get_param", get_param)
    monkeypatch.setattr(paramserver, "_param_server_cache", None)
    detach_log_from_master()
    monkeypatch.setattr(rospy.client, "_param_server", MasterProxy.__new__(MasterProxy))
    monkeypatch.setattr(MasterProxy, "target", NoMaster(), raising=False)
    assert rospy.get_param_cached(LOG_PARAMETER, "not known") is setting
    assert asked == [LOG_PARAMETER]


def test_a_missing_parameter_names_the_launch_file(ros: Ros, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = {"~port": "a device"}
    monkeypatch.setattr(module.rospy, "get_param", lambda name: parameters[name])
    assert required_param("~port", "arm.launch") == "a device"
    with pytest.raises(ValueError, match=r"the parameter ~calibration is missing; arm\.launch sets it"):
        required_param("~calibration", "arm.launch")
