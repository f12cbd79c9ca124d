"""simulated_detector: publishes the sim bridge's true objects on detections_3d, with an error, a delay and gaps."""

import threading
from collections import deque
from typing import Deque, List

import numpy as np
import rospy
from nav_msgs.msg import Odometry

from xdog.core.config_file import is_number
from xdog.core.description import RobotDescription, load_description
from xdog.core.rotations import quaternion_matrix
from xdog.msg import Detection3DArray, VisionInfo
from xdog.nodes.common import conversions
from xdog.nodes.common.callbacks import subscribe
from xdog.nodes.common.lockstep import LockstepClient
from xdog.nodes.common.run import run
from xdog_sim.detections import DetectorNoise, ObjectPose, SimulatedDetector
from xdog_sim.grasp.config import load_grasp_scenarios
from xdog_sim.nodes.common.buffers import append_in_order
from xdog_sim.nodes.common.conversions import detections_message, seen_objects
from xdog_sim.scene import class_names

LABELS = "vision/labels"
"""The parameter that maps class ids to labels."""
SCORE = 0.9
"""Score of every simulated detection."""
POSES_KEPT = 50
"""Poses of base_link kept until their objects arrive."""


class DetectorNode:
    """Joins true objects with the true pose of base_link at the same instant. Takes part in lockstep."""

    def __init__(self, robot: RobotDescription, detector: SimulatedDetector) -> None:
        self._frame, self._detector = robot.frames["base"], detector
        self._lock = threading.Lock()
        self._poses: Deque[Odometry] = deque(maxlen=POSES_KEPT)
        self._waiting: Deque[Detection3DArray] = deque(maxlen=POSES_KEPT)
        rospy.set_param(LABELS, {str(i): label for i, label in enumerate(class_names())})
        self._info = rospy.Publisher("vision_info", VisionInfo, queue_size=1, latch=True)
        self._info.publish(VisionInfo(method="simulated", database_location=rospy.resolve_name(LABELS)))
        self._detections = rospy.Publisher("detections_3d", Detection3DArray, queue_size=1, tcp_nodelay=True)
        self._lockstep = LockstepClient()
        subscribe("ground_truth/odom", Odometry, self._on_pose, queue_size=POSES_KEPT)
        subscribe("ground_truth/objects", Detection3DArray, self._on_objects, queue_size=POSES_KEPT)

    def _on_pose(self, message: Odometry) -> None:
        with self._lock:
            append_in_order(self._poses, message)
            self._join()

    def _on_objects(self, message: Detection3DArray) -> None:
        with self._lock:
            append_in_order(self._waiting, message)
            self._join()

    def _join(self) -> None:
        """Detect in every message whose pose has arrived, in order; the caller holds the lock.

        A message whose pose was missed, as at the start, must not block those after it.
        """
        while self._waiting and self._poses:
            stamp = self._waiting[0].header.stamp
            if stamp > self._poses[-1].header.stamp:
                return
            message = self._waiting.popleft()
            pose = next((pose for pose in self._poses if pose.header.stamp == stamp), None)
            if pose is not None:
                self._detect(conversions.to_seconds(stamp), seen_objects(message), pose)

    def _detect(self, now: float, objects: List[ObjectPose], pose: Odometry) -> None:
        p, q = pose.pose.pose.position, pose.pose.pose.orientation
        origin, turn = np.array([p.x, p.y, p.z]), quaternion_matrix(np.array([q.x, q.y, q.z, q.w]))
        in_base = [ObjectPose(o.kind, turn.T @ (o.position - origin), turn.T @ o.rotation, o.size) for o in objects]
        for taken, shown in self._detector.detect(now, in_base):
            self._detections.publish(detections_message(shown, taken, self._frame, SCORE))
        self._lockstep.done(now)


def build() -> DetectorNode:
    """The node, from its configuration files and parameters."""
    noise = DetectorNoise(
        bias=number("~bias", load_grasp_scenarios().perception.position_error),
        noise=number("~noise", 0.0),
        delay=number("~delay", 0.0),
        dropout=number("~dropout", 0.0),
        field_of_view=bool(rospy.get_param("~field_of_view", False)),
    )
    rate, seed = number("~rate", 15.0), rospy.get_param("~seed", 0)
    if not 0.0 < rate <= 50.0:
        raise ValueError(f"~rate is {rate:g} Hz; it must lie in 0..50")
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"~seed is {seed!r}; it must be a whole number, zero or above")
    robot = load_description()
    return DetectorNode(robot, SimulatedDetector(robot, noise, 1.0 / rate, seed))


def number(name: str, default: float) -> float:
    """A parameter that must be a number.

    Raises:
        ValueError: it is not a number.
    """
    value = rospy.get_param(name, default)
    if not is_number(value):
        raise ValueError(f"{name} is {value!r}; it must be a number")
    return float(value)


def main() -> None:
    """Run the node. Parameters: ~rate, ~bias, ~noise, ~delay, ~dropout, ~field_of_view, ~seed; see `DetectorNoise`."""
    run("simulated_detector", build)
