"""The arm of the running graph for recording and replay: whether it may move and goes on, and how old messages are."""

from typing import List

import numpy as np
import pytest
from arm_graph import TopicGraph
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from xdog.core.description import load_description
from xdog.msg import ArmState, SafetyState
from xdog.safety.config import load_safety_config
from xdog_learning.nodes.common import arm_link
from xdog_learning.nodes.common.arm_link import BEHIND, SILENCE, ArmLink

ROBOT = load_description()
AGE = load_safety_config().listeners.heartbeat_timeout
assert load_safety_config().listeners.state_timeout == AGE


class Graph(TopicGraph):
    """A graph that publishes what the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        self.measured: List[float] = []
        self.link = ArmLink(ROBOT, lambda stamp, *_: self.measured.append(stamp), self)  # type: ignore[arg-type]

    def done(self, stamp: float) -> None:
        assert self.measured[-1] == stamp

    def joints(self) -> None:
        names = list(ROBOT.arm.names)
        self.publish("joint_states", JointState(name=names, position=[0.1] * 6, effort=[0.0] * 6))

    def safety(self, allowed: bool = True) -> None:
        reasons = [] if allowed else ["somebody pressed the button"]
        self.publish("safety/state", SafetyState(motion_allowed=allowed, reasons=reasons))

    def mode(self, words: str) -> None:
        self.publish("arm/mode", String(words))


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Graph:
    """A graph in which the arm may move."""
    graph = Graph(monkeypatch)
    graph.joints()
    graph.safety()
    graph.mode("holding")
    return graph


def test_a_whole_graph_lets_the_arm_move(graph: Graph) -> None:
    assert graph.link.objection() == graph.link.interruption() == ""
    assert graph.measured == [100.0]
    np.testing.assert_allclose(graph.link.target(), [0.1] * 6)


def test_a_topic_without_a_message_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph(monkeypatch)
    assert graph.link.objection() == "no joint_states"
    graph.joints()
    assert graph.link.objection() == "no safety/state"
    graph.safety()
    assert "is arm_controller running?" in graph.link.objection()
    graph.mode("holding")
    assert graph.link.objection() == ""
    graph.connections = 0
    assert "is arm_controller running?" in graph.link.objection()


def test_old_messages_allow_no_motion(graph: Graph) -> None:
    graph.pass_time(0.9 * AGE)
    assert graph.link.objection() == ""
    graph.joints()
    graph.pass_time(0.2 * AGE)
    assert graph.link.objection() == "no safety/state for 0.3 s"
    graph.safety()
    assert graph.link.objection() == ""
    graph.pass_time(0.9 * AGE)
    graph.safety()
    assert graph.link.objection() == "no joint_states for 0.3 s"


def test_a_simulated_clock_ahead_of_the_messages_is_tolerated(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arm_link.rospy.rostime, "is_wallclock", lambda: False)
    graph.now += 3.0
    graph.wall += 0.9 * BEHIND
    assert graph.link.objection() == ""
    graph.wall += 0.2 * BEHIND
    assert graph.link.objection() == "no joint_states for 1.1 s"


def test_a_simulation_may_pause_but_its_end_is_detected(graph: Graph) -> None:
    graph.wall += 0.9 * SILENCE
    assert graph.link.objection() == ""
    graph.wall += 0.2 * SILENCE
    assert graph.link.objection() == "no joint_states for 11.0 s"


def test_after_the_clock_has_jumped_back_only_new_messages_count(graph: Graph) -> None:
    graph.callbacks["arm/command"](
        JointTrajectory(joint_names=list(ROBOT.arm.names), points=[JointTrajectoryPoint(positions=[0.5] * 6)])
    )
    np.testing.assert_allclose(graph.link.target(), [0.5] * 6)
    graph.now -= 50.0
    graph.wall += 1.1 * AGE
    assert graph.link.objection() == "no joint_states for 0.3 s"
    graph.joints()
    graph.safety()
    assert graph.link.objection() == ""
    np.testing.assert_allclose(graph.link.target(), [0.1] * 6, err_msg="the goal is of before the jump")


def test_the_supervisors_reasons_are_reported(graph: Graph) -> None:
    graph.safety(allowed=False)
    assert graph.link.objection() == "motion not allowed: somebody pressed the button"


def test_a_bridge_that_holds_the_arm_is_an_objection(graph: Graph) -> None:
    graph.callbacks["arm/state"](ArmState(gate=ArmState.HOLDING, gate_reason="fault: elbow_flex is hot"))
    assert graph.link.objection() == "fault: elbow_flex is hot"
    graph.callbacks["arm/state"](ArmState(gate=ArmState.ACTIVE))
    assert graph.link.objection() == ""


@pytest.mark.parametrize("words", ["stopped: fault: elbow_flex is hot", "stopped: no joint angles"])
def test_a_stopped_arm_may_not_move(graph: Graph, words: str) -> None:
    graph.mode(words)
    assert graph.link.objection() == graph.link.interruption() == words
    graph.mode("holding")
    assert graph.link.objection() == ""
    assert graph.link.interruption() == words, "however short the stop was"
    graph.link.watch()
    assert graph.link.interruption() == ""


@pytest.mark.parametrize(
    "words", ["holding: the arm does not follow: elbow_flex", "holding: refused: the stream was ended: send nothing"]
)
def test_an_interrupted_arm_must_be_watched_again_to_continue(graph: Graph, words: str) -> None:
    graph.mode("streaming")
    graph.mode(words)
    assert graph.link.interruption() == words
    assert graph.link.objection() == ""
    graph.link.watch()
    assert graph.link.interruption() == ""


@pytest.mark.parametrize(
    "words", ["streaming", "streaming: held back: arm and leg would meet", "trajectory", "holding"]
)
def test_ordinary_modes_interrupt_nothing(graph: Graph, words: str) -> None:
    graph.mode(words)
    assert graph.link.interruption() == ""
    assert graph.link.mode == words.split(":")[0]


def test_the_controllers_modes_end_an_episode() -> None:
    """The states of `xdog.arm` begin as in STOPPED_FOLLOWING."""
    from xdog.arm.config import load_arm_config
    from xdog.arm.controller import ArmController
    from xdog.arm.motions import ArmMeasurement

    controller = ArmController(ROBOT, load_arm_config(ROBOT))
    rest, legs = np.array(ROBOT.arm.poses["home"]), ROBOT.legs.poses["stand"]
    assert controller.state.startswith("stopped")
    still = np.zeros(6)

    def step(now: float) -> None:
        controller.on_safety(now, True, "")
        controller.step(ArmMeasurement(now, rest, still, still), legs)

    step(0.0)
    controller.on_setpoint(ROBOT.arm.names, rest.tolist(), float("nan"))
    step(0.02)
    assert controller.state.startswith(arm_link.STOPPED_FOLLOWING[1])
    goal = np.clip(rest + 1.0, ROBOT.arm.lower, ROBOT.arm.upper)
    for i in range(150):  # it is sent away and stays
        if i > 100:
            controller.on_setpoint(ROBOT.arm.names, goal.tolist(), 0.02)
        step(0.04 + 0.02 * i)
        if "does not follow" in controller.state:
            break
    assert controller.state.startswith(arm_link.STOPPED_FOLLOWING[0])
