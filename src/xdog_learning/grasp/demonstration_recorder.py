"""Records a human who moves the running arm, with the keyboard or a leader arm. No ROS."""

import shutil
import sys
import time
from dataclasses import dataclass
from typing import Callable, Optional, Protocol, TextIO, Tuple

import numpy as np

from xdog.core.description import RobotDescription
from xdog.core.interfaces import ArmReading, HardwareError
from xdog.teleop.arm import AXES, HELP_TEXT, ArmJog, LeaderFollower
from xdog.teleop.config import ArmTeleopConfig
from xdog.teleop.keys import SPACE, KeyDecoder, is_paste
from xdog_learning.dataset import DatasetWriter
from xdog_learning.dataset.episode_builder import EpisodeBuilder, EpisodeBuilderError
from xdog_learning.dataset.provenance import source_of, with_source
from xdog_learning.dataset.units import UnitsError, policy_rate
from xdog_learning.grasp.live_episode import LiveEpisode, Surroundings
from xdog_learning.grasp.running_arm import RunningArm

Array = np.ndarray

PERIOD = 0.02
"""s of wall time between setpoints."""
STATUS_PERIOD = 0.1
"""s between updates of the status line."""
KEEP, DISCARD, QUIT = ("\r", "\n"), ("\x7f", "\b"), ("x", "\x03", "\x04")
REQUESTS = {SPACE: "estop", "z": "estop_reset", "1": "home", "2": "stow"}
RECORDING_HELP = """\
  ENTER  begin an episode; again: it succeeded, keep it      BACKSPACE  discard it
  1 home   2 stow   SPACE e-stop   z reset it   h this help   x quit"""


@dataclass(frozen=True)
class RecordingPlan:
    """What to record.

    Attributes:
        by: who demonstrates, "keyboard" or "leader".
        task: description of the task.
        episodes: number that the dataset holds at the end.
        images: whether every frame has a camera image.
    """

    by: str
    task: str
    episodes: int
    images: bool


class EpisodeObservation(Surroundings, Protocol):
    """The observations besides the arm, and the object of an episode."""

    def object_features(self, now: float) -> Array:
        """The features (8,) of the object at ``now``, s.

        Raises:
            ConnectionError: they are not known.
        """
        ...

    def objection(self, now: float) -> str:
        """Why there is no camera image at ``now`` (s); empty if there is one, or none is needed."""
        ...


class Requests(Protocol):
    """Services that are called without waiting for their answers."""

    def call(self, name: str) -> None:
        """Call a service."""
        ...

    def answer(self) -> Optional[Tuple[str, bool, str]]:
        """The next answer: service, success, the line to show; None if there is none."""
        ...


class Keys(Protocol):
    """Source of key presses."""

    def read(self, timeout: float) -> Optional[bytes]:
        """Bytes typed within ``timeout`` s: None if there were none, empty at the end of the input."""
        ...


class LeaderArm(Protocol):
    """An arm that a human moves by hand."""

    def read(self) -> ArmReading:
        """Read its joints.

        Raises:
            HardwareError: it does not answer.
        """
        ...


