"""A human's keys, or a leader arm, move the real controller on ideal servos; episodes go into a real dataset."""

import io
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Tuple

import numpy as np
import pytest
from arm_controller_bench import PERIOD
from arm_graph import ArmGraph
from std_msgs.msg import String

from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import load_description
from xdog.core.interfaces import ArmReading, HardwareError
from xdog.grasp.config import load_pick_config
from xdog.teleop.config import load_teleop_config
from xdog_learning.dataset import DatasetWriter, load_dataset
from xdog_learning.dataset.units import policy_rate
from xdog_learning.grasp.demonstration_recorder import DemonstrationRecorder, RecordingPlan
from xdog_learning.grasp.live_episode import LiveEpisode

ROBOT = load_description()
HOME = np.array(ROBOT.arm.poses["home"])
OBJECT = np.arange(8.0)
SPACE = b" "


class Surroundings:
    """An object and the wrist camera, level ground."""

    def __init__(self) -> None:
        self.unseen = self.no_picture = ""

    def object_features(self, now: float) -> np.ndarray:
        if self.unseen:
            raise ConnectionError(self.unseen)
        return OBJECT

    def objection(self, now: float) -> str:
        return self.no_picture

    def image(self, now: float) -> Optional[np.ndarray]:
        return None if self.no_picture else np.zeros((8, 8, 3), np.uint8)

    def height(self, point: np.ndarray) -> float:
        return float(point[2])


class Leader:
    """A second arm."""

    def __init__(self) -> None:
        self.position, self.fault = HOME + 0.1, ""

    def read(self) -> ArmReading:
        if self.fault:
            raise HardwareError(self.fault)
        zero = np.zeros(6)
        return ArmReading(0.0, self.position, zero, zero)


