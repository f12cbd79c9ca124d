"""Base of the rostests of the safety rules: a standing robot, and the time from a fault to damping.

If the environment variable XDOG_SAFETY_TIMES names a file, each measured time is appended to it as a JSON line.
"""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import json
import math
import os
import unittest
from typing import Callable, Optional

from harness import RELAYED, Gate, Graph
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool, String

from xdog.core.description import load_description
from xdog.msg import LegState, LocomotionState, SafetyState
from xdog.safety.config import load_safety_config

LIMIT_MS = 200.0
"""Maximum time from a fault to damping."""
ROBOT = load_description()
SAFETY = load_safety_config()
KNEE = "front_left_knee_joint"


class SafetyCase(unittest.TestCase):
    """Each test begins with a standing robot without faults."""

    graph: Graph

    @classmethod
    def setUpClass(cls) -> None:
        topics = {"battery": BatteryState, "mux/active": String, "mux/inputs_neutral": Bool}
        cls.graph = Graph(topics, relay=True)
        cls.graph.wait_until(lambda: "legs/state" in cls.graph.latest, 10.0, "the first legs/state")
        for node in ("sim_bridge", "safety_supervisor", "velocity_mux", "locomotion"):
            cls.await_connections(node)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.graph.close()

    def setUp(self) -> None:
        graph = self.graph
        graph.unplug_sticks()
        self.revive()
        graph.require("fault", "none", "", 0.0)
        graph.require("damp")
        self.wait_for_legs(
            LocomotionState.DAMPED
        )  # otherwise the state of the last test might be taken for the one below
        graph.require("reset", "lie", 0.0, 0.0, 0.0)
        graph.pass_time(0.1)  # until all nodes have seen the legs jump
        graph.expect("estop_reset", 8.0)
        graph.expect("stand", 2.0)  # locomotion may receive the permission later than the caller of the reset
        self.wait_for_legs(LocomotionState.STANDING)
        self.assertTrue(graph.gates[-1].active)

    def revive(self) -> None:
        """Restart nodes that an earlier test has killed."""
        for node, topic in (("safety_supervisor", "safety/state"), ("locomotion", "locomotion/state")):
            if not self.graph.alive(node):
                self.graph.latest.pop(topic, None)
                self.graph.start(node, f"cmd_vel_safe:={RELAYED}")
                self.graph.wait_until(lambda topic=topic: topic in self.graph.latest, math.inf, f"a new {node}")
                self.await_connections(node)

    @classmethod
    def await_connections(cls, node: str) -> None:
        """Wait until a node has all its connections."""
        cls.graph.eventually(lambda: cls.graph.connected(node), 60.0, lambda: f"{node} lacks connections")

    @property
    def safety(self) -> SafetyState:
        return self.graph.latest["safety/state"]

    @property
    def safety_stamp(self) -> float:
        return float(self.safety.header.stamp.to_sec())

    @property
    def legs(self) -> LegState:
        return self.graph.latest["legs/state"]

    def wait_for_legs(self, state: int) -> None:
        graph = self.graph
        graph.wait_until(lambda: graph.latest["locomotion/state"].state == state, 8.0, f"locomotion state {state}")

    def speed(self) -> float:
        """The trunk's true horizontal speed, m/s."""
        linear = self.graph.latest["ground_truth/odom"].twist.twist.linear
        return math.hypot(linear.x, linear.y)

    def first_state(self, since: float, shows: Callable[[LegState], bool], what: str) -> float:
        """Stamp (s) of the first legs/state after ``since`` (s) that shows something."""

        def found() -> Optional[float]:
            stamps = ((state.header.stamp.to_sec(), state) for state in self.graph.states)
            return next((stamp for stamp, state in stamps if stamp > since and shows(state)), None)

        return float(self.graph.wait_until(found, 3.0, what))

    def first_damping(self, cause: float) -> Gate:
        """The gate's first damping since ``cause`` (s)."""
        gates = self.graph.gates
        return self.graph.wait_until(
            lambda: next((gate for gate in gates if gate.stamp > cause and not gate.active), None),
            2.0,
            f"damping after a fault at {cause:.3f} s",
        )

    @staticmethod
    def record(fault: str, cause: float, gate: Gate) -> float:
        """Report the time from ``cause`` (s) to ``gate``; returns it in ms."""
        milliseconds = round(1000.0 * (gate.stamp - cause), 1)
        line = json.dumps({"fault": fault, "ms": milliseconds})
        print(line, flush=True)
        path = os.environ.get("XDOG_SAFETY_TIMES")
        if path:
            with open(path, "a", encoding="utf-8") as times:
                times.write(line + "\n")
        return milliseconds

    def assert_damped_in_time(self, fault: str, cause: float, reason: str) -> None:
        """The gate damps within the limit after ``cause`` (s), and gives the reason."""
        gate = self.first_damping(cause)
        milliseconds = self.record(fault, cause, gate)
        self.assertIn(reason, gate.reason)
        self.assertLessEqual(milliseconds, LIMIT_MS)
        self.wait_for_legs(LocomotionState.DAMPED)

    def assert_latched(self, level: int, reason: str) -> None:
        """The supervisor keeps a stop and its reason after the cause has gone."""
        graph = self.graph
        graph.wait_until(lambda: self.safety.level == level, 1.0, f"level {level}")
        graph.require("fault", "none", "", 0.0)
        graph.pass_time(0.5)
        self.assertEqual(self.safety.level, level)
        self.assertFalse(self.safety.motion_allowed)
        self.assertIn(reason, "; ".join(self.safety.reasons))

    def provoke(self, fault: str, joint: str, value: float, shows: Callable[[LegState], bool]) -> float:
        """Inject a hardware fault; returns the stamp (s) of the first legs/state that shows it."""
        since = self.graph.now
        self.graph.require("fault", fault, joint, value)
        return self.first_state(since, shows, fault)
