"""simulated_wrist_camera: renders the images of the camera on the gripper, from the sim bridge's robot and objects."""

import threading
from collections import deque
from typing import Any, Deque, Dict, Optional, Tuple

import numpy as np
import rospy
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, JointState

from xdog.core.description import RobotDescription, load_description
from xdog.core.paths import user_path
from xdog.core.timers import PeriodFilter
from xdog.msg import Detection3DArray
from xdog.nodes.common import conversions
from xdog.nodes.common.callbacks import is_ending, subscribe
from xdog.nodes.common.lockstep import LockstepClient
from xdog.nodes.common.run import POLL, run
from xdog_sim.grasp.config import load_grasp_scenarios
from xdog_sim.nodes.common.buffers import append_in_order
from xdog_sim.scene import EMPTY, load_scene
from xdog_sim.wrist_view import BodyPlacement, WristView

KEPT = 50
"""Messages kept of each topic until those of the others arrive."""
Instant = Tuple[Odometry, JointState, Detection3DArray]


class WristCamera:
    """Joins messages of the same instant and renders them while there are subscribers. Takes part in lockstep.

    `run` belongs to the main thread: OpenGL must stay in one.

    Args:
        robot: its description.
        view: of the scene that the bridge simulates.
        period: s between two images.
    """

    def __init__(self, robot: RobotDescription, view: WristView, period: float) -> None:
        self._frame, self._view, self._due = robot.frames["wrist_camera"], view, PeriodFilter(period)
        self._news = threading.Condition()
        self._kept: Dict[str, Deque[Any]] = {}
        self._image = rospy.Publisher("wrist_camera/image_raw", Image, queue_size=1, tcp_nodelay=True)
        self._lockstep = LockstepClient()
        for topic, kind in (
            ("ground_truth/odom", Odometry),
            ("joint_states", JointState),
            ("ground_truth/objects", Detection3DArray),
        ):
            self._kept[topic] = deque(maxlen=KEPT)
            subscribe(topic, kind, self._on_message, topic, queue_size=KEPT)

    def run(self) -> None:
        """Render until the node shuts down."""
        while not is_ending():
            with self._news:
                self._news.wait_for(lambda: self._joined() is not None, POLL)
                instant = self._joined()
            if instant is not None:
                self._render(*instant)

    def _on_message(self, message: Any, topic: str) -> None:
        with self._news:
            append_in_order(self._kept[topic], message)
            self._news.notify_all()

    def _joined(self) -> Optional[Instant]:
        """The newest instant with a message of every topic, None if there is none."""
        stamps = [{message.header.stamp for message in kept} for kept in self._kept.values()]
        common = set.intersection(*stamps)
        if not common:
            return None
        newest = max(common)
        instant = [next(m for m in kept if m.header.stamp == newest) for kept in self._kept.values()]
        return instant[0], instant[1], instant[2]

    def _render(self, odometry: Odometry, joints: JointState, objects: Detection3DArray) -> None:
        stamp = odometry.header.stamp
        now = conversions.to_seconds(stamp)
        if self._due.is_first(now) and self._image.get_num_connections():
            bodies = [_place(detection.results[0].pose.pose) for detection in objects.detections]
            self._view.show(dict(zip(joints.name, joints.position)), _place(odometry.pose.pose), bodies)
            self._image.publish(conversions.image_message(self._view.render(), now, self._frame))
        with self._news:
            for kept in self._kept.values():
                while kept and kept[0].header.stamp <= stamp:
                    kept.popleft()
        self._lockstep.done(now)


def _place(pose: Any) -> BodyPlacement:
    p, q = pose.position, pose.orientation
    return BodyPlacement(np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w]))


def build() -> WristCamera:
    """The node, from its configuration files and parameters."""
    robot, config = load_description(), load_grasp_scenarios()
    view = WristView(robot, load_scene(str(rospy.get_param("~scene", EMPTY)), user_path))
    return WristCamera(robot, view, config.policy_period)


def main() -> None:
    """Run the node. Parameter: ~scene, as the bridge's."""
    run("simulated_wrist_camera", build, WristCamera.run)
