"""The recorder of a human: a take ends when the arm stops following, and the next may begin."""

import threading
from typing import Any, List

import numpy as np
import pytest
from fake_link import FakeLink

from xdog.core.description import load_description
from xdog.teleop.arm import ArmJog
from xdog.teleop.keys import KeyDecoder
from xdog_learning.dataset.episode_builder import EpisodeBuilder
from xdog_learning.nodes.recorder import DemonstrationRecorder


class Link(FakeLink):
    """An arm at rest."""

    joints = np.zeros(6)

    def send(self, *_: Any) -> None:
        raise AssertionError("an arm that was stopped is sent nowhere")


class Calls:
    """Takes down which services were asked for."""

    def __init__(self) -> None:
        self.asked: List[str] = []

    def call(self, name: str) -> None:
        self.asked.append(name)


class Bare(DemonstrationRecorder):
    """A recorder without a graph, a dataset and a terminal, in the middle of a take."""

    def __init__(self) -> None:
        self.said: List[str] = []
        self.link = self._link = Link()  # type: ignore[assignment]
        self._robot, self._decoder, self._calls = load_description(), KeyDecoder(), Calls()
        self._lock, self._leader, self._follower = threading.Lock(), None, None
        self._source = {"tried": 0, "kept": []}
        self._jog = ArmJog.__new__(ArmJog)
        self._take = EpisodeBuilder(25, np.zeros(8), "pick up the cube", with_images=False)

    def _say(self, text: str) -> None:
        self.said.append(text)


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("let_go", "holding: the arm does not follow: elbow_flex"),
        ("let_go", "stopped: fault: elbow_flex is hot"),
        ("forbidden", "no safety/state for 0.3 s"),
    ],
)
def test_a_take_ends_with_the_arm(attribute: str, words: str) -> None:
    recorder = Bare()
    setattr(recorder.link, attribute, words)
    recorder._move(0.0)
    assert recorder.said == [f"discarded: {words}"]
    assert recorder._take is None
    assert recorder._jog is None
    assert recorder._source["tried"] == 1
    assert recorder.link.interruption() == recorder.link.forbidden, "what is over does not spoil the next take"


def test_between_takes_it_is_said_once_why_the_arm_was_let_go() -> None:
    recorder = Bare()
    recorder._take = None
    recorder.link.let_go = "holding: the arm does not follow: elbow_flex"
    for _ in range(3):
        recorder._move(0.0)
    assert recorder.said == ["holding: the arm does not follow: elbow_flex"]
    recorder.link.forbidden = "somebody pressed the button"  # the status line shows that
    recorder._move(0.0)
    assert len(recorder.said) == 1


@pytest.mark.parametrize(("key", "pose"), [(b"1", "home"), (b"2", "stow")])
def test_a_take_ends_when_the_arm_is_sent_home(key: bytes, pose: str) -> None:
    recorder = Bare()
    recorder._keys(key, 0.0)
    assert recorder._calls.asked == [pose]
    assert recorder._take is None, "the way home is no demonstration"
    assert recorder.said[0] == f"discarded: {pose} was asked for"
