"""What the running graph shows: the object among the detections, gravity from the IMU, the wrist's newest picture."""

from typing import Dict, Optional, Tuple

import numpy as np
import rospy
from sensor_msgs.msg import Image, Imu

from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import RobotDescription
from xdog.core.onnx_session import PolicyError
from xdog.core.rotations import imu_mount, quaternion_matrix, rotation_matrix
from xdog.grasp.observation import object_token
from xdog.grasp.policy import shrink_image
from xdog.nodes.common import conversions
from xdog.nodes.common import wrist_camera as wrist_eye
from xdog.nodes.common.lockstep import LockstepClient
from xdog.nodes.common.master import NoAnswerError, get_param
from xdog.nodes.common.standard_messages import Detection3D, Detection3DArray, VisionInfo
from xdog_learning.nodes.arm_link import ArmLinkError

Array = np.ndarray

FRESH = 1.0
"""s after which a detection is too old to begin a take with."""


class PerceptionListener:
    """Listens to detections_3d, vision_info, imu/data and, if asked for, wrist_camera/image_raw.

    Args:
        robot: its description.
        label: class of the object; empty for the nearest to the arm.
        image_size: (height, width) that pictures are squeezed to; None for no pictures.
        guest: by which a mirror in lockstep waits for the pictures.
    """

    def __init__(
        self, robot: RobotDescription, label: str, image_size: Optional[Tuple[int, int]], guest: LockstepClient
    ) -> None:
        self._robot, self._label, self._image_size, self._guest = robot, label, image_size, guest
        base = ArmKinematics(robot).base
        joint = next(joint for joint in robot.joints.values() if joint.child == base)
        self._mount_xyz, self._mount_rotation = np.array(joint.xyz), rotation_matrix(*joint.rpy)
        self._imu_mount = imu_mount(robot)
        self._labels: Dict[int, str] = {}
        self._detections: Optional[Detection3DArray] = None
        self._imu: Optional[Imu] = None
        self._image: Optional[Tuple[float, Array]] = None
        rospy.Subscriber("detections_3d", Detection3DArray, self._on_detections, queue_size=1)
        rospy.Subscriber("vision_info", VisionInfo, self._on_vision_info, queue_size=1)
        rospy.Subscriber("imu/data", Imu, self._on_imu, queue_size=1, tcp_nodelay=True)
        if image_size is not None:
            camera = rospy.Subscriber(wrist_eye.TOPIC, Image, self._on_image, queue_size=1, buff_size=1 << 24)
            guest.follow(wrist_eye.TOPIC, camera, 0.5 * wrist_eye.FRESH)

    def token(self, now: float) -> Array:
        """The token (8,) of the object at ``now``, s.

        Raises:
            GraphError: the object is not seen, or the IMU is silent.
        """
        message = self._detections
        if message is None or now - conversions.to_seconds(message.header.stamp) > FRESH:
            raise ArmLinkError(f"no detections_3d for {FRESH:g} s: the take would not know its object")
        if message.header.frame_id != self._robot.frames["base"]:
            raise ArmLinkError(f"detections_3d is in {message.header.frame_id}, not in {self._robot.frames['base']}")
        best, distance = None, np.inf
        for detection in message.detections:
            p, extents = detection.bbox.center.position, detection.bbox.size
            centre = self._mount_rotation.T @ (np.array([p.x, p.y, p.z]) - self._mount_xyz)
            away = float(np.linalg.norm(centre))
            if detection.results and away < distance and self._label in ("", self._name(detection)):
                best, distance = (centre, np.array([extents.x, extents.y, extents.z])), away
        if best is None:
            raise ArmLinkError(f"no {self._label or 'object'} among {len(message.detections)} detections")
        try:
            return object_token(*best, self._mount_rotation.T @ self.gravity())
        except ValueError as error:
            raise ArmLinkError(f"detections_3d: {error}") from error

    def gravity(self) -> Array:
        """Direction of gravity in base_link, (3,).

        Raises:
            GraphError: the IMU is silent.
        """
        if self._imu is None:
            raise ArmLinkError("no imu/data: which way is down?")
        q = self._imu.orientation
        turn = quaternion_matrix(np.array([q.x, q.y, q.z, q.w])) @ self._imu_mount.T
        down: Array = -turn[2]
        return down

    def height(self, point: Array) -> float:
        """How high a point (3,) of arm_base_link lies above the origin of base_link, against gravity, m."""
        return -float(self.gravity() @ (self._mount_rotation @ point + self._mount_xyz))

    def objection(self, now: float) -> str:
        """Why the eyes cannot see what a take with pictures needs; empty if they can, or need not."""
        if self._image_size is None or self.image(now) is not None:
            return ""
        return f"no picture on {wrist_eye.TOPIC} for {wrist_eye.FRESH:g} s"

    def image(self, now: float) -> Optional[Array]:
        """The newest picture, (H, W, 3) uint8; None if there is none that is fresh."""
        image = self._image
        return None if image is None or now - image[0] > wrist_eye.FRESH else image[1]

    def _name(self, detection: Detection3D) -> str:
        kind = max(detection.results, key=lambda result: result.score).id
        return self._labels.get(kind, str(kind))

    def _on_detections(self, message: Detection3DArray) -> None:
        self._detections = message

    def _on_vision_info(self, message: VisionInfo) -> None:
        try:
            labels = get_param(message.database_location, {})
        except NoAnswerError as error:
            rospy.logwarn(f"vision_info names the parameter {message.database_location}, which cannot be read: {error}")
            return
        if isinstance(labels, dict):
            self._labels = {int(key): str(label) for key, label in labels.items()}

    def _on_imu(self, message: Imu) -> None:
        self._imu = message

    def _on_image(self, message: Image) -> None:
        assert self._image_size is not None, "subscribed to only then"
        try:
            pixels = shrink_image(conversions.image_pixels(message), *self._image_size)
        except (conversions.MessageError, PolicyError) as error:
            rospy.logwarn_throttle(5.0, f"{wrist_eye.TOPIC} is of no use: {error}")
            return
        stamp = conversions.to_seconds(message.header.stamp)
        self._image = (stamp, pixels)
        self._guest.heard(wrist_eye.TOPIC, stamp)
