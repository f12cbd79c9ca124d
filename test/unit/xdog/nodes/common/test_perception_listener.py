"""Messages of perception become plain detections; what cannot be used is dropped or named."""

import math
import threading
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np
import pytest
from geometry_msgs.msg import Point, Pose, Vector3

from xdog.core.description import load_description
from xdog.nodes.common import perception_listener as module
from xdog.nodes.common.conversions import MessageError, to_time
from xdog.nodes.common.perception_listener import Detection, PerceptionListener, parse_detections, parse_labels
from xdog.nodes.common.standard_messages import Detection3D, Detection3DArray, ObjectHypothesisWithPose, VisionInfo

ROBOT = load_description()
BASE = ROBOT.frames["base"]
LABELS = {0: "ball", 3: "cube"}
CENTRE, SIZE = (0.4, 0.1, -0.2), (0.04, 0.05, 0.06)


def detection(
    *hypotheses: Tuple[int, float], centre: Sequence[float] = CENTRE, size: Sequence[float] = SIZE
) -> Detection3D:
    found = Detection3D(results=[ObjectHypothesisWithPose(id=kind, score=score) for kind, score in hypotheses])
    found.bbox.center, found.bbox.size = Pose(position=Point(*centre)), Vector3(*size)
    return found


def message(*detections: Detection3D, frame: str = BASE, stamp: float = 12.5) -> Detection3DArray:
    array = Detection3DArray(detections=list(detections))
    array.header.frame_id, array.header.stamp = frame, to_time(stamp)
    return array


def test_position_size_and_the_best_hypothesis_are_parsed() -> None:
    (found,) = parse_detections(message(detection((0, 0.3), (3, 0.6), (7, 0.1))), BASE, LABELS)
    assert found.label == "cube"
    np.testing.assert_array_equal(found.centre, CENTRE)
    np.testing.assert_array_equal(found.size, SIZE)


def test_a_class_without_a_label_gets_its_id() -> None:
    assert [found.label for found in parse_detections(message(detection((7, 0.9))), BASE, LABELS)] == ["7"]
    assert [found.label for found in parse_detections(message(detection((0, 0.9))), BASE, {})] == ["0"]


@pytest.mark.parametrize(
    "bad",
    [
        detection(),
        detection((0, 0.9), centre=(math.nan, 0.0, 0.0)),
        detection((0, 0.9), centre=(0.0, math.inf, 0.0)),
        detection((0, 0.9), size=(0.04, math.nan, 0.04)),
        detection((0, 0.9), size=(0.04, 0.0, 0.04)),
        detection((0, 0.9), size=(0.04, 0.04, -0.01)),
    ],
)
def test_detections_without_class_position_or_size_are_dropped(bad: Detection3D) -> None:
    found = parse_detections(message(bad, detection((0, 0.9))), BASE, LABELS)
    assert [entry.label for entry in found] == ["ball"]


@pytest.mark.parametrize(("frame", "words"), [("odom", "in odom, not in base_link"), ("", "in no frame")])
def test_another_frame_is_refused(frame: str, words: str) -> None:
    with pytest.raises(MessageError, match=words):
        parse_detections(message(detection((0, 0.9)), frame=frame), BASE, LABELS)


def test_labels_are_a_mapping_from_ids() -> None:
    assert parse_labels({"0": "ball", "3": "cube"}, "/labels") == LABELS
    for value in (["ball"], "ball", 7, {"ball": "0"}):
        with pytest.raises(MessageError, match=r"parameter /labels .* no class ids"):
            parse_labels(value, "/labels")


class Graph:
    """Topics are callbacks; the test decides when the parameter server answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.callbacks: Dict[str, Callable[[Any], None]] = {}
        self.warnings: List[str] = []
        self.loads: List[Callable[[], None]] = []
        self.parameters: Dict[str, Any] = {}

        def subscribe(topic: str, _: type, callback: Callable[[Any], None]) -> None:
            self.callbacks[topic] = callback

        monkeypatch.setattr(module, "subscribe", subscribe)
        monkeypatch.setattr(module, "start_thread", self.loads.append)
        monkeypatch.setattr(module, "get_param", lambda name, default: self.parameters.get(name, default))
        monkeypatch.setattr(module.rospy, "logwarn", self.warnings.append)
        monkeypatch.setattr(module.rospy, "logwarn_throttle", lambda _, text: self.warnings.append(text))

    def load(self, number: int = 0) -> None:
        """Answer a request for labels."""
        self.loads.pop(number)()


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Graph:
    return Graph(monkeypatch)


def test_detections_are_handed_on_with_their_stamp_and_label(graph: Graph) -> None:
    got: List[Tuple[float, List[Detection]]] = []
    listener = PerceptionListener(ROBOT, lambda stamp, found: got.append((stamp, found)))
    assert listener.newest is None
    graph.parameters["/vision/labels"] = {"0": "ball"}
    graph.callbacks["vision_info"](VisionInfo(database_location="/vision/labels"))
    assert listener.labels == {}, "the callback itself sends no request"
    graph.load()
    assert listener.labels == {0: "ball"}
    graph.callbacks["detections_3d"](message(detection((0, 0.9))))
    assert got[0][0] == 12.5
    assert [found.label for found in got[0][1]] == ["ball"]
    assert listener.newest is not None
    assert listener.newest[1] is got[0][1]


def test_a_message_in_another_frame_is_named_until_the_next_valid_one(graph: Graph) -> None:
    listener = PerceptionListener(ROBOT)
    graph.callbacks["detections_3d"](message(detection((0, 0.9)), frame="odom"))
    assert listener.newest is None
    assert listener.problem == "detections_3d is in odom, not in base_link"
    assert graph.warnings == [f"{listener.problem}: ignored"]
    graph.callbacks["detections_3d"](message(detection((0, 0.9))))
    assert listener.problem == ""


@pytest.mark.parametrize(
    ("parameters", "words"), [({}, "maps no class ids"), ({"/vision/labels": ["ball"]}, "maps no class ids to labels")]
)
def test_labels_that_cannot_be_read_are_a_warning(graph: Graph, parameters: Dict[str, Any], words: str) -> None:
    listener = PerceptionListener(ROBOT)
    graph.parameters = parameters
    graph.callbacks["vision_info"](VisionInfo(database_location="/vision/labels"))
    graph.load()
    assert listener.labels == {}
    assert words in graph.warnings[0]


def test_a_late_answer_does_not_replace_newer_labels(graph: Graph) -> None:
    listener = PerceptionListener(ROBOT)
    graph.parameters = {"/old": {"0": "old"}, "/new": {"0": "new"}}
    graph.callbacks["vision_info"](VisionInfo(database_location="/old"))
    graph.callbacks["vision_info"](VisionInfo(database_location="/new"))
    graph.load(1)
    graph.load(0)
    assert listener.labels == {0: "new"}


def test_a_master_that_does_not_answer_does_not_block_detections(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """With real threads: the callback returns, and detections continue, while the master does not answer."""
    asked, answers = threading.Event(), threading.Event()

    def get_param(_name: str, _default: Any) -> Any:
        asked.set()
        answers.wait()
        return {}

    monkeypatch.setattr(module, "start_thread", lambda work: threading.Thread(target=work, daemon=True).start())
    monkeypatch.setattr(module, "get_param", get_param)
    listener = PerceptionListener(ROBOT)
    try:
        graph.callbacks["vision_info"](VisionInfo(database_location="/vision/labels"))
        assert asked.wait(10.0)
        graph.callbacks["detections_3d"](message(detection((0, 0.9))))
        assert listener.newest is not None
    finally:
        answers.set()
