"""Parsed messages of perception: objects from detections_3d, labels from the parameter that vision_info names."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import numpy as np
import rospy

from xdog.core.description import RobotDescription
from xdog.nodes.common.callbacks import start_thread, subscribe
from xdog.nodes.common.conversions import MessageError, to_seconds
from xdog.nodes.common.master import NoAnswerError, get_param
from xdog.nodes.common.standard_messages import Detection3DArray, VisionInfo

Array = np.ndarray

LOG_PERIOD = 5.0
"""Shortest time between two equal lines in the log, s."""


@dataclass(frozen=True, eq=False)
class Detection:
    """One detected object.

    Attributes:
        label: its class; the class id where vision_info gives it no label.
        centre: (3,) m, middle of its box in base_link.
        size: (3,) m, extents of its box: two horizontal ones and the height.
    """

    label: str
    centre: Array
    size: Array


def parse_detections(message: Detection3DArray, frame: str, labels: Mapping[int, str]) -> List[Detection]:
    """The detections of a message whose box has a place and a size. The best hypothesis gives the label.

    Args:
        message: of detections_3d.
        frame: in which it must be.
        labels: by class id.

    Raises:
        MessageError: it is in another frame.
    """
    if message.header.frame_id != frame:
        raise MessageError(f"detections_3d is in {message.header.frame_id or 'no frame'}, not in {frame}")
    found = []
    for detection in message.detections:
        p, s = detection.bbox.center.position, detection.bbox.size
        centre, size = np.array([p.x, p.y, p.z]), np.array([s.x, s.y, s.z])
        if detection.results and np.isfinite([centre, size]).all() and (size > 0.0).all():
            kind = max(detection.results, key=lambda result: result.score).id
            found.append(Detection(labels.get(kind, str(kind)), centre, size))
    return found


def parse_labels(value: Any, parameter: str) -> Dict[int, str]:
    """Labels by class id, from the value of a parameter.

    Raises:
        MessageError: it does not map ids to labels.
    """
    try:
        return {int(key): str(label) for key, label in value.items()}
    except (AttributeError, ValueError):
        raise MessageError(f"the parameter {parameter} that vision_info names maps no class ids to labels") from None


class PerceptionListener:
    """Subscribes to detections_3d and vision_info.

    Args:
        robot: its description.
        on_detections: called with the stamp (s) and the detections of every message that can be used.

    Attributes:
        labels: by class id; empty before vision_info.
        newest: stamp (s) and detections of the newest message that could be used; None before the first.
        problem: why the newest message could not be used; empty if it could.
    """

    def __init__(
        self, robot: RobotDescription, on_detections: Optional[Callable[[float, List[Detection]], None]] = None
    ) -> None:
        self.labels: Dict[int, str] = {}
        self.newest: Optional[Tuple[float, List[Detection]]] = None
        self.problem = ""
        self._frame, self._on_detections = robot.frames["base"], on_detections
        self._infos = 0
        subscribe("vision_info", VisionInfo, self._on_vision_info)
        subscribe("detections_3d", Detection3DArray, self._on_message)

    def _on_message(self, message: Detection3DArray) -> None:
        try:
            detections = parse_detections(message, self._frame, self.labels)
        except MessageError as error:
            self.problem = str(error)
            rospy.logwarn_throttle(LOG_PERIOD, f"{error}: ignored")
            return
        self.newest, self.problem = (to_seconds(message.header.stamp), detections), ""
        if self._on_detections is not None:
            self._on_detections(*self.newest)

    def _on_vision_info(self, message: VisionInfo) -> None:
        """Read the labels in a thread, over a separate connection: the callback never waits for the master."""
        self._infos += 1
        number, parameter = self._infos, rospy.resolve_name(message.database_location)
        start_thread(lambda: self._load_labels(number, parameter))

    def _load_labels(self, number: int, parameter: str) -> None:
        try:
            labels = parse_labels(get_param(parameter, None), parameter)
        except (MessageError, NoAnswerError) as error:
            rospy.logwarn(f"vision_info: {error}; objects keep their class ids for labels")
            return
        if number == self._infos:  # not for a late answer
            self.labels = labels
