#!/usr/bin/env python3
"""Keyboard teleop in a real pseudo-terminal: real bytes in, messages and service calls out."""

import os
import pty
import subprocess
import sys
import termios
import threading
import time
import unittest
from collections import Counter
from typing import Callable, List, Optional

import rospy
import rostest
from geometry_msgs.msg import Twist

from xdog.msg import LocomotionState, SafetyState

WALL_LIMIT = 60.0
"""s of wall time for anything to happen; teleop's own times are wall time, as a keyboard is."""


class Terminal:
    """A terminal with teleop running in it."""

    def __init__(self, news: threading.Condition, namespace: str = "/") -> None:
        self._news = news
        self.keyboard, self.program = pty.openpty()
        self.before = termios.tcgetattr(self.program)
        self.shown = ""
        self.process = subprocess.Popen(
            ["rosrun", "xdog", "teleop_keyboard"],
            stdin=self.program,
            stdout=self.program,
            stderr=self.program,
            env={**os.environ, "ROS_NAMESPACE": namespace, "TERM": "xterm", "COLUMNS": "160"},
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.keyboard, 4096)
            except OSError:
                return
            with self._news:
                self.shown += data.decode(errors="replace")
                self._news.notify_all()

    def press(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    def close(self) -> None:
        """End it, however far it got."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        os.close(self.program)


class TeleopTest(unittest.TestCase):
    def setUp(self) -> None:
        self.news = threading.Condition()
        self.sent: List[Twist] = []
        self.legs: Optional[LocomotionState] = None
        self.safety: Optional[SafetyState] = None
        self.asked: Counter[str] = Counter()
        self.subscribers = [
            rospy.Subscriber("cmd_vel/keyboard", Twist, self._on_velocity),
            rospy.Subscriber("locomotion/state", LocomotionState, self._on_legs),
            rospy.Subscriber("safety/state", SafetyState, self._on_safety),
        ]
        self.terminal = Terminal(self.news)
        self.addCleanup(self.terminal.close)
        self.wait(lambda: "x  quit" in self.terminal.shown, "the help is shown")
        self.wait(lambda: self.subscribers[0].get_num_connections() > 0, "teleop publishes cmd_vel/keyboard")

    def tearDown(self) -> None:
        for subscriber in self.subscribers:
            subscriber.unregister()

    def _on_velocity(self, message: Twist) -> None:
        with self.news:
            self.sent.append(message)
            self.news.notify_all()

    def _on_legs(self, message: LocomotionState) -> None:
        with self.news:
            self.legs = message
            self.news.notify_all()

    def _on_safety(self, message: SafetyState) -> None:
        with self.news:
            self.safety = message
            self.news.notify_all()

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Until the condition holds; it is looked at whenever something happens, and now and then."""
        end = time.monotonic() + WALL_LIMIT
        with self.news:
            while not condition():
                assert time.monotonic() < end, f"{what}; the terminal shows: {self.terminal.shown[-600:]!r}"
                self.news.wait(0.2)

    def safety_level(self) -> Optional[int]:
        return None if self.safety is None else int(self.safety.level)

    def forget(self) -> None:
        with self.news:
            self.sent.clear()

    def test_keys_drive_stop_and_ask(self) -> None:
        self.wait(lambda: self.safety and self.safety.motion_allowed, "motion is allowed")
        self.wait(lambda: self._granted(b"1", "stand"), "1 stands up, and the answer is shown")
        self.wait(lambda: self.legs and self.legs.name == "standing", "it stands")
        self.wait(lambda: "standing | " in self.terminal.shown, "the status line shows the legs")

        self.terminal.press(b"w")
        self.wait(lambda: any(twist.linear.x == 0.5 for twist in self.sent), "w drives")
        self.wait(lambda: self.sent[-1] == Twist(), "zero is sent after the release")
        speeds = [twist.linear.x for twist in self.sent]
        assert speeds == sorted(speeds, reverse=True)  # one stretch of driving, then zeros only
        assert set(speeds) == {0.5, 0.0}

        self.forget()
        self.terminal.press(b"\x1b[D")
        self.wait(lambda: any(twist.angular.z == 0.75 for twist in self.sent), "the left arrow turns left")

        self.terminal.press(b" ")
        self.wait(lambda: self.safety_level() == SafetyState.ESTOP, "space is the e-stop")
        self.wait(lambda: self.legs and self.legs.name == "damped", "the legs are damped")
        self.wait(lambda: self.sent[-1] == Twist(), "zero is sent")
        self.wait(lambda: "E-STOP: r resets" in self.terminal.shown, "the status line says how to go on")
        self.forget()
        self.terminal.press(b"w")
        self.terminal.press(b"h")
        self.wait(lambda: self.terminal.shown.count("x  quit") == 2, "the help was asked for after w")
        self.wait(lambda: self._granted(b"r", "estop_reset"), "r resets")  # refused while the legs still move
        self.wait(lambda: self.safety_level() in (SafetyState.OK, SafetyState.WARN), "motion is allowed again")
        assert 0.5 not in [twist.linear.x for twist in self.sent]  # dead until the reset
        assert (self.legs and self.legs.name) == "damped"  # a reset moves nothing
        self.forget()
        self.terminal.press(b"s")
        self.wait(lambda: any(twist.linear.x == -0.5 for twist in self.sent), "s drives backward")

        self.terminal.press(b"x")
        assert self.terminal.process.wait(WALL_LIMIT) == 0
        self.wait(lambda: self.sent[-1] == Twist(), "zero is the last thing sent")
        assert termios.tcgetattr(self.terminal.program) == self.terminal.before

    def _granted(self, key: bytes, service: str) -> bool:
        """Whether a service has done it; the key asks again after a refusal, as while not all know of a change."""
        if f"{service}: done" in self.terminal.shown:
            return True
        if self.terminal.shown.count(f"{service}: ") == self.asked[service]:
            self.terminal.press(key)
            self.asked[service] += 1
        return False

    def test_a_lost_connection_stops_the_robot(self) -> None:
        self.terminal.press(b"w")
        self.wait(lambda: any(twist.linear.x == 0.5 for twist in self.sent), "w drives")
        os.close(self.terminal.keyboard)  # as when SSH breaks off
        self.terminal.process.wait(WALL_LIMIT)
        self.wait(lambda: self.sent[-1] == Twist(), "zero is the last thing sent")

    def test_an_estop_that_nobody_hears_is_shouted(self) -> None:
        alone = Terminal(self.news, "/nowhere")
        self.addCleanup(alone.close)
        self.wait(lambda: "no robot | no safety" in alone.shown, "no robot is shown")
        alone.press(b" ")
        self.wait(lambda: "E-STOP NOT CONFIRMED" in alone.shown, "the missing answer is shown")
        alone.press(b"\x03")
        assert alone.process.wait(WALL_LIMIT) == 0


if __name__ == "__main__":
    rospy.init_node("teleop_test")
    rostest.rosrun("xdog", "teleop", TeleopTest, sys.argv)
