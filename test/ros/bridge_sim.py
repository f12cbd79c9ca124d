#!/usr/bin/env python3
"""The bridge in a graph: rates, names, damping, faults, and what only the simulation can do."""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import threading
import unittest
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np
import rospy
import rostest
from diagnostic_msgs.msg import DiagnosticArray
from harness import Graph
from nav_msgs.msg import Odometry
from sensor_msgs.msg import BatteryState, Imu, JointState
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from xdog.core.description import load_description
from xdog.core.interfaces import LegsTarget
from xdog.msg import ArmState, LegCommand, LegState, SafetyState
from xdog.nodes.common import conversions

ROBOT = load_description()
STAND = ROBOT.legs.poses["stand"]
KNEE = "front_left_knee_joint"
GAINS = ROBOT.leg_gains["stand"]
CONTROL_PERIOD = 20_000_000
"""ns"""
HEARTBEAT_PERIOD = 50_000_000
"""ns"""
RAISED = {"shoulder_lift": -1.0, "elbow_flex": 1.0, "wrist_flex": 0.8, "wrist_roll": 0.3, "gripper": 0.5}
"""rad. An arm that meets nothing, whichever way it is turned."""


class Controllers:
    """Locomotion and supervisor in one: answer every control period's state, and beat.

    Attributes:
        position: leg targets, rad, in the description's order; None answers nothing.
        reverse: name the joints from the last to the first.
    """

    def __init__(self) -> None:
        self.position: Optional[np.ndarray] = STAND
        self.reverse = False
        self._beats = -1
        self._commands = rospy.Publisher("legs/command", LegCommand, queue_size=1, tcp_nodelay=True)
        self._safety = rospy.Publisher("safety/state", SafetyState, queue_size=1, tcp_nodelay=True)
        rospy.Subscriber("legs/state", LegState, self._on_state, queue_size=50, tcp_nodelay=True)

    def _on_state(self, state: LegState) -> None:
        now = state.header.stamp.to_nsec()
        if now // HEARTBEAT_PERIOD != self._beats:
            self._beats = now // HEARTBEAT_PERIOD
            beat = SafetyState(level=SafetyState.OK, motion_allowed=True)
            beat.header.stamp = state.header.stamp
            self._safety.publish(beat)
        position = self.position
        if now % CONTROL_PERIOD == 0 and position is not None:
            zero = np.zeros(12)
            target = LegsTarget(position, zero, zero, zero + GAINS.kp, zero + GAINS.kd)
            message = conversions.leg_command_message(target, ROBOT, state.header.stamp.to_sec())
            if self.reverse:
                message.name, message.position = message.name[::-1], message.position[::-1]
            self._commands.publish(message)


class ArmSender:
    """Answers every control period's joint_states with an arm/command until it dies.

    Attributes:
        pan: the wanted angle of shoulder_pan, all other joints as in `goal`, rad; None wants nothing.
        strays: also a command that wants ``pan`` comes in between, its stamp so many s later than that of its answer.
        last: stamp of the last answer, s.
    """

    def __init__(self, goal: Mapping[str, float]) -> None:
        self.goal = dict(goal)
        self.pan: Optional[float] = None
        self.strays: Optional[float] = None
        self.last = 0.0
        self._alive, self._lock = True, threading.Lock()
        self._publisher = rospy.Publisher("arm/command", JointTrajectory, queue_size=5, tcp_nodelay=True)
        self._subscriber = rospy.Subscriber(
            "joint_states", JointState, self._on_joints, queue_size=50, tcp_nodelay=True
        )

    def _on_joints(self, state: JointState) -> None:
        due, stamp = state.header.stamp.to_nsec() % CONTROL_PERIOD == 0, state.header.stamp.to_sec()
        with self._lock:
            if self._alive and due:
                self._send(stamp, None if self.strays else self.pan)
                self.last = stamp
            elif self._alive and self.strays is not None:
                self._send(stamp + self.strays, self.pan)

    def _send(self, stamp: float, pan: Optional[float]) -> None:
        message = JointTrajectory()
        message.header.stamp = rospy.Time.from_sec(stamp)
        if pan is not None:
            goal = {**self.goal, "shoulder_pan": pan}
            message.joint_names, message.points = list(goal), [JointTrajectoryPoint(positions=list(goal.values()))]
        self._publisher.publish(message)

    def die(self) -> None:
        """Stop publishing."""
        with self._lock:
            self._alive = False
        self._subscriber.unregister()
        self._publisher.unregister()


