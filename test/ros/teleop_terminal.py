#!/usr/bin/env python3
"""Keyboard teleop in a real pseudo-terminal: real bytes in, messages and service calls out.

Its stop works without the ROS master, and neither it nor the robot's nodes can be replaced by accident.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import unittest
from collections import Counter
from pathlib import Path
from typing import Callable, ClassVar, List, Optional

import rospy
import rostest
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from own_graph import OwnGraph, network_listeners
from terminal import Terminal

from xdog.msg import LegCommand, LegState, LocomotionState, SafetyState
from xdog.nodes.common.master import find_node

WALL_LIMIT = 60.0
"""s of wall time for anything to happen; teleop's own times are wall time, as a keyboard is."""
CPP_NODES = {"rosout", "robot_state_publisher"}
"""The C++ library of ROS 1 opens the port of its XML-RPC interface on all addresses, whatever ROS_IP says."""


def teleop_terminal(news: threading.Condition, namespace: str = "/") -> Terminal:
    """Teleop in a terminal."""
    environment = {**os.environ, "ROS_NAMESPACE": namespace, "TERM": "xterm", "COLUMNS": "160"}
    environment.pop("ROS_IP")  # as in a user's second terminal
    return Terminal(["rosrun", "xdog", "teleop_keyboard"], environment, news)


