"""Base of the rostests of picking up: a standing dog before each test, requests, and the state of the objects."""

import unittest
from typing import Any, ClassVar, Dict, List, Tuple

import actionlib
import harness
import numpy as np
import rospy
from geometry_msgs.msg import Point
from harness import Graph
from sensor_msgs.msg import JointState

from xdog.core.description import load_description
from xdog.msg import Detection3DArray, LocomotionState, PickObjectAction, PickObjectGoal, PickObjectResult
from xdog.srv import PlaceObject, Pull
from xdog_sim.scene import load_scene

harness.SERVICES.update(place_object=PlaceObject, pull=Pull)
ROBOT = load_description()
ARM = ROBOT.arm
NAMES = [scene_object.name for scene_object in load_scene("tabletop").objects]


class GraspCase(unittest.TestCase):
    """Each test begins with a standing dog, a stowed arm, and every object in its place."""

    nodes: ClassVar[Tuple[str, ...]] = (
        "sim_bridge", "safety_supervisor", "locomotion", "arm_controller", "grasp", "simulated_detector",
    )  # fmt: skip
    topics: ClassVar[Dict[str, type]] = {"joint_states": JointState, "ground_truth/objects": Detection3DArray}
    graph: Graph

    @classmethod
    def setUpClass(cls) -> None:
        cls.graph = graph = Graph(cls.topics)
        cls.client = actionlib.SimpleActionClient("pick_object", PickObjectAction)
        assert cls.client.wait_for_server(rospy.Duration(60)), "there is no server of pick_object"
        rospy.wait_for_service("place_object", timeout=60.0)
        graph.wait_until(lambda: set(cls.topics) <= set(graph.latest), 60.0, f"{', '.join(cls.topics)}")
        for node in cls.nodes:
            graph.eventually(lambda node=node: graph.connected(node), 60.0, lambda node=node: f"{node} not connected")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.graph.close()

    def setUp(self) -> None:
        self.phases: List[str] = []
        self.graph.require("damp")
        self.graph.wait_until(lambda: self.legs == LocomotionState.DAMPED, 2.0, "damped")
        self.graph.require("reset", "lie", 0.0, 0.0, 0.0)
        self.graph.pass_time(0.1)  # until all nodes have seen the legs jump
        self.graph.expect("estop_reset", 8.0)
        self.graph.expect("stand", 2.0)  # locomotion may receive the permission later than the caller of the reset
        self.graph.wait_until(lambda: self.legs == LocomotionState.STANDING, 8.0, "the dog stands")
        self.graph.pass_time(0.1)  # until all nodes have received it

    @property
    def legs(self) -> int:
        return self.graph.latest["locomotion/state"].state

    @property
    def arm(self) -> np.ndarray:
        message = self.graph.latest["joint_states"]
        return np.array(message.position)[ARM.indices(message.name)]

    def where(self, name: str) -> Point:
        """Centre of an object in odom, m."""
        return self.graph.latest["ground_truth/objects"].detections[NAMES.index(name)].bbox.center.position

    def height(self, name: str) -> float:
        """Height of an object's centre, m."""
        return self.where(name).z

    def place(self, name: str, x: float, y: float, z: float = 0.0) -> None:
        self.graph.require("place_object", name, Point(x, y, z), 0.0)

    def ask(self, label: str, afterwards: int = PickObjectGoal.HOLD) -> None:
        def feedback(message: Any) -> None:
            self.phases.append(message.phase)

        self.client.send_goal(PickObjectGoal(label=label, afterwards=afterwards), feedback_cb=feedback)

    def result(self, timeout: float = 60.0) -> PickObjectResult:
        self.graph.wait_until(
            lambda: self.client.simple_state == actionlib.SimpleGoalState.DONE, timeout, "pick_object ends"
        )
        return self.client.get_result()

    def wait_for_motion(self) -> None:
        """Wait until the policy has moved the arm away from its start."""
        start = self.arm
        self.graph.wait_until(lambda: "approach" in self.phases, 15.0, "the approach")
        self.graph.wait_until(lambda: np.max(np.abs(self.arm - start)) > 0.3, 5.0, "the arm moves")

    def assert_still(self, seconds: float = 1.5) -> None:
        """The arm stays where it is after it has braked and settled for 0.5 s."""
        self.graph.pass_time(0.5)
        before = self.arm
        self.graph.pass_time(seconds)
        self.assertLess(np.max(np.abs(self.arm - before)), 0.03)  # noqa: PT009 - unittest shows the value
