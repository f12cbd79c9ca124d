#!/usr/bin/env python3
"""./xdog record --by keyboard and ./xdog replay --robot, through the running graph."""

import os
import re
import shutil
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Callable, List

import numpy as np
import rospy
import rostest
from std_srvs.srv import Trigger
from terminal import Terminal

from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import load_description
from xdog.grasp.observation import OBJECT_FEATURE_COUNT
from xdog_learning.dataset import DatasetWriter, load_dataset
from xdog_learning.dataset.episode import Episode

WALL_LIMIT = 90.0
"""s of wall time that a wait may last."""


class Session(Terminal):
    """An `./xdog` command in a terminal."""

    def __init__(self, command: List[str]) -> None:
        environment = {**os.environ, "TERM": "dumb", "COLUMNS": "200"}
        super().__init__([sys.executable, "-m", *command], environment, threading.Condition())

    def wait(self, condition: Callable[[], object], what: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Until the condition holds; ``meanwhile`` is done ten times a second."""
        end = time.monotonic() + WALL_LIMIT
        with self.news:
            while not condition():
                assert time.monotonic() < end, f"{what}; the terminal shows: {self.output()}"
                meanwhile()
                self.news.wait(0.1)

    def output(self) -> str:
        """What was shown, without the status line's repetitions."""
        return "\n".join(dict.fromkeys(re.split(r"[\r\n]+", self.shown)))[-3000:]


class RecordTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def run_in_terminal(self, *command: str) -> Session:
        terminal = Session(list(command))
        self.addCleanup(terminal.close)
        return terminal

    def test_an_episode_by_keyboard_is_kept_and_replayed(self) -> None:
        dataset = str(self.folder / "mine")
        recorder = self.record("--out", dataset)
        recorder.press(b"1")
        recorder.wait(lambda: "home: done" in recorder.shown, "the arm goes home")
        self.begin(recorder)
        until = self.seconds(recorder) + 2.0
        recorder.wait(self.recorded(recorder, until), "the gripper rises", lambda: recorder.press(b"r"))
        self.keep(recorder)

        data = load_dataset(Path(dataset))
        episode, arm = data.episode(0), ArmKinematics(load_description())
        assert (len(data), data.fps) == (1, 25)
        heights = [arm.forward(joints)[0][2] for joints in episode.state]
        assert max(heights) - heights[0] > 0.03
        assert np.abs(episode.state - episode.action)[:, :5].max() < 0.4  # what was sent is what it follows
        assert np.linalg.norm(episode.environment_state[0, :3]) < 1.0  # an object of the scene
        assert abs(np.linalg.norm(episode.environment_state[0, 5:]) - 1.0) < 1e-5

        replay = self.run_in_terminal("xdog_learning.commands.replay", dataset, "--robot")
        replay.wait(lambda: "Move the arm?" in replay.shown, "it asks first")
        replay.press(b"y\n")
        replay.wait(lambda: replay.process.poll() is not None, "the replay ends")
        match = re.search(r"by ([0-9.]+) rad rms", replay.shown)
        assert match, replay.shown[-1500:]
        assert float(match[1]) < 0.1

    def test_an_episode_with_images(self) -> None:
        dataset = str(self.folder / "seen")
        recorder = self.record("--images", "--out", dataset)
        self.begin(recorder)
        self.keep(recorder)
        images = load_dataset(Path(dataset), images=True).episode(0).images
        assert images is not None
        assert images.shape[1:] == (96, 128, 3)
        assert len(images) >= 20  # the status line rounds
        assert images.std() > 10.0, "there is something to see"

    def test_emergency_stop_ends_episodes_and_replays(self) -> None:  # the last by name: it leaves the robot stopped
        recorder = self.record("--out", str(self.folder / "stopped"))
        self.begin(recorder)
        before = len(self.ends(recorder))
        recorder.press(b" ")
        recorder.wait(lambda: len(self.ends(recorder)) > before, "the episode is discarded")
        self.reset(recorder)
        recorder.press(b"x")
        recorder.wait(lambda: recorder.process.poll() is not None, "the recorder ends")
        assert not (self.folder / "stopped").exists()

        rest = np.zeros((25, 6), np.float32)
        with DatasetWriter(self.folder / "rest") as writer:
            writer.add(Episode(rest, np.ones((25, OBJECT_FEATURE_COUNT), np.float32), rest, None, "rest", 25))
        replay = self.run_in_terminal("xdog_learning.commands.replay", str(self.folder / "rest"), "--robot")
        replay.wait(lambda: "Move the arm?" in replay.shown, "it asks first")
        assert rospy.ServiceProxy("estop", Trigger)().success
        replay.press(b"y\n")
        replay.wait(lambda: replay.process.poll() is not None, "the replay ends")
        assert replay.process.returncode == 1
        # Before or after the replay has sent its first goal: it hears of the stop by another connection.
        assert "motion not allowed: e-stop" in replay.shown, replay.shown[-1500:]

    def record(self, *arguments: str) -> Session:
        """A recorder of one episode, ready to begin."""
        command = ("xdog_learning.commands.record", "--by", "keyboard", "--episodes", "1")
        recorder = self.run_in_terminal(*command, *arguments)
        recorder.wait(lambda: re.search(r"ENTER begins an episode *\x1b", recorder.shown), "the arm may move")
        return recorder

    def begin(self, recorder: Session) -> None:
        """Record a second at rest. An episode that fails on a slow machine is recorded again, as a user would."""
        over = 0
        recorder.press(b"\r")

        def again() -> None:
            nonlocal over
            if len(self.ends(recorder)) > over:
                over = len(self.ends(recorder))
                recorder.press(b"\r")

        recorder.wait(lambda: self.seconds(recorder) >= 1.0, "an episode begins", again)

    def reset(self, recorder: Session) -> None:
        """Reset the stop. It is refused while the legs are still being damped: then again, as a user would."""
        refusals = 0
        recorder.press(b"z")

        def again() -> None:
            nonlocal refusals
            if recorder.shown.count("estop_reset: refused") > refusals:
                refusals = recorder.shown.count("estop_reset: refused")
                recorder.press(b"z")

        recorder.wait(lambda: "estop_reset: done" in recorder.shown, "the stop is reset", again)

    def ends(self, recorder: Session) -> List[str]:
        """Why episodes did not begin, or were discarded."""
        return re.findall(r"(?:not now|discarded): [^\r\n]*", recorder.shown)

    def keep(self, recorder: Session) -> None:
        recorder.press(b"\r")
        recorder.wait(lambda: "kept: episode 0" in recorder.shown, "the episode is kept")
        recorder.wait(lambda: recorder.process.poll() is not None, "it ends with the last episode")

    def seconds(self, recorder: Session) -> float:
        """How long the newest episode is, by the status line; 0 before the first."""
        shown = re.findall(r"RECORDING ([0-9.]+) s", recorder.shown)
        return float(shown[-1]) if shown else 0.0

    def recorded(self, recorder: Session, seconds: float) -> Callable[[], bool]:
        return lambda: self.seconds(recorder) >= seconds


if __name__ == "__main__":
    rostest.rosrun("xdog", "record", RecordTest, sys.argv)
