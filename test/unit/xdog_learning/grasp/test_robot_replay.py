"""A demonstration is replayed on an arm: from its pose when the user agrees, until something stops it.

The arm is the real controller on ideal servos, met through the real ArmLink.
"""

import io
from typing import Callable, List, Optional

import numpy as np
import pytest
from arm_controller_bench import PERIOD
from arm_graph import ArmGraph
from demonstrations import make_episode
from rich.console import Console

from xdog.arm.trajectory import Goal, Point
from xdog.core.description import load_description
from xdog_learning.grasp import robot_replay
from xdog_learning.grasp.robot_replay import JointLog, ReplayError, RobotReplay

ROBOT = load_description()
HOME = np.array(ROBOT.arm.poses["home"])
SPEED = 1.0
"""rad/s on the way to the start."""
EPISODE = make_episode(0, 20)
EPISODE.state[:] = HOME + np.array([0.7, 0.4, -0.4, 0.3, 0.7, 0.7]) + 0.1 * np.sin(np.arange(20) / 10.0)[:, None]
EPISODE.action[:] = EPISODE.state + 0.01


class Bench:
    """A replay in a graph whose time passes while the replay waits; it is the replay's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        log = JointLog()
        self.graph = ArmGraph(monkeypatch, log.add)
        self.is_ending = self.stands_still = False
        self.sent: List[np.ndarray] = []
        self.times: List[float] = []
        self.at: Callable[[int], None] = lambda count: None  # what happens after so many setpoints
        self.screen = io.StringIO()
        self.console = Console(file=self.screen, width=200)
        send = self.graph.link.send

        def note(target: np.ndarray, duration: float) -> None:
            self.sent.append(target)
            self.times.append(self.graph.now)
            send(target, duration)
            self.at(len(self.sent))

        monkeypatch.setattr(self.graph.link, "send", note)
        monkeypatch.setattr(robot_replay, "PATIENCE", -1.0)  # wall time stands still
        self.replay = RobotReplay(ROBOT, self.graph.link, log, self, SPEED, self.console)

    def now(self) -> float:
        return self.graph.now

    def wait(self, _: float) -> None:
        if self.stands_still:
            self.graph.wall += 1.0
        else:
            self.graph.step()

    def run(self, answer: Optional[Callable[[], str]] = None) -> str:
        if answer is not None:
            self.console.input = lambda *_: answer()  # type: ignore[method-assign]
        self.replay.run(EPISODE, agreed=answer is None)
        return self.screen.getvalue()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_the_arm_is_led_in_and_gets_every_action_at_its_time(bench: Bench) -> None:
    printed = bench.run()
    lead = len(bench.sent) - len(EPISODE)
    np.testing.assert_allclose(bench.sent[lead - 1], EPISODE.state[0], atol=1e-6)
    np.testing.assert_allclose(bench.sent[lead:], EPISODE.action, atol=1e-6)
    path = np.array([HOME, *bench.sent[:lead]])
    assert np.abs(np.diff(path, axis=0)).max() <= SPEED / EPISODE.fps + 1e-9
    np.testing.assert_allclose(np.diff(bench.times), 1.0 / EPISODE.fps, atol=PERIOD + 1e-9)
    assert bench.times[-1] - bench.times[0] == pytest.approx((len(bench.times) - 1) / EPISODE.fps, abs=2 * PERIOD), (
        "no delay adds up"
    )
    np.testing.assert_allclose(bench.graph.bench.position, EPISODE.action[-1], atol=0.05)
    assert "measured joints differ from the recorded by 0.0" in printed


def test_the_measurement_nearest_to_each_setpoint_counts() -> None:
    log = JointLog()
    for step in range(5):
        log.add(0.1 * step, np.full(6, float(step)), np.zeros(6), np.zeros(6))
    assert log.at(np.array([0.0, 0.14, 0.16, 9.0]))[:, 0].tolist() == [0.0, 1.0, 2.0, 4.0]
    log.clear()
    with pytest.raises(ReplayError, match="no joint_states came in during the replay"):
        log.at(np.array([0.0]))


def test_an_arm_that_was_moved_during_the_question_gets_no_setpoint(bench: Bench) -> None:
    def moved() -> str:
        bench.graph.move_to(HOME + np.array([0.0, 0.5, 0.0, 0.0, 0.0, 0.0]))
        return "y"

    with pytest.raises(ReplayError, match=r"shoulder_lift has moved by 0\.50 rad since .*nothing was sent"):
        bench.run(moved)
    assert not bench.sent


def test_an_arm_that_sank_a_little_starts_from_its_new_pose(bench: Bench) -> None:
    def sunk() -> str:
        bench.graph.run(1.0)  # what it was sent to last is too old to begin from
        bench.graph.move_to(HOME - 0.05)
        return "y"

    bench.run(sunk)
    assert np.abs(bench.sent[0] - (HOME - 0.05)).max() < 0.02


def test_an_arm_that_was_stopped_during_the_question_gets_no_setpoint(bench: Bench) -> None:
    def stopped() -> str:
        bench.graph.bench.allowed, bench.graph.bench.reason = False, "somebody pressed the button"
        bench.graph.step()
        return "y"

    with pytest.raises(ReplayError, match="cannot be moved: motion not allowed: somebody pressed the button"):
        bench.run(stopped)
    assert not bench.sent


@pytest.mark.parametrize("answer", ["n", "", "maybe"])
def test_anything_but_yes_is_no(bench: Bench, answer: str) -> None:
    assert "Nothing was moved" in bench.run(lambda: answer)
    assert not bench.sent


def test_without_a_terminal_the_arm_is_not_moved(bench: Bench) -> None:
    def end() -> str:
        raise EOFError

    assert "Nothing was moved" in bench.run(end)


def forbid(bench: Bench) -> None:
    bench.graph.bench.allowed, bench.graph.bench.reason = False, "somebody pressed the button"


def block(bench: Bench) -> None:
    bench.graph.bench.no_torque = True


def begin_a_goal(bench: Bench) -> None:
    bench.graph.run(1.0)
    names = ROBOT.arm.names[:5]
    bench.graph.bench.controller.follow(Goal(names, [Point(9.0, (HOME[:5] + 0.3).tolist())]))


def end_program(bench: Bench) -> None:
    bench.is_ending = True


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        (forbid, "stopped: .*somebody pressed the button"),
        (block, "stopped: holding: the arm does not follow"),
        (begin_a_goal, "stopped: arm_controller executes a trajectory goal"),
        (end_program, "stopped: this program is shutting down"),
    ],
)
def test_a_stop_of_any_kind_ends_it(bench: Bench, stop: Callable[[Bench], None], message: str) -> None:
    bench.at = lambda count: stop(bench) if count == 5 else None
    with pytest.raises(ReplayError, match=message):
        bench.run()
    sent = len(bench.sent)
    assert 5 <= sent < 40
    bench.graph.run(0.5)
    assert len(bench.sent) == sent, "nothing is sent any more"


def test_a_goal_of_another_program_is_not_disturbed(bench: Bench) -> None:
    begin_a_goal(bench)
    bench.graph.step()
    with pytest.raises(ReplayError, match="cannot be moved: arm_controller executes a trajectory goal"):
        bench.run()
    assert not bench.sent


def test_an_arm_that_another_program_leads_gets_no_setpoint(bench: Bench) -> None:
    bench.graph.run(1.0)
    bench.graph.link.send(HOME + 0.05, 0.5)
    bench.graph.step()
    with pytest.raises(ReplayError, match="cannot be moved: another program sends arm/setpoint: stop it first"):
        bench.run()
    assert len(bench.sent) == 1


def test_missing_measurements_end_it(bench: Bench) -> None:
    def lose(count: int) -> None:
        bench.graph.is_silent = count >= 5

    bench.at = lose
    with pytest.raises(ReplayError, match=r"stopped: no joint_states for 0\.3 s"):
        bench.run()


def test_a_simulation_that_has_ended_is_not_waited_for(bench: Bench) -> None:
    bench.stands_still = True
    with pytest.raises(ReplayError, match="stopped: no joint_states for"):
        bench.run()
    assert len(bench.sent) == 1
