"""Replay of a recorded demonstration with the running arm. No ROS."""

import math
import time
from typing import Iterable, List, Protocol, Tuple

import numpy as np
from rich.console import Console
from rich.progress import track

from xdog.core.description import RobotDescription
from xdog.locomotion.stance import smooth
from xdog_learning.dataset.comparison import difference
from xdog_learning.dataset.episode import Episode
from xdog_learning.grasp.running_arm import RunningArm

Array = np.ndarray

PATIENCE = 5.0
"""s of wall time in which the graph must answer."""
MOVED = 0.06
"""rad. If the arm moved further while the user was asked, its path differs from the one confirmed."""


class ReplayError(ConnectionError):
    """The arm may not move, was stopped, or is in use. No more setpoints are sent."""


class JointLog:
    """Measured joints with their times."""

    def __init__(self) -> None:
        self._entries: List[Tuple[float, Array]] = []

    def add(self, stamp: float, joints: Array, *_: Array) -> None:
        """Add joints (6,) rad, measured at ``stamp``, s."""
        self._entries.append((stamp, joints))

    def clear(self) -> None:
        """Remove all entries."""
        self._entries.clear()

    def at(self, times: Array) -> Array:
        """The measurements (T, 6) rad nearest to the times (T,) s.

        Raises:
            ReplayError: there are none.
        """
        if not self._entries:
            raise ReplayError("no joint_states came in during the replay: it is not known where the arm went")
        stamps, joints = (np.array(part) for part in zip(*self._entries))
        return np.asarray(joints[np.abs(stamps[None, :] - times[:, None]).argmin(axis=1)])


class ReplayClock(Protocol):
    """The graph's time."""

    @property
    def is_ending(self) -> bool:
        """Whether this program is shutting down."""
        ...

    def now(self) -> float:
        """The time, s."""
        ...

    def wait(self, due: float) -> None:
        """Wait until ``due`` (s), but only briefly: simulated time may stand still."""
        ...


class RobotReplay:
    """Moves the arm to the start of an episode, then sends the episode's actions at their rate.

    Args:
        robot: its description.
        arm: to move. Its measurements must go to ``log``.
        log: of its joints.
        clock: of the measurements' stamps.
        speed: rad/s of the fastest joint on the way to the start.
        console: for output and questions.
    """

    def __init__(
        self,
        robot: RobotDescription,
        arm: RunningArm,
        log: JointLog,
        clock: ReplayClock,
        speed: float,
        console: Console,
    ) -> None:
        self._robot, self._arm, self._log, self._clock = robot, arm, log, clock
        self._speed, self._console = speed, console

    def run(self, episode: Episode, agreed: bool) -> None:
        """Replay an episode and print how far the joints were off.

        Args:
            episode: to replay.
            agreed: move without asking.

        Raises:
            ReplayError: the arm may not move, or is stopped.
        """
        self._wait_until_free()
        before, first = self._joints(), episode.state[0].astype(float)
        self._console.print(
            f"The arm will move to the start of the episode ({self._duration(before, first):.1f} s), then as "
            f"recorded for {len(episode) / episode.fps:.1f} s. It does not avoid obstacles."
        )
        if not agreed and not self._agrees():
            self._console.print("Nothing was moved.")
            return
        self._wait_until_free()  # the user may have answered late
        off = np.abs(self._joints() - before)
        if off.max() > MOVED:
            raise ReplayError(
                f"{self._robot.arm.names[int(off.argmax())]} has moved by {off.max():.2f} rad since the motion was "
                "announced: nothing was sent, run the command again"
            )
        start = self._arm.target()
        assert start is not None, "joints were waited for"
        steps = max(1, math.ceil(self._duration(start, first) * episode.fps))
        lead_in = [start + smooth(i / steps) * (first - start) for i in range(1, steps + 1)]
        self._arm.watch()
        self._stream(track(lead_in, description="to the start", console=self._console), episode.fps)
        self._log.clear()
        actions = track(episode.action.astype(float), description="replaying", console=self._console)
        sent = np.array(self._stream(actions, episode.fps))
        self._console.print(difference(self._log.at(sent), episode.state, self._robot.arm.names))

    def _duration(self, start: Array, goal: Array) -> float:
        """Time in s of a minimum jerk from ``start`` to ``goal`` (6,) rad, its fastest joint at the speed at most."""
        return 1.875 * float(np.abs(goal - start).max()) / self._speed

    def _joints(self) -> Array:
        assert self._arm.joints is not None, "joints were waited for"
        return self._arm.joints

    def _agrees(self) -> bool:
        try:
            answer = self._console.input("Is the path clear? Move the arm? (y/N) ")
        except EOFError:  # there is no terminal
            return False
        return answer.strip().lower() in ("y", "yes")

    def _wait_until_free(self) -> None:
        end = time.monotonic() + PATIENCE
        while self._objection() or self._led():
            if time.monotonic() > end:
                raise ReplayError(f"the arm cannot be moved: {self._objection() or self._led()}")
            time.sleep(0.05)  # no event reports a new connection or a released stop: poll

    def _led(self) -> str:
        """Why the arm is not free although it may move: between two senders of setpoints it would jerk."""
        return "another program sends arm/setpoint: stop it first" if self._arm.mode == "streaming" else ""

    def _objection(self) -> str:
        """Why the arm may not move, or which goal it already follows; empty if it is free."""
        goal = self._arm.mode in ("trajectory", "gripper")
        return self._arm.objection() or (f"arm_controller executes a {self._arm.mode} goal" if goal else "")

    def _stream(self, targets: Iterable[Array], fps: int) -> List[float]:
        """Send targets (6,) rad at their rate; gives the time of each, s.

        Raises:
            ReplayError: the arm was stopped, or follows another goal.
        """
        sent: List[float] = []
        due = self._clock.now()
        for target in targets:
            self._check()
            sent.append(self._clock.now())
            self._arm.send(target, 1.0 / fps)
            due = max(due + 1.0 / fps, sent[-1])
            while self._clock.now() < due:
                self._check()
                self._clock.wait(due)
        return sent

    def _check(self) -> None:
        why = self._arm.interruption() or self._objection()
        if why or self._clock.is_ending:
            raise ReplayError(f"stopped: {why or 'this program is shutting down'}")
