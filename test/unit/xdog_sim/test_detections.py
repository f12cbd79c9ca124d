"""The simulated detector: rate, delay, errors, dropouts and field of view."""

import math

import numpy as np
import pytest

from xdog.core.description import load_description
from xdog_sim.detections import CAMERA_FRAME, DetectorNoise, ObjectPose, SimulatedDetector

ROBOT = load_description()
BALL = [ObjectPose(0, np.array([0.5, 0.02, -0.1]), np.eye(3), np.full(3, 0.04))]


def make_detector(seed: int = 1, **noise: float) -> SimulatedDetector:
    return SimulatedDetector(ROBOT, DetectorNoise(**noise), 1.0 / 15.0, seed)


def run(detector: SimulatedDetector, seconds: float = 10.0) -> list:
    """Stamps and detections of images of the ball, updated at 50 Hz."""
    return [image for i in range(round(seconds / 0.02)) for image in detector.detect(0.02 * i, BALL)]


def test_without_noise_it_detects_the_truth_fifteen_times_a_second() -> None:
    images = run(make_detector())
    assert len(images) == 150
    assert all(np.array_equal(detected[0].position, BALL[0].position) for _, detected in images)


def test_delayed_detections_carry_the_time_of_their_image() -> None:
    detector = make_detector(delay=0.1)
    for i in range(100):
        for taken, _ in detector.detect(0.02 * i, BALL):
            assert 0.1 - 1e-6 <= 0.02 * i - taken < 0.1 + 0.02 + 1e-6


def test_bias_is_constant_and_noise_is_not() -> None:
    biased = np.array([detected[0].position for _, detected in run(make_detector(bias=0.02))])
    assert np.ptp(biased, axis=0).max() < 1e-12
    assert 1e-3 < np.linalg.norm(biased[0] - BALL[0].position) < 0.1
    noisy = np.array([detected[0].position for _, detected in run(make_detector(noise=0.02))])
    assert noisy.std(axis=0) == pytest.approx([0.02] * 3, rel=0.25)


def test_dropouts_are_as_frequent_as_asked_and_reproducible() -> None:
    first, second = (run(make_detector(3, dropout=0.3, noise=0.01)) for _ in range(2))
    counts = [len(detected) for _, detected in first]
    assert 0.2 < counts.count(0) / len(counts) < 0.4
    for (_, one), (_, other) in zip(first, second):
        assert [tuple(item.position) for item in one] == [tuple(item.position) for item in other]


def visible(*position: float) -> bool:
    """Whether a detector with a limited field of view detects an object there, m in base_link."""
    item = ObjectPose(0, np.array(position), np.eye(3), np.full(3, 0.04))
    return bool(make_detector(field_of_view=True).detect(0.0, [item])[0][1])


def test_the_camera_sees_only_what_is_ahead() -> None:
    assert visible(0.8, 0.0, -0.15)
    assert not visible(-0.5, 0.0, 0.0)
    assert not visible(0.3, 0.6, 0.0)
    assert not visible(0.3, 0.0, 0.8)


@pytest.mark.parametrize(("axis", "half_angle"), [(0, 43.0), (1, 27.5)])  # Gemini 2: 86 by 55 degrees
def test_the_edges_of_the_view_are_those_of_the_camera(axis: int, half_angle: float) -> None:
    origin, rotation = ROBOT.fixed_transform(CAMERA_FRAME)
    for sign in (-1.0, 1.0):
        for angle, inside in ((half_angle - 1.0, True), (half_angle + 1.0, False)):
            ray = np.array([0.0, 0.0, 1.0])  # z of an optical frame points ahead, x right, y down
            ray[axis] = sign * math.tan(math.radians(angle))
            assert visible(*(origin + rotation @ ray)) is inside


def test_the_camera_is_fixed_to_the_base() -> None:
    origin, rotation = ROBOT.fixed_transform(CAMERA_FRAME)
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert rotation[0, 2] > 0.5  # faces forward
    assert origin[0] > 0.1


def test_after_the_clock_jumped_back_images_go_on_and_none_is_from_before() -> None:
    detector = make_detector(delay=0.1)
    for i in range(10):
        detector.detect(100.0 + 0.02 * i, BALL)  # some images still wait for their delay
    taken = [stamp for i in range(50) for stamp, _ in detector.detect(5.0 + 0.02 * i, BALL)]
    assert taken[0] == 5.0
    assert len(taken) == 14  # one every 67 ms from 5.0 s to 5.88 s
    assert taken[-1] == pytest.approx(5.88, abs=0.02)


def test_invalid_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="~delay"):
        DetectorNoise(delay=-0.1)
    with pytest.raises(ValueError, match="~bias"):
        DetectorNoise(bias=math.nan)
    with pytest.raises(ValueError, match="~dropout"):
        DetectorNoise(dropout=1.5)
