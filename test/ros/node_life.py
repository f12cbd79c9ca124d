#!/usr/bin/env python3
"""What every node must survive: a clock that jumps back, and being ended while messages and calls come in."""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import contextlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import xmlrpc.client
from typing import Any, Callable, ClassVar, Dict, List, Tuple

import actionlib
import numpy as np
import rosgraph
import roslib.packages
import rospy
import rostest
from actionlib_msgs.msg import GoalStatus, GoalStatusArray
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Time
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from xdog.core.description import load_description
from xdog.core.interfaces import ArmReading, LegsReading
from xdog.msg import ArmState, Detection3DArray, LegCommand, LegState, PickObjectAction, PickObjectGoal, SafetyState
from xdog.nodes.common import conversions
from xdog.nodes.common.standard_messages import (
    FollowJointTrajectoryAction,
    FollowJointTrajectoryGoal,
    GripperCommandAction,
    GripperCommandGoal,
)
from xdog_sim.nodes.common.conversions import detections_message

ROBOT = load_description()
WALL_LIMIT = 60.0
"""s of wall time for anything to happen."""
STEP = 0.02
"""s of simulated time between two messages of /clock."""


class Program:
    """A node as a program of its own, whose whole output is kept.

    Args:
        node: its name, with a namespace if it is to be in one, where it has a clock of its own, too.
        arguments: of its program.
    """

    def __init__(self, node: str, *arguments: str) -> None:
        self.name = rospy.resolve_name(node)
        namespace, _, program = node.rpartition("/")
        if namespace:
            arguments = (*arguments, f"__ns:={namespace}", f"/clock:=/{namespace}/clock")
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `close`
        command = [roslib.packages.find_node("xdog", program)[0], *arguments]
        self.process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def terminate(self) -> None:
        """As a launch file's end does it."""
        self.process.terminate()

    def shut_down(self) -> None:
        """As rosnode kill does it: nothing interrupts the node's main thread."""
        uri = rosgraph.Master(rospy.get_name()).lookupNode(self.name)
        with contextlib.suppress(OSError):  # it may end before it answers
            xmlrpc.client.ServerProxy(uri).shutdown(rospy.get_name(), "a test")

    def wait(self) -> str:
        """Wait for its end; everything that it has printed."""
        self.process.wait(WALL_LIMIT)
        self._output.seek(0)
        return self._output.read()

    def close(self) -> None:
        """End it the hard way, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.close()


class Inputs:
    """Publishes what a standing dog's nodes subscribe to, all of it with the stamp that it is given."""

    def __init__(self) -> None:
        kinds: Dict[str, type] = {
            "legs/state": LegState,
            "joint_states": JointState,
            "imu/data": Imu,
            "arm/state": ArmState,
            "safety/state": SafetyState,
            "cmd_vel": Twist,
            "ground_truth/odom": Odometry,
            "ground_truth/objects": Detection3DArray,
        }
        self._publishers = {
            topic: rospy.Publisher(topic, kind, queue_size=10, tcp_nodelay=True) for topic, kind in kinds.items()
        }

    def publish(self, stamp: float) -> None:
        zero, level = np.zeros(12), np.array([0.0, 0.0, 0.0, 1.0])
        legs = LegsReading(
            stamp, ROBOT.legs.poses["stand"], zero, zero, zero, zero.astype(int), zero == 0.0, stamp, level,
            np.zeros(3), np.array([0.0, 0.0, 9.81]), np.ones(4, bool),
        )  # fmt: skip
        arm = ArmReading(stamp, np.array(ROBOT.arm.poses["home"]), np.zeros(6), np.zeros(6))
        messages: Dict[str, Any] = {
            "legs/state": conversions.leg_state_message(legs, ROBOT, active=True),
            "joint_states": conversions.joint_state_message(stamp, legs, arm, ROBOT),
            "imu/data": conversions.imu_message(legs, ROBOT),
            "arm/state": ArmState(gate=ArmState.ACTIVE),
            "safety/state": SafetyState(motion_allowed=True),
            "cmd_vel": Twist(),
            "ground_truth/odom": Odometry(),
            "ground_truth/objects": detections_message([], stamp, ROBOT.frames["odom"]),
        }
        for topic in ("arm/state", "safety/state", "ground_truth/odom"):
            messages[topic].header.stamp = conversions.to_time(stamp)
        messages["ground_truth/odom"].pose.pose.orientation.w = 1.0
        for topic, publisher in self._publishers.items():
            publisher.publish(messages[topic])