class Bench:
    """A recorder and what it records."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, leader: Optional[Leader], images: bool) -> None:
        self.surroundings, self.leader = Surroundings(), leader
        self.episode = LiveEpisode(ROBOT, load_pick_config(), self.surroundings)
        self.graph = ArmGraph(monkeypatch, self.episode.on_joints)
        self.requested: List[str] = []
        self.answers: List[Tuple[str, bool, str]] = []
        self.typed: List[Optional[bytes]] = []
        self.screen = io.StringIO()
        self.writer = DatasetWriter(folder)
        self.recorder = DemonstrationRecorder(
            RecordingPlan("leader" if leader else "keyboard", "pick up the cube", 2, images),
            ROBOT,
            load_teleop_config().arm,
            self.writer,
            self.graph.link,
            self.surroundings,
            self.episode,
            self,
            self,
            leader,
            lambda: self.graph.now,
            self.screen,
        )

    # As Requests and Keys.

    def call(self, name: str) -> None:
        self.requested.append(name)

    def answer(self) -> Optional[Tuple[str, bool, str]]:
        return self.answers.pop() if self.answers else None

    def read(self, timeout: float) -> Optional[bytes]:
        self.graph.step()
        return self.typed.pop(0) if self.typed else None

    # What happens.

    def type(self, keys: bytes) -> str:
        """Press keys; returns what the recorder prints."""
        self.screen.truncate(0)
        self.recorder.press(keys, self.graph.now)
        return self.printed

    def run(self, seconds: float, keys: bytes = b"") -> None:
        """Let time pass, with a key held."""
        for _ in range(round(seconds / PERIOD)):
            if keys:
                self.recorder.press(keys, self.graph.now)
            self.recorder.step(self.graph.now)
            self.graph.step()

    @property
    def printed(self) -> str:
        return self.screen.getvalue().replace("\r\x1b[K", "").strip("\0")


@pytest.fixture
def make_bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    benches: List[Bench] = []

    def make(leader: Optional[Leader] = None, images: bool = False) -> Bench:
        benches.append(Bench(monkeypatch, tmp_path / "mine", leader, images))
        return benches[-1]

    yield make
    for bench in benches:
        bench.writer.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


def test_keys_move_the_arm_and_an_episode_is_kept(bench: Bench, tmp_path: Path) -> None:
    bench.type(b"\r")
    assert bench.episode.is_active
    bench.run(1.5, b"r")
    assert bench.type(b"\r").startswith("kept: episode 0, 1.")
    bench.writer.close()
    data = load_dataset(tmp_path / "mine")
    episode, arm = data.episode(0), ArmKinematics(ROBOT)
    heights = [arm.forward(joints)[0][2] for joints in episode.state]
    assert heights[-1] - heights[0] > 0.03
    assert (episode.fps, episode.task) == (policy_rate(), "pick up the cube")
    np.testing.assert_allclose(episode.environment_state, np.tile(OBJECT, (len(episode), 1)))
    assert data.recording["sources"] == [{"by": "keyboard", "seed": None, "tried": 1, "kept": [[0, 0]]}]


def test_a_discarded_episode_counts_as_tried(bench: Bench, tmp_path: Path) -> None:
    for _ in range(2):
        bench.type(b"\r")
        bench.run(0.5)
        assert bench.type(b"\x7f") == "discarded\n"
    bench.type(b"\r")
    bench.run(0.5)
    bench.type(b"\r")
    bench.writer.close()
    source = load_dataset(tmp_path / "mine").recording["sources"][0]
    assert (source["tried"], source["kept"]) == (3, [[0, 2]])


def forbid(bench: Bench) -> None:
    bench.graph.bench.allowed, bench.graph.bench.reason = False, "somebody pressed the button"


def test_an_episode_ends_with_the_arm(bench: Bench) -> None:
    bench.type(b"\r")
    bench.run(0.3, b"r")
    forbid(bench)
    bench.run(0.3, b"r")
    assert not bench.episode.is_active
    assert bench.printed == "discarded: stopped: motion not allowed: somebody pressed the button\n"
    bench.graph.bench.allowed = True
    bench.run(1.0)
    before = bench.graph.bench.position
    bench.run(0.3)
    np.testing.assert_array_equal(bench.graph.bench.position, before, err_msg="what was pressed before is forgotten")


def test_an_episode_ends_when_the_arm_does_not_follow(make_bench: Callable[..., Bench]) -> None:
    leader = Leader()
    bench = make_bench(leader)
    bench.type(b"\r")
    bench.run(1.0)
    bench.graph.bench.no_torque, leader.position = True, HOME + 0.8
    bench.run(2.0)
    assert not bench.episode.is_active
    assert bench.printed.startswith("discarded: holding: the arm does not follow")


def test_a_past_interruption_does_not_end_the_next_episode(bench: Bench) -> None:
    bench.type(b"\r")
    forbid(bench)
    bench.run(0.5)
    bench.graph.bench.allowed = True
    bench.run(1.0)
    bench.type(b"\r")
    bench.run(0.5, b"r")
    assert bench.episode.is_active
    assert bench.type(b"\r").startswith("kept: episode 0")


def test_between_episodes_an_interruption_is_reported_once(bench: Bench) -> None:
    words = "holding: refused: the stream was ended: send nothing"
    bench.graph.publish("arm/mode", String(words))
    bench.run(0.3)
    assert bench.printed == f"{words}\n"
    forbid(bench)
    bench.run(0.3)
    assert bench.printed == f"{words}\n", "the status line shows what lasts"


@pytest.mark.parametrize(("key", "service"), [(b"1", "home"), (b"2", "stow")])
def test_an_episode_ends_when_the_arm_is_sent_to_a_pose(bench: Bench, key: bytes, service: str) -> None:
    bench.type(b"\r")
    bench.run(0.3)
    printed = bench.type(key)
    assert bench.requested == [service]
    assert not bench.episode.is_active, "the way there is no demonstration"
    assert printed == f"discarded: {service} was requested\n{service} ...\n"
    bench.answers.append((service, True, f"{service}: done (4 s)"))
    bench.run(0.02)
    assert bench.printed.endswith(f"{service}: done (4 s)\n")


def test_the_emergency_stop_has_priority_over_other_keys(bench: Bench) -> None:
    bench.type(b"r1" + SPACE + b"2")
    assert bench.requested == ["estop"]
    bench.answers.append(("estop", False, "estop: refused"))
    bench.run(0.02)
    assert "estop: refused\n" in bench.printed


def test_pasted_text_moves_nothing(bench: Bench) -> None:
    bench.type(b"1rrr2\r")
    assert not bench.requested
    assert not bench.episode.is_active


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda bench: setattr(bench.surroundings, "unseen", "no cube among 2 detections"), "no cube among 2"),
        (lambda bench: setattr(bench.surroundings, "no_picture", "no picture"), "no picture"),
        (forbid, "motion not allowed: somebody pressed the button"),
    ],
)
def test_an_episode_begins_only_with_all_measurements(
    bench: Bench, change: Callable[[Bench], None], words: str
) -> None:
    change(bench)
    bench.graph.step()
    assert bench.type(b"\r").startswith(f"not now: {words}")
    assert not bench.episode.is_active


def test_images_are_recorded_and_must_not_be_missing(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    bench = make_bench(images=True)
    bench.type(b"\r")
    bench.run(0.5)
    bench.type(b"\r")
    bench.type(b"\r")
    bench.surroundings.no_picture = "no picture"
    bench.run(0.1)
    assert "discarded: no camera image has come in" in bench.printed
    bench.writer.close()
    images = load_dataset(tmp_path / "mine", images=True).images
    assert images is not None
    assert images.shape[1:] == (8, 8, 3)


def test_an_episode_beyond_the_joints_ranges_is_discarded_and_nothing_ends(bench: Bench) -> None:
    bench.type(b"\r")
    bench.run(0.2)
    beyond = HOME.copy()
    beyond[0] = ROBOT.arm.upper[0] + 0.2  # a calibration that is wrong
    bench.graph.move_to(beyond)
    bench.graph.run(0.2)
    assert "discarded: the new episode: observation.state of shoulder_pan is 2.12" in bench.type(b"\r")
    bench.graph.move_to(HOME)
    bench.type(b"\r")
    bench.run(0.2)
    assert bench.type(b"\r").startswith("kept: episode 0")


# A leader arm.


def test_the_arm_goes_to_the_leader_first_then_follows_it(make_bench: Callable[..., Bench]) -> None:
    leader = Leader()
    bench = make_bench(leader)
    bench.run(0.5)
    np.testing.assert_allclose(bench.graph.bench.position, HOME, atol=1e-6, err_msg="it rests until an episode begins")
    bench.type(b"\r")
    bench.run(0.1)
    assert bench.episode.is_active
    assert bench.episode.is_waiting
    assert bench.episode.seconds == 0.0, "the way to the leader is no demonstration"
    bench.run(2.0)
    assert not bench.episode.is_waiting
    assert bench.episode.seconds > 0.5
    leader.position = leader.position + 0.05
    bench.run(0.5)
    np.testing.assert_allclose(bench.graph.bench.position, leader.position, atol=0.01)


def test_keys_do_not_move_an_arm_that_follows_a_leader(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(Leader())
    bench.run(0.5, b"r")
    np.testing.assert_allclose(bench.graph.bench.position, HOME, atol=1e-6)


def test_a_leader_that_does_not_answer_ends_the_episode(make_bench: Callable[..., Bench]) -> None:
    leader = Leader()
    bench = make_bench(leader)
    bench.type(b"\r")
    leader.fault = "servo 3 (elbow_flex) does not answer"
    bench.run(0.1)
    assert not bench.episode.is_active
    assert "discarded: the leader arm: servo 3 (elbow_flex) does not answer" in bench.printed


def test_a_lift_ends_a_leaders_episode(make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench(Leader())
    bench.type(b"\r")
    bench.run(1.5)
    monkeypatch.setattr(LiveEpisode, "is_lifted", property(lambda self: True))
    bench.run(0.02)
    assert "kept: episode 0" in bench.printed


# The terminal.


def test_it_runs_until_the_dataset_holds_enough(bench: Bench) -> None:
    bench.typed = [b"\r", *[None] * 20, b"\r", b"\r", *[None] * 20, b"\r"]
    bench.recorder.run(lambda: False)
    assert bench.writer.episodes == 2
    assert "0 of 2 kept | RECORDING 0." in bench.printed


@pytest.mark.parametrize("end", [b"x", b"\x03", b"\x04", b""])
def test_it_ends_when_the_user_quits(bench: Bench, end: bytes) -> None:
    bench.typed = [None, end]
    bench.recorder.run(lambda: False)
    assert bench.printed.startswith("  move the gripper")
    assert bench.writer.episodes == 0


def test_it_ends_with_the_graph(bench: Bench) -> None:
    bench.recorder.run(lambda: True)
