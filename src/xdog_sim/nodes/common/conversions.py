"""Between objects and messages: the ground truth of the sim bridge, the detections of the simulated detector."""

from typing import List, Optional, Sequence

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3

from xdog.core.rotations import euler_angles, euler_quaternion, quaternion_matrix
from xdog.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose
from xdog.nodes.common import conversions
from xdog_sim.detections import ObjectPose

Array = np.ndarray


def detections_message(
    objects: Sequence[ObjectPose],
    stamp: float,
    frame: str,
    score: float = 1.0,
    orientations: Optional[Sequence[Array]] = None,
) -> Detection3DArray:
    """Objects as detections of an image taken at ``stamp`` (s), in ``frame``.

    A hypothesis has the object's own orientation, a quaternion (4,), if it is known, otherwise that of its box.
    """
    message = Detection3DArray()
    message.header.stamp, message.header.frame_id = conversions.to_time(stamp), frame
    for number, item in enumerate(objects):
        turned = euler_quaternion(*euler_angles(item.rotation))
        detection = Detection3D(header=message.header)
        detection.bbox.center = Pose(Point(*item.position.tolist()), Quaternion(*turned.tolist()))
        detection.bbox.size = Vector3(*item.size.tolist())
        hypothesis = ObjectHypothesisWithPose(id=item.kind, score=score)
        hypothesis.pose.pose = detection.bbox.center
        if orientations is not None:
            hypothesis.pose.pose = Pose(Point(*item.position.tolist()), Quaternion(*orientations[number].tolist()))
        detection.results = [hypothesis]
        message.detections.append(detection)
    return message


def seen_objects(message: Detection3DArray) -> List[ObjectPose]:
    """The objects that `detections_message` was made from."""
    objects = []
    for detection in message.detections:
        p, q, size = detection.bbox.center.position, detection.bbox.center.orientation, detection.bbox.size
        objects.append(
            ObjectPose(
                kind=detection.results[0].id,
                position=np.array([p.x, p.y, p.z]),
                rotation=quaternion_matrix(np.array([q.x, q.y, q.z, q.w])),
                size=np.array([size.x, size.y, size.z]),
            )
        )
    return objects
