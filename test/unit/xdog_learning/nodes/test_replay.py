"""A demonstration goes to an arm: from where that is when the user agrees, until something stops it."""

import io
from typing import Any, Callable, List, Optional

import numpy as np
import pytest
from demonstrations import make_episode
from fake_link import FakeLink
from rich.console import Console

from xdog.core.description import load_description
from xdog_learning.nodes import replay
from xdog_learning.nodes.common.arm_link import ArmLinkError

ROBOT = load_description()
EPISODE = make_episode(0, 20)
STEP = 0.01
"""s of the graph's time that pass whenever the replay waits."""


class Graph(FakeLink):
    """An arm that is where it was sent, and a clock that goes on while somebody waits for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 50.0
        self.joints = np.array(ROBOT.arm.poses["home"])
        self.sent: List[np.ndarray] = []
        self.mode = "holding"
        self.measures = True
        self.at: Callable[[int], None] = lambda count: None  # what happens after so many setpoints
        self.said = io.StringIO()
        self._on_joints: Callable[..., None] = lambda *_: None
        monkeypatch.setattr(replay, "join_graph", lambda name: None)
        monkeypatch.setattr(replay, "ArmLink", self._link)
        monkeypatch.setattr(replay, "LockstepClient", lambda: None)
        monkeypatch.setattr(replay, "_pause", self._pass)
        monkeypatch.setattr(replay.rospy, "get_time", lambda: self.now)
        monkeypatch.setattr(replay, "PATIENCE", 0.0)

    def _link(self, _: Any, on_joints: Callable[..., None], __: Any) -> "Graph":
        self._on_joints = on_joints
        return self

    def _pass(self, _: float) -> None:
        self.now += STEP
        if self.measures:
            self._on_joints(self.now, self.joints, None, None)

    # As ArmLink.

    def target(self) -> np.ndarray:
        return self.joints

    def send(self, target: np.ndarray, _: float) -> None:
        self.sent.append(target)
        self.joints = target
        self.at(len(self.sent))

    def replay(self, answer: Optional[Callable[[], str]] = None) -> str:
        console = Console(file=self.said, width=200)
        if answer is not None:
            console.input = lambda *_: answer()  # type: ignore[method-assign]
        replay.replay_on_robot(EPISODE, answer is None, console)
        return self.said.getvalue()


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Graph:
    return Graph(monkeypatch)


def test_the_arm_is_led_in_and_gets_every_action_at_its_time(graph: Graph) -> None:
    home, times = graph.joints, []
    graph.at = lambda count: times.append(graph.now)
    said = graph.replay()
    lead = len(graph.sent) - len(EPISODE)
    np.testing.assert_allclose(graph.sent[lead - 1], EPISODE.state[0], atol=1e-6)
    np.testing.assert_allclose(graph.sent[lead:], EPISODE.action, atol=1e-6)
    path = np.array([home, *graph.sent[:lead]])
    assert np.abs(np.diff(path, axis=0)).max() < 0.1
    np.testing.assert_allclose(np.diff(times), 0.04, atol=STEP + 1e-9)
    assert times[-1] - times[0] == pytest.approx(0.04 * (len(times) - 1), abs=2 * STEP)
    assert "measured joints differ from the recorded" in said


def test_an_arm_that_was_moved_while_the_question_stood_is_not_sent_anywhere(graph: Graph) -> None:
    def moved() -> str:
        graph.joints = graph.joints + np.array([0.0, 0.5, 0.0, 0.0, 0.0, 0.0])
        return "y"

    with pytest.raises(ArmLinkError, match=r"shoulder_lift has moved by 0\.50 rad since .*nothing was sent"):
        graph.replay(moved)
    assert not graph.sent


def test_an_arm_that_sank_a_little_meanwhile_begins_where_it_is(graph: Graph) -> None:
    def sunk() -> str:
        graph.joints = graph.joints - 0.05
        return "y"

    before = graph.joints
    graph.replay(sunk)
    assert np.abs(graph.sent[0] - (before - 0.05)).max() < 0.02


def test_an_arm_that_was_stopped_while_the_question_stood_is_left_alone(graph: Graph) -> None:
    def stopped() -> str:
        graph.forbidden = "somebody pressed the button"
        return "y"

    with pytest.raises(ArmLinkError, match="cannot be moved: somebody pressed the button"):
        graph.replay(stopped)
    assert not graph.sent


def test_no_is_no(graph: Graph) -> None:
    assert "Nothing was moved" in graph.replay(lambda: "n")
    assert not graph.sent


@pytest.mark.parametrize(
    ("attribute", "words", "message"),
    [
        ("forbidden", "no safety/state for 0.3 s", "stopped: no safety/state for"),
        ("let_go", "holding: the arm does not follow: elbow_flex", "stopped: holding: the arm does not follow"),
        ("mode", "trajectory", "stopped: arm_controller carries out a trajectory goal"),
    ],
)
def test_a_stop_of_any_kind_ends_it(graph: Graph, attribute: str, words: str, message: str) -> None:
    def stop(count: int) -> None:
        if count == 5:
            setattr(graph, attribute, words)

    graph.at = stop
    with pytest.raises(ArmLinkError, match=message):
        graph.replay()
    assert len(graph.sent) == 5


def test_somebody_elses_goal_is_not_disturbed(graph: Graph) -> None:
    graph.mode = "gripper"
    with pytest.raises(ArmLinkError, match="cannot be moved: arm_controller carries out a gripper goal"):
        graph.replay()


def test_measurements_that_stay_away_are_one_clear_error(graph: Graph) -> None:
    graph.measures = False
    with pytest.raises(ArmLinkError, match="no joint_states came in while"):
        graph.replay()


def test_a_simulation_that_has_ended_is_not_waited_for(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []

    def stands_still(_: float) -> None:
        waits.append(graph.now)
        if len(waits) == 30:
            graph.forbidden = "no joint_states for 10.2 s"  # as ArmLink says by the wall's clock

    monkeypatch.setattr(replay, "_pause", stands_still)
    with pytest.raises(ArmLinkError, match=r"stopped: no joint_states for 10\.2 s"):
        graph.replay()
    assert len(graph.sent) == 1


def test_waiting_for_simulated_time_is_brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay.rospy.rostime, "is_wallclock", lambda: False)
    monkeypatch.setattr(replay.rospy, "get_time", lambda: 7.0)
    monkeypatch.setattr(replay.clock, "POLL", 0.01)
    replay._pause(8.0)  # though nobody moves the clock
