"""Measurements become an episode; the problem of an invalid one is kept."""

from typing import Optional

import numpy as np
import pytest

from xdog.arm.gripper import Gripper
from xdog.core.description import load_description
from xdog.grasp.config import load_pick_config
from xdog_learning.dataset.episode_builder import EpisodeBuilder
from xdog_learning.grasp.live_episode import LiveEpisode

ROBOT = load_description()
CONFIG = load_pick_config()
HOME = np.array(ROBOT.arm.poses["home"])
STEP = 0.04
IDLE = np.zeros(6)
PRESSING = np.array([0.0, 0.0, 0.0, 0.0, 0.0, -1.5])
"""Nm of the servos: the gripper's closes on something."""


class Surroundings:
    def __init__(self) -> None:
        self.rise = 0.0
        self.picture: Optional[np.ndarray] = np.zeros((8, 8, 3), np.uint8)
        self.problem = ""

    def image(self, now: float) -> Optional[np.ndarray]:
        return self.picture

    def height(self, point: np.ndarray) -> float:
        if self.problem:
            raise ConnectionError(self.problem)
        return self.rise


class Bench:
    def __init__(self) -> None:
        self.surroundings = Surroundings()
        self.episode = LiveEpisode(ROBOT, CONFIG, self.surroundings)
        self.now = 10.0
        self.joints = HOME.copy()

    def begin(self, images: bool = False, is_waiting: bool = False) -> None:
        self.episode.begin(EpisodeBuilder(25, np.arange(8.0), "pick up the cube", images), is_waiting)

    def measure(self, seconds: float, effort: np.ndarray = IDLE) -> None:
        for _ in range(round(seconds / STEP)):
            self.episode.on_joints(self.now, self.joints.copy(), effort, self.joints + 0.01)
            self.now += STEP


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_measurements_count_from_the_beginning_to_the_end(bench: Bench) -> None:
    bench.measure(1.0)
    assert not bench.episode.is_active
    bench.begin()
    bench.measure(1.0)
    assert (bench.episode.is_active, bench.episode.seconds) == (True, pytest.approx(0.96))
    builder = bench.episode.end()
    bench.measure(1.0)
    assert builder is not None
    episode = builder.finish()
    assert len(episode) == 24
    np.testing.assert_allclose(episode.action - episode.state, 0.01, atol=1e-6)
    assert bench.episode.end() is None


def test_a_waiting_episode_ignores_measurements(bench: Bench) -> None:
    bench.begin(is_waiting=True)
    bench.measure(1.0)
    assert bench.episode.seconds == 0.0
    bench.episode.is_waiting = False
    bench.measure(0.2)
    assert bench.episode.seconds == pytest.approx(0.16)


def test_a_gap_invalidates_an_episode_but_not_the_next_one(bench: Bench) -> None:
    bench.begin()
    bench.measure(0.2)
    bench.now += 0.5
    bench.measure(0.2)
    assert "no joint_states for 0.5" in bench.episode.problem
    bench.begin()
    bench.measure(0.2)
    assert bench.episode.problem == ""


def test_missing_images_invalidate_an_episode_that_needs_them(bench: Bench) -> None:
    bench.surroundings.picture = None
    bench.begin()
    bench.measure(0.2)
    assert bench.episode.problem == ""
    bench.begin(images=True)
    bench.measure(0.2)
    assert bench.episode.problem == "no camera image has come in"


def test_lost_observations_invalidate_an_episode(bench: Bench) -> None:
    bench.begin()
    bench.surroundings.problem = "no imu/data"
    bench.measure(0.2)
    assert bench.episode.problem == "no imu/data"


def test_a_held_and_raised_object_is_lifted(bench: Bench) -> None:
    gripper = Gripper(ROBOT)
    bench.begin()
    bench.joints[5] = gripper.angle(0.06)
    bench.measure(0.4)
    bench.joints[5] = gripper.angle(0.03)
    bench.measure(0.4, PRESSING)
    bench.surroundings.rise = CONFIG.lift.height + 0.01
    bench.measure(0.2, PRESSING)
    assert bench.episode.lift == pytest.approx(CONFIG.lift.height + 0.01)
    assert not bench.episode.is_lifted, "not yet for long enough"
    bench.measure(CONFIG.lift.hold + 0.1, PRESSING)
    assert bench.episode.is_lifted
    bench.begin()
    assert bench.episode.lift == 0.0