class TeleopTest(unittest.TestCase):
    graph: ClassVar[OwnGraph]

    def setUp(self) -> None:
        self.news = threading.Condition()
        self.sent: List[Twist] = []
        self.legs: Optional[LocomotionState] = None
        self.safety: Optional[SafetyState] = None
        self.gate: Optional[LegState] = None
        self.now, self.speed = 0.0, 0.0  # s of simulated time; m/s forward
        self.answered = 0.0  # s, stamp of the newest legs/command
        self.asked: Counter[str] = Counter()
        self.subscribers = [
            rospy.Subscriber("cmd_vel/keyboard", Twist, self._on_velocity),
            rospy.Subscriber("locomotion/state", LocomotionState, self._on_legs),
            rospy.Subscriber("safety/state", SafetyState, self._on_safety),
            rospy.Subscriber("legs/state", LegState, self._on_gate),
            rospy.Subscriber("ground_truth/odom", Odometry, self._on_truth),
            rospy.Subscriber("legs/command", LegCommand, self._on_command),
        ]
        self.terminal = teleop_terminal(self.news)
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

    def _on_gate(self, message: LegState) -> None:
        self.gate = message

    def _on_truth(self, message: Odometry) -> None:
        self.now, self.speed = message.header.stamp.to_sec(), message.twist.twist.linear.x

    def _on_command(self, message: LegCommand) -> None:
        self.answered = message.header.stamp.to_sec()

    def wait(self, condition: Callable[[], object], what: str, held: bytes = b"") -> None:
        """Until the condition holds; it is looked at whenever something happens, and now and then, as keys repeat."""
        end = time.monotonic() + WALL_LIMIT
        with self.news:
            while not condition():
                assert time.monotonic() < end, f"{what}; the terminal shows: {self.terminal.shown[-600:]!r}"
                self.terminal.press(held)
                self.news.wait(0.2 if not held else 0.05)

    def safety_level(self) -> Optional[int]:
        return None if self.safety is None else int(self.safety.level)

    def forget(self) -> None:
        with self.news:
            self.sent.clear()

    def test_keys_drive_stop_and_ask(self) -> None:
        self.wait(lambda: self.safety and self.safety.motion_allowed, "motion is allowed")
        self.stand()
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
        self.wait(lambda: "E-STOP: r resets" in self.terminal.shown, "the status line shows how to continue")
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
        self.wait(lambda: self.sent[-1] == Twist(), "zero is the last command sent")
        assert termios.tcgetattr(self.terminal.program) == self.terminal.before

    def stand(self) -> None:
        self.wait(lambda: self._granted(b"1", "stand"), "1 stands up, and the answer is shown")
        self.wait(lambda: self.legs and self.legs.name == "standing", "it stands")

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
        self.wait(lambda: self.sent[-1] == Twist(), "zero is the last command sent")

    def test_a_second_teleop_is_refused_and_the_first_goes_on(self) -> None:
        second = teleop_terminal(self.news)
        self.addCleanup(second.close)
        assert second.process.wait(WALL_LIMIT) == 1
        first = f"/teleop_keyboard on 127.0.0.1 (process {self.pid('teleop_keyboard')}) is already running"
        self.wait(lambda: first in second.shown, "it is said where the first one runs")
        self.terminal.press(b"w")
        self.wait(lambda: any(twist.linear.x == 0.5 for twist in self.sent), "the first one drives")

    def test_a_teleop_that_was_killed_stands_in_nobodys_way(self) -> None:
        self.terminal.process.kill()
        self.terminal.process.wait()
        after = teleop_terminal(self.news)
        self.addCleanup(after.close)
        self.wait(lambda: "x  quit" in after.shown, "another one starts")

    def test_a_running_graph_is_not_replaced(self) -> None:
        command = [sys.executable, "-m", "xdog.nodes.common.running_graph"]  # as ./xdog sim does it
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        for word in ("/locomotion, ", "/safety_supervisor, ", "rosnode kill -a", "export ROS_MASTER_URI="):
            assert word in refused.stderr, refused.stderr
        for command, words in (
            (["velocity_mux"], "/velocity_mux on 127.0.0.1"),
            (["sim_bridge", "__name:=bridge"], "/bridge is not started: /sim_bridge on 127.0.0.1"),
        ):
            process = self.pid(command[0])
            refused = subprocess.run(["rosrun", "xdog", *command], capture_output=True, text=True, check=False)
            assert refused.returncode == 1
            assert words in refused.stderr, refused.stderr
            assert self.pid(command[0]) == process

    def test_nobody_from_the_network_can_connect(self) -> None:
        processes = [*self.graph.processes, self.pid("teleop_keyboard")]
        assert len(processes) >= 8, "master, roslaunch, five nodes and teleop"
        assert network_listeners(processes) <= CPP_NODES

    def pid(self, node: str) -> int:
        found = find_node(f"/{node}")
        assert found, f"{node} does not answer"
        return found.process

    def test_an_estop_that_nobody_hears_is_shouted(self) -> None:
        alone = teleop_terminal(self.news, "/nowhere")
        self.addCleanup(alone.close)
        self.wait(lambda: "no robot | no safety" in alone.shown, "no robot is shown")
        alone.press(b" ")
        self.wait(lambda: "E-STOP NOT CONFIRMED" in alone.shown, "the missing answer is shown")
        alone.press(b"\x03")
        assert alone.process.wait(WALL_LIMIT) == 0

    # The stop needs no master. The last test kills it.

    def test_x_with_the_master_stopped_space_still_stops_and_x_still_quits(self) -> None:
        self.walk()
        self.graph.master.send_signal(signal.SIGSTOP)
        try:
            self.walk_on()
            self.stop()
            self.terminal.press(b"1")
            self.wait(
                lambda: re.search(r"stand: (no answer|failed)", self.terminal.shown),
                "a failed service is reported",
            )
            self.terminal.press(b"x")
            self.terminal.process.wait(WALL_LIMIT)
        finally:
            self.graph.master.send_signal(signal.SIGCONT)
        assert termios.tcgetattr(self.terminal.program) == self.terminal.before

    def test_y_with_the_master_killed_space_still_stops(self) -> None:
        self.walk()
        self.graph.master.kill()
        self.graph.master.wait()
        self.walk_on()
        self.stop()

    def walk(self) -> None:
        """Walk forward, whatever a test before has left behind."""
        self.wait(lambda: self._granted(b"r", "estop_reset"), "no stop is left")
        self.wait(lambda: self.safety and self.safety.motion_allowed, "motion is allowed")
        self.stand()
        self.wait(lambda: self._granted(b"2", "walk"), "2 walks")
        self.wait(lambda: self.speed > 0.3, "w drives", held=b"w")

    def walk_on(self) -> None:
        """Walk for another second."""
        since = self.now
        self.wait(lambda: self.now > since + 1.0 and self.speed > 0.3, "it walks on without the master", held=b"w")

    def stop(self) -> None:
        """Press space while the robot walks; the stop is latched, the legs are damped, and teleop shows it."""
        assert self.safety
        assert self.safety.motion_allowed
        self.terminal.press(b" ")
        self.wait(lambda: self.safety_level() == SafetyState.ESTOP, "the stop is latched")
        self.wait(lambda: self.gate and self.gate.gate == LegState.DAMPING, "the gate damps the legs")
        self.wait(lambda: self.legs and self.legs.name == "damped", "locomotion knows")
        reason = f"e-stop: asked for by /teleop_keyboard (an operator at {socket.gethostname()})"
        assert list(self.safety.reasons) == [reason]
        self.wait(lambda: f"estop: done ({reason})" in self.terminal.shown, "teleop shows that it is confirmed")
        assert "NOT CONFIRMED" not in self.terminal.shown
        # All have logged the stop, which without care would ask the master. They go on all the same.
        since = self.now + 0.5
        self.wait(lambda: self.now > since + 0.5, "the simulation goes on")
        self.wait(lambda: self.safety and self.safety.header.stamp.to_sec() > since, "the supervisor goes on")
        self.wait(lambda: self.answered > since, "locomotion goes on")


if __name__ == "__main__":
    TeleopTest.graph = OwnGraph(Path(__file__).with_name("teleop_graph.launch.xml"))
    try:
        rospy.init_node("teleop_test")
        rostest.rosrun("xdog", "teleop", TeleopTest, sys.argv)
    finally:
        TeleopTest.graph.close()