class Stamps:
    """When the messages of some topics were stamped, ns."""

    def __init__(self, topics: Dict[str, type]) -> None:
        self._lock = threading.Lock()
        self._stamps: Dict[str, List[int]] = {topic: [] for topic in topics}
        for topic, kind in topics.items():
            rospy.Subscriber(topic, kind, self._on_message, callback_args=topic, queue_size=500, tcp_nodelay=True)

    def _on_message(self, message: Any, topic: str) -> None:
        with self._lock:
            self._stamps[topic].append(message.header.stamp.to_nsec())

    def count(self, topic: str) -> int:
        with self._lock:
            return len(self._stamps[topic])

    def gaps(self, topic: str) -> List[int]:
        """The different times between two messages, us."""
        with self._lock:
            return sorted({round(gap / 1000) for gap in np.diff(self._stamps[topic])})


class BridgeSim(unittest.TestCase):
    graph: Graph
    controllers: Controllers

    @classmethod
    def setUpClass(cls) -> None:
        topics = {"battery": BatteryState, "joint_states": JointState, "arm/state": ArmState}
        cls.graph = Graph({**topics, "/diagnostics": DiagnosticArray})
        cls.graph.wait_until(lambda: "legs/state" in cls.graph.latest, 10.0, "the first legs/state")
        first = cls.graph.latest["legs/state"]
        assert first.gate == LegState.DAMPING, "the bridge moves without a command"
        cls.controllers = Controllers()
        wanted = {"battery", "joint_states", "/diagnostics", "ground_truth/odom"}
        cls.graph.wait_until(lambda: wanted <= set(cls.graph.latest), 5.0, "the first of every message")

    def setUp(self) -> None:
        self.graph.require("fault", "none", "", 0.0)
        self.controllers.position, self.controllers.reverse = STAND, False
        self.graph.require("reset", "stand", 0.0, 0.0, 0.0)
        self.graph.pass_time(0.02)  # what was measured before the reset is over
        self.graph.wait_until(lambda: self.legs.gate == LegState.ACTIVE, 2.0, "the gate opens")

    @property
    def legs(self) -> LegState:
        return self.graph.latest["legs/state"]

    def angle(self, joint: str) -> float:
        state = self.graph.latest["joint_states"]
        return float(state.position[state.name.index(joint)])

    @contextmanager
    def truths(self, shows: Callable[[Odometry], bool]) -> Iterator[List[Odometry]]:
        """Every true pose from now on that shows something, if for a moment only: `wait_until` may miss a moment."""
        found: List[Odometry] = []

        def record(truth: Odometry) -> None:
            if shows(truth):
                found.append(truth)

        listener = rospy.Subscriber("ground_truth/odom", Odometry, record, queue_size=100, tcp_nodelay=True)
        try:
            yield found
        finally:
            listener.unregister()

    def test_rates(self) -> None:
        stamps = Stamps(
            {
                "legs/state": LegState,
                "imu/data": Imu,
                "joint_states": JointState,
                "ground_truth/odom": Odometry,
                "battery": BatteryState,
            }
        )
        periods = {
            "legs/state": 5_000,
            "imu/data": 5_000,
            "joint_states": 10_000,
            "ground_truth/odom": 10_000,
            "battery": 1_000_000,
        }
        for topic, period in periods.items():
            enough = 2_000_000 / period + 1
            self.graph.wait_until(lambda t=topic, n=enough: stamps.count(t) > n, 10.0, f"messages of {topic}")
            self.assertEqual(stamps.gaps(topic), [period], topic)

    def test_every_joint_has_its_name(self) -> None:
        self.assertEqual(list(self.legs.name), list(ROBOT.legs.names))
        self.assertEqual(list(self.legs.foot), list(ROBOT.feet))
        state = self.graph.latest["joint_states"]
        self.assertEqual(sorted(state.name), sorted(ROBOT.legs.names + ROBOT.arm.names))
        self.assertEqual(len(state.position), 18)

    def test_commands_go_by_name(self) -> None:
        wanted = STAND.copy()
        knee = ROBOT.legs.names.index(KNEE)
        wanted[knee] += 0.5
        self.controllers.position, self.controllers.reverse = wanted, True
        self.graph.wait_until(lambda: self.angle(KNEE) > STAND[knee] + 0.3, 2.0, "the knee bends")
        others = [name for name in ROBOT.legs.names if name != KNEE]
        for name in others:
            self.assertAlmostEqual(self.angle(name), STAND[ROBOT.legs.names.index(name)], delta=0.25, msg=name)

    def test_silent_controller_is_given_up_and_the_legs_are_damped(self) -> None:
        self.controllers.position = None
        self.graph.wait_until(lambda: self.legs.gate == LegState.DAMPING, 2.0, "damping")
        self.assertIn("legs/command is missing", self.legs.gate_reason)
        self.graph.wait_until(
            lambda: any("continues without: legs/command" in line for line in self.graph.log), 2.0, "the warning"
        )
        self.graph.wait_until(lambda: self.graph.latest["ground_truth/odom"].pose.pose.position.z < 0.15, 5.0, "down")

    def test_reset_moves_the_robot_and_not_the_clock(self) -> None:
        before = self.graph.now
        with self.truths(lambda truth: truth.pose.pose.position.x > 0.5) as there:
            self.graph.require("reset", "lie", 1.0, -2.0, 1.57)
            after = self.graph.now  # time goes on while the call is under way
            self.graph.wait_until(lambda: there, 0.5, "the robot is elsewhere")
        moved = there[0].header.stamp.to_sec()
        self.assertGreater(moved, before)
        self.assertLess(moved, after + 0.5)
        pose = there[0].pose.pose
        self.assertAlmostEqual(pose.position.x, 1.0, delta=0.1)
        self.assertAlmostEqual(pose.position.y, -2.0, delta=0.1)
        self.assertAlmostEqual(pose.orientation.z, np.sin(0.785), delta=0.05)
        refused = self.graph.call("reset", "sit", 0.0, 0.0, 0.0)
        self.assertFalse(refused.success)
        self.assertIn("unknown pose 'sit'", refused.message)

    def test_push_moves_the_truth(self) -> None:
        def speed() -> float:
            return float(self.graph.latest["ground_truth/odom"].twist.twist.linear.x)

        self.graph.pass_time(1.0)
        self.graph.wait_until(lambda: abs(speed()) < 0.05, 2.0, "the robot rests")
        start = self.graph.latest["ground_truth/odom"].pose.pose.position.x
        with self.truths(lambda truth: truth.twist.twist.linear.x > 0.4) as fast:
            self.graph.push(0.8, 0.0)
            self.graph.wait_until(lambda: fast, 0.2, "the push shows in the velocity")
        self.graph.wait_until(
            lambda: self.graph.latest["ground_truth/odom"].pose.pose.position.x > start + 0.01, 0.5, "and in the place"
        )

    def test_faults_show(self) -> None:
        graph = self.graph
        graph.require("fault", "imu_stale", "", 0.0)
        graph.require("fault", "joint_offline", KNEE, 0.0)
        graph.require("fault", "over_temperature", KNEE, 81.0)
        graph.require("fault", "battery_voltage", "", 21.5)
        graph.pass_time(0.2)
        knee = ROBOT.legs.names.index(KNEE)
        self.assertGreater((self.legs.header.stamp - self.legs.imu_stamp).to_sec(), 0.15)
        self.assertEqual([i for i, online in enumerate(self.legs.online) if not online], [knee])
        self.assertEqual(self.legs.temperature[knee], 81.0)
        graph.wait_until(lambda: abs(graph.latest["battery"].voltage - 21.5) < 0.01, 2.0, "the battery's fault")
        graph.wait_until(lambda: self.diagnosis("legs").endswith(f"offline: {KNEE}"), 2.0, "diagnostics")
        refused = graph.call("fault", "gremlins", "", 0.0)
        self.assertFalse(refused.success)
        self.assertIn("unknown fault 'gremlins'", refused.message)

    def diagnosis(self, part: str) -> str:
        for status in self.graph.latest["/diagnostics"].status:
            if status.name == f"sim_bridge: {part}":
                return str(status.message)
        return ""

    def test_states_stop_but_the_clock_goes_on(self) -> None:
        self.graph.require("fault", "states_stop", "", 0.0)
        last = self.legs.header.stamp.to_sec()
        self.graph.pass_time(0.5)
        self.assertLess(self.legs.header.stamp.to_sec(), last + 0.05)
        self.graph.require("fault", "none", "", 0.0)
        self.graph.wait_until(lambda: self.legs.header.stamp.to_sec() > last + 0.4, 1.0, "legs/state comes back")
        self.graph.wait_until(lambda: self.legs.gate == LegState.ACTIVE, 1.0, "the gate opens again")

    def send_arm(self, pan: Optional[float] = None) -> ArmSender:
        """A sender of arm/command that lives until the test ends, received even after the gate assumes a stop."""
        self.graph.pass_time(0.55)
        sender = ArmSender(RAISED)
        sender.pan = pan
        self.addCleanup(sender.die)
        return sender

    @property
    def arm(self) -> ArmState:
        return self.graph.latest["arm/state"]

    def test_arm_goes_where_it_is_sent_and_lets_go(self) -> None:
        sender = self.send_arm(0.5)
        goal = {**RAISED, "shoulder_pan": 0.5}
        self.graph.wait_until(
            lambda: all(abs(self.angle(name) - value) < 0.05 for name, value in goal.items()), 5.0, "the arm arrives"
        )
        sender.pan = None
        torque = rospy.ServiceProxy("set_torque", SetBool)
        self.assertTrue(torque(False).success)
        self.graph.wait_until(lambda: self.angle("elbow_flex") > 1.4, 5.0, "the forearm without torque sinks")
        self.assertTrue(torque(True).success)
        sunk = self.angle("elbow_flex")
        self.graph.pass_time(1.0)
        self.assertAlmostEqual(self.angle("elbow_flex"), sunk, delta=0.2)

    def test_arm_commands_of_another_time_move_nothing(self) -> None:
        sender = self.send_arm(0.3)
        self.graph.wait_until(lambda: abs(self.angle("shoulder_pan") - 0.3) < 0.03, 5.0, "the arm arrives")
        for late, text in ((-0.3, "s old (limit 0.15 s)"), (0.3, "s ahead of time (limit 0.15 s)")):
            sender.pan, sender.strays = 1.0, late
            self.graph.wait_until(lambda text=text: text in self.diagnosis("arm"), 5.0, f"refused: {text}")
            self.assertAlmostEqual(self.angle("shoulder_pan"), 0.3, delta=0.05)
            self.assertEqual((self.arm.gate, self.arm.gate_reason), (ArmState.ACTIVE, ""))

    def test_arm_stops_when_its_sender_dies_and_a_new_one_moves_it_on(self) -> None:
        first = self.send_arm(0.0)
        self.graph.wait_until(lambda: abs(self.angle("elbow_flex") - 1.0) < 0.05, 5.0, "the arm arrives")
        trace: List[Tuple[float, float]] = []

        def note(state: JointState) -> None:
            trace.append((state.header.stamp.to_sec(), state.position[state.name.index("shoulder_pan")]))

        listener = rospy.Subscriber("joint_states", JointState, note, queue_size=100, tcp_nodelay=True)
        first.pan = 1.5  # far: half a second's way, where a controller's steps are 0.05 rad
        self.graph.wait_until(lambda: self.angle("shoulder_pan") > 0.3, 2.0, "the arm moves")
        first.die()
        self.graph.wait_until(lambda: "arm/command is missing" in self.arm.gate_reason, 1.0, "the gate's reason")
        self.graph.pass_time(2.0)
        listener.unregister()
        self.assertEqual((self.arm.gate, self.arm.strength), (ArmState.HOLDING, 1.0))
        at_death = next(angle for stamp, angle in trace if stamp >= first.last)
        end = trace[-1][1]
        stopped = next(stamp for stamp, angle in trace if all(abs(a - end) < 0.03 for s, a in trace if s >= stamp))
        print(f"stopped {1e3 * (stopped - first.last):.0f} ms after the last command, {end - at_death:.2f} rad further")
        self.assertLess(stopped - first.last, 0.3)  # 0.15 s of the gate, and the servos lag
        self.assertLess(end - at_death, 0.9)  # 0.15 s at 3 rad/s, and what they lagged behind
        second = self.send_arm()
        self.graph.wait_until(lambda: not self.arm.gate_reason, 1.0, "a sender at rest lifts it")
        self.graph.pass_time(0.5)
        self.assertAlmostEqual(self.angle("shoulder_pan"), end, delta=0.03)
        second.pan = 0.0
        self.graph.wait_until(lambda: abs(self.angle("shoulder_pan")) < 0.05, 2.0, "it goes on")


if __name__ == "__main__":
    rospy.init_node("bridge_sim")
    rostest.rosrun("xdog", "bridge_sim", BridgeSim)
