"""simulated_detector: says on detections_3d what the sim bridge knows, with an error, a delay and gaps."""

import sys
import threading
from collections import deque
from typing import Deque, List

import numpy as np
import rospy
from nav_msgs.msg import Odometry
from std_msgs.msg import Time

from xdog.core.description import DescriptionError, RobotDescription, load_description
from xdog.core.rotations import quaternion_matrix
from xdog.msg import Detection3DArray, VisionInfo
from xdog.nodes.common import conversions
from xdog.nodes.common.start import spin, start_node
from xdog_sim.detections import DetectorNoise, ObjectPose, SimulatedDetector
from xdog_sim.nodes.common.conversions import detections_message, seen_objects
from xdog_sim.scene import class_names

LABELS = "vision/labels"
"""The parameter that maps class ids to labels."""
SCORE = 0.9
"""Of every simulated detection."""
POSES_KEPT = 50
"""Poses of base_link that wait for their objects."""


class DetectorNode:
    """Joins true objects with the true pose of base_link at the same instant.

    It takes part in lockstep: by ``lockstep/done`` the mirror knows what it has looked at, and waits for it.
    """

    def __init__(self, robot: RobotDescription, eyes: SimulatedDetector) -> None:
        self._frame, self._eyes = robot.frames["base"], eyes
        self._lock = threading.Lock()
        self._poses: Deque[Odometry] = deque(maxlen=POSES_KEPT)
        self._waiting: Deque[Detection3DArray] = deque(maxlen=POSES_KEPT)
        rospy.set_param(LABELS, {str(i): label for i, label in enumerate(class_names())})
        self._info = rospy.Publisher("vision_info", VisionInfo, queue_size=1, latch=True)
        self._info.publish(VisionInfo(method="simulated", database_location=rospy.resolve_name(LABELS)))
        self._detections = rospy.Publisher("detections_3d", Detection3DArray, queue_size=1, tcp_nodelay=True)
        self._done = rospy.Publisher("lockstep/done", Time, queue_size=1, tcp_nodelay=True)
        rospy.Subscriber("ground_truth/odom", Odometry, self._on_pose, queue_size=POSES_KEPT, tcp_nodelay=True)
        rospy.Subscriber(
            "ground_truth/objects", Detection3DArray, self._on_objects, queue_size=POSES_KEPT, tcp_nodelay=True
        )

    def _on_pose(self, message: Odometry) -> None:
        with self._lock:
            self._poses.append(message)
            self._join()

    def _on_objects(self, message: Detection3DArray) -> None:
        with self._lock:
            self._waiting.append(message)
            self._join()

    def _join(self) -> None:
        """Look at every message whose pose has come, in order; the caller holds the lock.

        One whose pose was missed, as at the start, must not keep those after it waiting.
        """
        while self._waiting and self._poses:
            stamp = self._waiting[0].header.stamp
            if stamp > self._poses[-1].header.stamp:
                return
            message = self._waiting.popleft()
            pose = next((pose for pose in self._poses if pose.header.stamp == stamp), None)
            if pose is not None:
                self._look(conversions.to_seconds(stamp), seen_objects(message), pose)

    def _look(self, now: float, objects: List[ObjectPose], pose: Odometry) -> None:
        p, q = pose.pose.pose.position, pose.pose.pose.orientation
        origin, turn = np.array([p.x, p.y, p.z]), quaternion_matrix(np.array([q.x, q.y, q.z, q.w]))
        in_base = [ObjectPose(o.kind, turn.T @ (o.position - origin), turn.T @ o.rotation, o.size) for o in objects]
        for taken, shown in self._eyes.look(now, in_base):
            self._detections.publish(detections_message(shown, taken, self._frame, SCORE))
        self._done.publish(Time(conversions.to_time(now)))


def main() -> None:
    """Run the node. Parameters: ~rate, ~bias, ~noise, ~delay, ~dropout, ~field_of_view, ~seed; see `DetectorNoise`."""
    start_node("simulated_detector")
    try:
        flaws = DetectorNoise(
            bias=float(rospy.get_param("~bias", 0.0)),
            noise=float(rospy.get_param("~noise", 0.0)),
            delay=float(rospy.get_param("~delay", 0.0)),
            dropout=float(rospy.get_param("~dropout", 0.0)),
            field_of_view=bool(rospy.get_param("~field_of_view", False)),
        )
        rate, seed = float(rospy.get_param("~rate", 15.0)), int(rospy.get_param("~seed", 0))
        if not (0.0 < rate <= 50.0 and seed >= 0):
            raise ValueError(f"~rate is {rate!r} Hz, ~seed {seed!r}; they must lie in 0..50 and be zero or above")
        robot = load_description()
        eyes = SimulatedDetector(robot, flaws, 1.0 / rate, seed)
    except (DescriptionError, TypeError, ValueError, OSError) as error:
        rospy.logfatal(str(error))
        sys.exit(1)
    DetectorNode(robot, eyes)
    spin()
