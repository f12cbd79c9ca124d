"""simulated_wrist_camera: pictures of the camera on the gripper, from what the sim bridge says of robot and objects."""

import math
import sys
import threading
from collections import deque
from typing import Any, Deque, Dict, Optional, Tuple

import numpy as np
import rospy
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Time

from xdog.core.description import DescriptionError, RobotDescription, load_description
from xdog.msg import Detection3DArray
from xdog.nodes.common import conversions
from xdog.nodes.common.start import POLL, ending, start_node
from xdog_sim.grasp.config import GraspConfigError, load_grasp_scenarios
from xdog_sim.scene import EMPTY, SceneError, load_scene
from xdog_sim.wrist_view import BodyPlacement, WristView

KEPT = 50
"""Messages of a topic that wait for those of the others."""
Instant = Tuple[Odometry, JointState, Detection3DArray]


class WristCamera:
    """Joins what is said of the same instant, and renders it while somebody listens.

    It takes part in lockstep: by ``lockstep/done`` the mirror knows what it has looked at, and waits for it. `run`
    belongs to the main thread, as OpenGL wants one.

    Args:
        robot: its description.
        view: of the scene that the bridge simulates.
        period: s between two pictures.
    """

    def __init__(self, robot: RobotDescription, view: WristView, period: float) -> None:
        self._frame, self._view, self._period = robot.frames["wrist_camera"], view, period
        self._taken = -math.inf
        self._news = threading.Condition()
        self._kept: Dict[str, Deque[Any]] = {}
        self._image = rospy.Publisher("wrist_camera/image_raw", Image, queue_size=1, tcp_nodelay=True)
        self._done = rospy.Publisher("lockstep/done", Time, queue_size=1, tcp_nodelay=True)
        for topic, kind in (
            ("ground_truth/odom", Odometry),
            ("joint_states", JointState),
            ("ground_truth/objects", Detection3DArray),
        ):
            self._kept[topic] = deque(maxlen=KEPT)
            rospy.Subscriber(topic, kind, self._on_message, topic, queue_size=KEPT, tcp_nodelay=True)

    def run(self) -> None:
        """Take pictures until the node is told to end."""
        while not ending():
            with self._news:
                self._news.wait_for(lambda: self._joined() is not None, POLL)
                instant = self._joined()
            if instant is not None:
                self._look(*instant)

    def _on_message(self, message: Any, topic: str) -> None:
        with self._news:
            self._kept[topic].append(message)
            self._news.notify_all()

    def _joined(self) -> Optional[Instant]:
        """The newest instant of which all topics have told, None before; what is older is forgotten."""
        stamps = [{message.header.stamp for message in kept} for kept in self._kept.values()]
        common = set.intersection(*stamps)
        if not common:
            return None
        newest = max(common)
        instant = [next(m for m in kept if m.header.stamp == newest) for kept in self._kept.values()]
        return instant[0], instant[1], instant[2]

    def _look(self, odometry: Odometry, joints: JointState, objects: Detection3DArray) -> None:
        stamp = odometry.header.stamp
        now = conversions.to_seconds(stamp)
        if now - self._taken >= self._period - 1e-6 and self._image.get_num_connections():
            self._taken = now
            things = [_place(detection.results[0].pose.pose) for detection in objects.detections]
            self._view.show(dict(zip(joints.name, joints.position)), _place(odometry.pose.pose), things)
            self._image.publish(conversions.image_message(self._view.picture(), now, self._frame))
        with self._news:
            for kept in self._kept.values():
                while kept and kept[0].header.stamp <= stamp:
                    kept.popleft()
        self._done.publish(Time(stamp))


def _place(pose: Any) -> BodyPlacement:
    p, q = pose.position, pose.orientation
    return BodyPlacement(np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w]))


def main() -> None:
    """Run the node. Parameter: ~scene, as the bridge's."""
    start_node("simulated_wrist_camera")
    try:
        robot, config = load_description(), load_grasp_scenarios()
        view = WristView(robot, load_scene(str(rospy.get_param("~scene", EMPTY))))
    except (DescriptionError, GraspConfigError, SceneError, OSError) as error:
        rospy.logfatal(str(error))
        sys.exit(1)
    WristCamera(robot, view, config.policy_period).run()
