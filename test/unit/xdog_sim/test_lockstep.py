"""Lockstep waits for publishers that answer, and not for those that are gone."""

import threading
import time
from typing import List

import pytest

from xdog_sim.lockstep import Lockstep

ANY = float("-inf")


class Bench:
    """A lockstep with two topics whose publishers can be disconnected."""

    def __init__(self, patience: float = 20.0) -> None:
        self.connected = {"command": True, "velocity": True}
        self.warnings: List[str] = []
        checks = {name: (lambda name=name: self.connected[name]) for name in self.connected}
        self.lockstep = Lockstep(checks, self.warnings.append, patience)

    def wait_in_thread(self, **oldest: float) -> threading.Thread:
        thread = threading.Thread(target=self.lockstep.wait, args=(oldest,), daemon=True)
        thread.start()
        return thread


def test_it_does_not_wait_for_topics_without_messages() -> None:
    assert Bench().lockstep.wait({"command": 1.0, "velocity": ANY}) is False


def test_answers_that_are_new_enough_end_the_wait_at_once() -> None:
    bench = Bench()
    bench.lockstep.received("command", 1.0)
    bench.lockstep.received("velocity", 0.0)
    assert bench.lockstep.wait({"command": 1.0, "velocity": ANY}) is True
    assert bench.warnings == []


def test_it_waits_for_the_answer_to_the_current_state() -> None:
    bench = Bench()
    bench.lockstep.received("command", 1.0)
    waiting = bench.wait_in_thread(command=1.02)
    bench.lockstep.received("command", 1.015)
    waiting.join(0.1)
    assert waiting.is_alive()
    bench.lockstep.received("command", 1.02)
    waiting.join(10.0)
    assert not waiting.is_alive()


def test_one_message_ends_one_wait() -> None:
    bench = Bench()
    bench.lockstep.received("velocity", 0.0)
    bench.lockstep.wait({"velocity": ANY})
    waiting = bench.wait_in_thread(velocity=ANY)
    waiting.join(0.1)
    assert waiting.is_alive()
    bench.lockstep.received("velocity", 0.0)
    waiting.join(10.0)
    assert not waiting.is_alive()


def test_it_does_not_wait_for_a_publisher_that_has_gone() -> None:
    bench = Bench()
    bench.lockstep.received("command", 1.0)
    waiting = bench.wait_in_thread(command=2.0)
    bench.connected["command"] = False
    waiting.join(10.0)
    assert not waiting.is_alive()
    bench.connected["command"] = True  # another publisher has come, but has not sent anything yet
    assert bench.lockstep.wait({"command": 3.0}) is False


def test_a_silent_publisher_is_dropped_until_its_next_message() -> None:
    bench = Bench(patience=0.05)
    bench.lockstep.received("command", 1.0)
    start = time.monotonic()
    assert bench.lockstep.wait({"command": 2.0}) is True
    assert time.monotonic() - start >= 0.05
    assert bench.warnings == ["no message for 0.05 s, the simulation continues without: command"]
    assert bench.lockstep.wait({"command": 3.0}) is False
    bench.lockstep.received("command", 4.0)
    assert bench.lockstep.wait({"command": 4.0}) is True
    assert len(bench.warnings) == 1


def test_unknown_topic_is_an_error() -> None:
    with pytest.raises(KeyError):
        Bench().lockstep.received("legs/comand", 0.0)


def test_it_waits_for_channels_that_joined_later() -> None:
    bench, connected = Bench(), [True]
    for _ in range(2):
        bench.lockstep.join("/grasp", lambda: connected[0])
    assert bench.lockstep.clients == ("/grasp",)
    bench.lockstep.received("/grasp", 1.0)
    waiting = bench.wait_in_thread(**{"/grasp": 1.02})
    waiting.join(0.1)
    assert waiting.is_alive()
    connected[0] = False
    waiting.join(10.0)
    assert not waiting.is_alive()


def test_a_dropped_publisher_that_repeats_its_stamp_is_ignored() -> None:
    bench = Bench(patience=0.2)
    bench.lockstep.received("command", 1.0)
    bench.lockstep.wait({"command": 1.02})
    assert len(bench.warnings) == 1
    bench.lockstep.received("command", 1.0)  # as a node does whose clock stands still
    assert bench.lockstep.wait({"command": 1.02}) is False
    bench.lockstep.received("command", 1.01)
    assert bench.lockstep.wait({"command": 1.01}) is True
    assert len(bench.warnings) == 1