class DemonstrationRecorder:
    """Turns keys into setpoints and episodes.

    Args:
        plan: what to record.
        robot: its description.
        config: speeds of the keys and of the leader's follower.
        writer: of the dataset.
        arm: to move. Its measurements must go to ``episode``.
        observation: of the object.
        episode: the one being recorded.
        requests: to the running graph.
        keys: of the human.
        leader: the arm moved by hand; None if the keys move the arm.
        now: time of the measurements' stamps, s.
        screen: shows the help and the status line.
    """

    def __init__(
        self,
        plan: RecordingPlan,
        robot: RobotDescription,
        config: ArmTeleopConfig,
        writer: DatasetWriter,
        arm: RunningArm,
        observation: EpisodeObservation,
        episode: LiveEpisode,
        requests: Requests,
        keys: Keys,
        leader: Optional[LeaderArm],
        now: Callable[[], float],
        screen: TextIO = sys.stdout,
    ) -> None:
        self._plan, self._robot, self._config, self._writer = plan, robot, config, writer
        self._arm, self._observation, self._episode = arm, observation, episode
        self._requests, self._keys, self._leader, self._now, self._screen = requests, keys, leader, now, screen
        self._fps = policy_rate()
        self._source = source_of(writer.recording, plan.by, None)
        self._decoder = KeyDecoder()
        self._jog: Optional[ArmJog] = None
        self._follower: Optional[LeaderFollower] = None
        self._is_quitting = False

    def run(self, is_ending: Callable[[], bool]) -> None:
        """Record until the dataset holds enough episodes, the user quits, or ``is_ending`` is true."""
        self._print(self._help)
        due = shown = time.monotonic()
        while not (is_ending() or self._is_quitting) and self._writer.episodes < self._plan.episodes:
            data = self._keys.read(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            if data is not None:
                self.press(data, now)
            if now >= due:
                due = max(due + PERIOD, now)
                self.step(now)
            if now >= shown:
                shown = now + STATUS_PERIOD
                self._show()
        self._write("\n")

    def press(self, data: bytes, now: float) -> None:
        """Handle keys typed at ``now``, s of wall time; empty data means the end of the input."""
        keys = self._decoder.feed(data)
        if not data or any(key in QUIT for key in keys):
            self._is_quitting = True
            return
        if SPACE in keys:
            keys = [SPACE]
        if is_paste(keys):
            return
        for key in keys:
            if key in AXES and self._leader is None:
                self._nudge(key, now)
            elif key in REQUESTS:
                self._request(REQUESTS[key])
            elif key in KEEP:
                self._keep() if self._episode.is_active else self._begin()
            elif key in DISCARD:
                self._discard("discarded")
            elif key == "h":
                self._print(self._help)

    def step(self, now: float) -> None:
        """Every PERIOD, at ``now``, s of wall time: move the arm, and end the episode if it is over."""
        answer = self._requests.answer()
        if answer is not None:
            self._print(answer[2])
        self._move(now)
        if self._episode.is_active and self._episode.problem:
            self._discard(f"discarded: {self._episode.problem}")
        elif self._episode.is_active and self._leader is not None and self._episode.is_lifted:
            self._keep()  # both hands are on the leader

    # Moving.

    def _request(self, service: str) -> None:
        self._jog = self._follower = None  # another node moves the arm now
        if service in self._robot.arm.poses:
            self._discard(f"discarded: {service} was requested")
        self._print(f"{service} ...")
        self._requests.call(service)

    def _nudge(self, key: str, now: float) -> None:
        target = self._arm.target()
        if target is None or self._arm.objection():
            return
        if self._jog is None:
            self._jog = ArmJog(self._robot, self._config, target)
        self._jog.press(key, now)

    def _move(self, now: float) -> None:
        joints, interruption = self._arm.joints, self._arm.interruption()
        if interruption or joints is None:
            self._arm.watch()
            self._jog = self._follower = None  # when the arm may move again, start from its new pose
            if self._episode.is_active:
                self._discard(f"discarded: {interruption}")
            elif not self._arm.objection():  # which the status line shows
                self._print(interruption)
        elif self._leader is not None:
            self._follow(self._leader)
        elif self._jog is not None:
            self._arm.send(self._jog.step(now, PERIOD, joints), PERIOD)

    def _follow(self, leader: LeaderArm) -> None:
        """Follow the leader during an episode; rest before."""
        if not self._episode.is_active:
            self._follower = None
            return
        target = self._arm.target()
        if self._follower is None and target is not None:
            self._follower = LeaderFollower(self._config, target)
        try:
            position = leader.read().position
        except HardwareError as error:
            self._discard(f"discarded: the leader arm: {error}")
            return
        if self._follower is not None:
            arm = self._robot.arm
            self._arm.send(self._follower.step(PERIOD, np.clip(position, arm.lower, arm.upper)), PERIOD)
            self._episode.is_waiting = not self._follower.aligned

    # Episodes.

    def _begin(self) -> None:
        objection = self._arm.objection() or self._observation.objection(self._now())
        try:
            features = None if objection else self._observation.object_features(self._now())
        except ConnectionError as error:
            objection, features = str(error), None
        if features is None:
            self._print(f"not now: {objection}")
            return
        self._arm.watch()
        # The motion to the leader's pose is not part of the demonstration.
        builder = EpisodeBuilder(self._fps, features, self._plan.task, self._plan.images)
        self._episode.begin(builder, is_waiting=self._leader is not None)

    def _keep(self) -> None:
        builder = self._episode.end()
        if builder is None:
            return
        self._source["tried"] += 1
        number = self._writer.episodes
        try:
            episode = builder.finish()
            kept = [*self._source["kept"], [number, self._source["tried"] - 1]]
            self._writer.add(episode, with_source(self._writer.recording, {**self._source, "kept": kept}))
        except (EpisodeBuilderError, UnitsError) as error:
            self._print(f"discarded: {error}")
            return
        self._source["kept"] = kept
        self._print(f"kept: episode {number}, {len(episode) / episode.fps:.1f} s")

    def _discard(self, why: str) -> None:
        if self._episode.end() is not None:
            self._source["tried"] += 1
            self._print(why)

    # The terminal.

    @property
    def _help(self) -> str:
        return RECORDING_HELP if self._leader else f"{HELP_TEXT}\n{RECORDING_HELP}"

    def _show(self) -> None:
        parts = [f"{self._writer.episodes} of {self._plan.episodes} kept"]
        if not self._episode.is_active:
            parts.append("ENTER begins an episode")
        elif self._episode.is_waiting:
            parts.append("the arm goes to the leader's pose")
        else:
            parts.append(f"RECORDING {self._episode.seconds:.1f} s, lifted {100.0 * self._episode.lift:.0f} cm")
        objections = (
            self._arm.objection(),
            self._observation.objection(self._now()),
            self._jog.objection if self._jog else "",
        )
        line = " | ".join([*parts, *filter(None, objections)])
        width = shutil.get_terminal_size().columns - 1
        self._write("\r" + line[:width] + "\x1b[K")

    def _print(self, text: str) -> None:
        self._write("\r\x1b[K" + text + "\n")

    def _write(self, text: str) -> None:
        self._screen.write(text)
        self._screen.flush()