class NodeLife(unittest.TestCase):
    clock: ClassVar[rospy.Publisher]
    inputs: ClassVar[Inputs]

    @classmethod
    def setUpClass(cls) -> None:
        cls.clock = rospy.Publisher("/clock", Clock, queue_size=100, tcp_nodelay=True)
        cls.inputs = Inputs()

    def setUp(self) -> None:
        self.now = 100.0
        self.news = threading.Condition()
        self.programs: List[Program] = []

    def start(self, node: str, *arguments: str) -> None:
        program = Program(node, *arguments)
        self.addCleanup(program.close)
        self.programs.append(program)

    def tick(self) -> None:
        """Let simulated time go on by a step."""
        self.now += STEP
        self.clock.publish(Clock(rospy.Time.from_sec(self.now)))
        self.inputs.publish(self.now)

    def wait(self, condition: Callable[[], object], what: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Until something is so; ``meanwhile`` is done again and again."""
        end = time.monotonic() + WALL_LIMIT
        while not condition():
            for program in self.programs:
                assert program.process.poll() is None, f"{program.name} has ended: {program.wait()}"
            assert time.monotonic() < end, f"not within {WALL_LIMIT:g} s: {what}"
            meanwhile()
            with self.news:
                self.news.wait(STEP)

    def check_ends(self) -> None:
        """The programs end cleanly on request and print no traceback."""
        for program in self.programs:
            output = program.wait()
            self.assertNotIn("Traceback", output, program.name)
            self.assertEqual(program.process.returncode, 0, f"{program.name}: {output}")

    # Time.

    def test_actions_go_on_after_the_clock_has_jumped_back(self) -> None:
        """Each goal is refused, which is a result like any other; and status goes on."""
        self.start("arm_controller")
        self.start("grasp")
        self.start("twin", "_viewer:=false")
        unknown = FollowJointTrajectoryGoal(trajectory=JointTrajectory(joint_names=["tail"]))
        closed = GripperCommandGoal()
        closed.command.position = -1.0
        actions: Tuple[Tuple[str, type, Any, int], ...] = (
            ("arm_controller/follow_joint_trajectory", FollowJointTrajectoryAction, unknown, GoalStatus.REJECTED),
            ("gripper_controller/gripper_action", GripperCommandAction, closed, GoalStatus.REJECTED),
            ("pick_object", PickObjectAction, PickObjectGoal(afterwards=99), GoalStatus.ABORTED),
            ("twin/arm_controller/follow_joint_trajectory", FollowJointTrajectoryAction, unknown, GoalStatus.ABORTED),
        )
        status: Dict[str, float] = {}
        for name, *_ in actions:
            rospy.Subscriber(f"{name}/status", GoalStatusArray, self.on_status, (status, name))
        clients = [(actionlib.ActionClient(name, kind), name, goal, end) for name, kind, goal, end in actions]
        self.wait(lambda: len(status) == len(actions), "every action publishes its status", self.tick)
        for begin in (self.now, 5.0):
            self.now = begin
            for client, name, goal, end in clients:
                handle = self.send(client, goal, name)
                self.assertEqual(handle.get_goal_status(), end, f"{name}: {handle.get_goal_status_text()}")
                self.assertIsNotNone(handle.get_result(), name)
            done = self.now
            self.wait(lambda done=done: all(done < s < done + 50.0 for s in status.values()), "status", self.tick)
        for program in self.programs:
            program.interrupt()
        self.check_ends()

    def on_status(self, message: GoalStatusArray, place: Tuple[Dict[str, float], str]) -> None:
        with self.news:
            place[0][place[1]] = message.header.stamp.to_sec()
            self.news.notify_all()

    def send(self, client: Any, goal: Any, name: str) -> Any:
        """Send a goal, and wait for its end."""
        self.wait(client.pub_goal.get_num_connections, f"{name} takes goals", self.tick)
        handle = client.send_goal(goal)
        self.wait(lambda: handle.get_comm_state() == actionlib.CommState.DONE, f"{name} gives a result", self.tick)
        return handle

    # Ends.

    def test_nodes_that_are_interrupted_in_the_middle_of_their_work_print_no_traceback(self) -> None:
        self.flood_and_end(Program.interrupt)

    def test_nodes_that_are_terminated_in_the_middle_of_their_work_print_no_traceback(self) -> None:
        self.flood_and_end(Program.terminate)

    def test_nodes_that_are_shut_down_in_the_middle_of_their_work_print_no_traceback(self) -> None:
        self.flood_and_end(Program.shut_down)

    def flood_and_end(self, end: Callable[[Program], None]) -> None:
        """Start nodes, flood them with messages and calls, and end them all while they answer."""
        topics = {
            "locomotion": ("legs/command", LegCommand),
            "odometry": ("odom", Odometry),
            "velocity_mux": ("cmd_vel_safe", Twist),
            "safety_supervisor": ("safety/state", SafetyState),
            "arm_controller": ("arm/command", JointTrajectory),
            "grasp": ("lockstep/done", Time),
            "simulated_detector": ("lockstep/done", Time),
            "alone/sim_bridge": ("alone/joint_states", JointState),
        }
        answers = dict.fromkeys(map(rospy.resolve_name, topics), 0)

        def count(message: Any) -> None:
            with self.news:
                node = message._connection_header["callerid"]
                answers[node] = answers.get(node, 0) + 1

        subscribers = [rospy.Subscriber(topic, kind, count, queue_size=10) for topic, kind in topics.values()]
        for node in topics:
            self.start(node)
        self.wait(lambda: min(answers.values()) > 0, f"all answer: {answers}", self.tick)
        finished = threading.Event()
        threads = [threading.Thread(target=self.flood, args=(finished,))]
        threads += [
            threading.Thread(target=self.call, args=(name, finished)) for name in ("damp", "estop_reset", "stow")
        ]
        for thread in threads:
            thread.start()
        before = dict(answers)
        try:
            self.wait(lambda: all(answers[node] > before[node] + 10 for node in before), "all answer under load")
            for program in self.programs:
                end(program)
            self.check_ends()
        finally:
            finished.set()
            for program in self.programs:
                program.close()  # else a service that goes on would keep its caller waiting
            for thread in threads:
                thread.join()
            for subscriber in subscribers:
                subscriber.unregister()

    def flood(self, finished: threading.Event) -> None:
        while not finished.is_set():
            self.tick()

    @staticmethod
    def call(name: str, finished: threading.Event) -> None:
        while not finished.is_set():
            try:
                rospy.ServiceProxy(name, Trigger)()
            except rospy.ServiceException:
                continue  # it has ended


if __name__ == "__main__":
    rospy.init_node("node_life")
    rostest.rosrun("xdog", "node_life", NodeLife, sys.argv)
