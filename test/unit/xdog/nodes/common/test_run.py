"""run() of every node: one line and exit code 1 for a user's mistake, no output at an ordinary end."""

from typing import Any, List

import pytest
import rospy

from xdog.core.description import DescriptionError
from xdog.core.interfaces import HardwareError
from xdog.nodes.common import run as module
from xdog.nodes.common.run import required_param, run


class Ros:
    """Records what a node does before it works."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: List[Any] = []
        self.fatal: List[str] = []
        self.ending = False
        monkeypatch.setattr(module, "start_node", lambda name, topics: self.calls.append((name, topics)))
        monkeypatch.setattr(module.rospy, "logfatal", self.fatal.append)
        monkeypatch.setattr(module.time, "sleep", self.sleep)
        monkeypatch.setattr(module.rospy.core, "is_shutdown_requested", lambda: self.ending)

    def sleep(self, _seconds: float) -> None:
        """The node shuts down while it leaves the work to callbacks."""
        self.calls.append("spin")
        self.ending = True


@pytest.fixture
def ros(monkeypatch: pytest.MonkeyPatch) -> Ros:
    return Ros(monkeypatch)


def test_a_node_is_built_and_its_callbacks_do_the_rest(ros: Ros) -> None:
    run("mux", lambda: ros.calls.append("built"))
    assert ros.calls == [("mux", ()), "built", "spin"]


def test_topics_that_only_one_node_may_publish_are_checked_first(ros: Ros) -> None:
    ros.ending = True
    run("bridge", lambda: ros.calls.append("built"), sole_publisher=("/clock",))
    assert ros.calls == [("bridge", ("/clock",)), "built"]


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


def test_a_bug_is_not_a_users_mistake(ros: Ros) -> None:
    with pytest.raises(KeyError):
        run("node", lambda: {}["x"])


def test_topics_that_close_during_the_main_threads_work_are_an_ordinary_end(ros: Ros) -> None:
    def work(_: Any) -> None:
        raise rospy.ROSException("publish() to a closed topic")

    with pytest.raises(rospy.ROSException):
        run("bridge", lambda: None, work)
    ros.ending = True
    run("bridge", lambda: None, work)


def test_a_missing_parameter_names_the_launch_file(ros: Ros, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = {"~port": "a device"}
    monkeypatch.setattr(module.rospy, "get_param", lambda name: parameters[name])
    assert required_param("~port", "arm.launch") == "a device"
    with pytest.raises(ValueError, match=r"the parameter ~calibration is missing; arm\.launch sets it"):
        required_param("~calibration", "arm.launch")
