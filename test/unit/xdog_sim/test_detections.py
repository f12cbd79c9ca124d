"""The simulated detector after its clock has jumped back; what it shows of a scene is in test_scene."""

import numpy as np
import pytest

from xdog.core.description import load_description
from xdog_sim.detections import DetectorNoise, ObjectPose, SimulatedDetector

BALL = [ObjectPose(0, np.array([0.5, 0.02, -0.1]), np.eye(3), np.full(3, 0.04))]


def test_after_the_clock_has_jumped_back_pictures_go_on_and_none_is_of_before_it() -> None:
    detector = SimulatedDetector(load_description(), DetectorNoise(delay=0.1), 1.0 / 15.0, 1)
    for i in range(10):
        detector.look(100.0 + 0.02 * i, BALL)  # some pictures still wait for their delay
    taken = [stamp for i in range(50) for stamp, _ in detector.look(5.0 + 0.02 * i, BALL)]
    assert taken[0] == 5.0
    assert len(taken) == 14  # one every 67 ms from 5.0 s to 5.88 s
    assert taken[-1] == pytest.approx(5.88, abs=0.02)
