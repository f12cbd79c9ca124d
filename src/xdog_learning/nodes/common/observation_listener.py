"""The observations of a demonstration besides the arm: object features, gravity, images of the wrist camera."""

from typing import Optional, Tuple

import numpy as np
from sensor_msgs.msg import Imu

from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import RobotDescription
from xdog.core.onnx_session import PolicyError
from xdog.core.rotations import quaternion_matrix
from xdog.grasp.observation import object_features
from xdog.nodes.common import wrist_camera
from xdog.nodes.common.callbacks import subscribe
from xdog.nodes.common.lockstep import LockstepClient
from xdog.nodes.common.perception_listener import PerceptionListener
from xdog_learning.nodes.common.arm_link import ArmLinkError

Array = np.ndarray

FRESH = 1.0
"""s after which a detection is too old to start an episode with."""


class ObservationListener:
    """Subscribes to perception, imu/data and, if requested, the wrist camera.

    Args:
        robot: its description.
        label: class of the object; empty for the nearest to the arm.
        image_size: (height, width) px to which images are scaled; None for no images.
        lockstep: client through which a simulation waits for the images.
    """

    def __init__(
        self, robot: RobotDescription, label: str, image_size: Optional[Tuple[int, int]], lockstep: LockstepClient
    ) -> None:
        self._label, self._lockstep = label, lockstep
        self._arm_base = robot.fixed_transform(ArmKinematics(robot).base)
        self._imu_mount = robot.fixed_transform(robot.frames["imu"])
        self._imu: Optional[Imu] = None
        self._perception = PerceptionListener(robot)
        subscribe("imu/data", Imu, self._on_imu)
        self._camera: Optional[wrist_camera.WristCameraListener] = None
        if image_size is not None:
            self._camera = wrist_camera.WristCameraListener(image_size, self._on_image)
            lockstep.follow(wrist_camera.TOPIC, self._camera.subscriber, 0.5 * wrist_camera.FRESH)

    def object_features(self, now: float) -> Array:
        """The features (8,) of the object at ``now``, s.

        Raises:
            ArmLinkError: the object is not seen, or there is no imu/data.
        """
        newest, problem = self._perception.newest, self._perception.problem
        if problem:
            raise ArmLinkError(problem)
        if newest is None or abs(now - newest[0]) > FRESH:
            raise ArmLinkError(f"no detections_3d for {FRESH:g} s: the object's place is not known")
        best, distance = None, np.inf
        for detection in newest[1]:
            centre = self._arm_base.from_reference(detection.centre)
            away = float(np.linalg.norm(centre))
            if away < distance and self._label in ("", detection.label):
                best, distance = (centre, detection.size), away
        if best is None:
            raise ArmLinkError(f"no {self._label or 'object'} among {len(newest[1])} detections")
        return object_features(*best, self._arm_base.rotation.T @ self.gravity())

    def gravity(self) -> Array:
        """Direction of gravity in base_link, (3,).

        Raises:
            ArmLinkError: there is no imu/data, or it has no orientation.
        """
        if self._imu is None:
            raise ArmLinkError("no imu/data: the direction of gravity is not known")
        q = self._imu.orientation
        try:
            turn = quaternion_matrix(np.array([q.x, q.y, q.z, q.w])) @ self._imu_mount.rotation.T
        except ValueError as error:
            raise ArmLinkError(f"imu/data: {error}") from error
        down: Array = -turn[2]
        return down

    def height(self, point: Array) -> float:
        """Height of a point (3,) of arm_base_link above the origin of base_link, against gravity, m."""
        return -float(self.gravity() @ self._arm_base.to_reference(point))

    def objection(self, now: float) -> str:
        """Why there is no camera image at ``now`` (s); empty if there is one, or none is needed."""
        try:
            if self._camera is not None:
                self._camera.image(now)
        except PolicyError as error:
            return str(error)
        return ""

    def image(self, now: float) -> Optional[Array]:
        """The camera image at ``now`` (s), (H, W, 3) uint8; None if there is no recent one."""
        try:
            return None if self._camera is None else self._camera.image(now)
        except PolicyError:
            return None

    def _on_imu(self, message: Imu) -> None:
        self._imu = message

    def _on_image(self, stamp: float) -> None:
        self._lockstep.received(wrist_camera.TOPIC, stamp)
