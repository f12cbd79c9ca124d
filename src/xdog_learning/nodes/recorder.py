"""Records a human who moves the arm of the running graph, by the keys of this terminal or with a leader arm."""

import shutil
import sys
import threading
import time
from typing import Callable, List, Optional

import numpy as np
import rospy
from rich.console import Console

from xdog.arm.gripper import Gripper
from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import RobotDescription, load_description
from xdog.core.interfaces import HardwareError
from xdog.grasp.config import load_pick_config
from xdog.grasp.grip_monitor import GripMonitor
from xdog.hardware.so101.arm import So101Arm, servo_names
from xdog.hardware.so101.calibration import load_calibration
from xdog.hardware.so101.feetech_bus import FeetechBus
from xdog.hardware.so101.servo_health import load_health_config
from xdog.nodes.common.lockstep import LockstepClient
from xdog.nodes.common.requests import RobotRequests
from xdog.teleop.arm import AXES, HELP_TEXT, ArmJog, LeaderFollower, load_arm_teleop_config
from xdog.teleop.config import load_teleop_config
from xdog.teleop.keys import SPACE, KeyDecoder, is_paste
from xdog.teleop.terminal import KeyTerminal, NoTerminalError
from xdog_learning.commands.record import RecordOptions, source_of, with_source
from xdog_learning.dataset import DatasetWriter
from xdog_learning.dataset.episode_builder import EpisodeBuilder, EpisodeBuilderError
from xdog_learning.nodes.arm_link import ArmLink, ArmLinkError, join_graph
from xdog_learning.nodes.eyes import PerceptionListener
from xdog_sim.grasp.config import load_grasp_scenarios

Array = np.ndarray

PERIOD = 0.02
"""s of wall time between setpoints."""
STATUS_PERIOD = 0.1
"""s between two looks of the status line."""
KEEP, DISCARD, QUIT = ("\r", "\n"), ("\x7f", "\b"), ("x", "\x03", "\x04")
REQUESTS = {SPACE: "estop", "z": "estop_reset", "1": "home", "2": "stow"}
RECORDING_HELP = """\
  ENTER  begin a take; again: it succeeded, keep it      BACKSPACE  discard it
  1 home   2 stow   SPACE e-stop   z reset it   h this help   x quit"""

Mover = Callable[[float, Array], Optional[Array]]
"""From the time in s and the measured joints (6,) to the next target (6,), None for nothing to send."""


class DemonstrationRecorder:
    """Keys in, setpoints and episodes out.

    Args:
        arguments: of ./xdog record.
        writer: of the dataset.
        terminal: where the keys come from.
    """

    def __init__(self, arguments: RecordOptions, writer: DatasetWriter, terminal: KeyTerminal) -> None:
        self._arguments, self._writer, self._terminal = arguments, writer, terminal
        self._robot = load_description()
        scene = load_grasp_scenarios()
        size = (int(scene.camera.height), int(scene.camera.width)) if arguments.images else None
        self._fps = round(1.0 / scene.policy_period)
        self._source = source_of(writer.recording, arguments.by, None)
        self._kinematics = ArmKinematics(self._robot)
        self._grasp, self._gripper = load_pick_config(), Gripper(self._robot)
        self._teleop, teleop = load_arm_teleop_config(), load_teleop_config()
        self._calls = RobotRequests(teleop.service_timeout)
        self._lock = threading.Lock()
        self._take: Optional[EpisodeBuilder] = None
        self._spoilt = ""
        self._watch = GripMonitor(self._grasp, self._gripper)
        self._decoder = KeyDecoder()
        self._jog: Optional[ArmJog] = None
        self._quitting = False
        self._leader = open_leader(arguments, self._robot) if arguments.by == "leader" else None
        self._follower: Optional[LeaderFollower] = None
        guest = LockstepClient()
        self._eyes = PerceptionListener(self._robot, arguments.label, size, guest)
        self._link = ArmLink(self._robot, self._on_joints, guest)  # last: it calls back from here on

    def run(self) -> None:
        """Record until the dataset holds enough episodes or the user quits."""
        self._say(RECORDING_HELP if self._leader else f"{HELP_TEXT}\n{RECORDING_HELP}")
        due = shown = time.monotonic()
        while not (rospy.is_shutdown() or self._quitting) and self._writer.episodes < self._arguments.episodes:
            data = self._terminal.read(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            if data is not None:
                self._keys(data, now)
            answer = self._calls.answer()
            if answer is not None:
                self._say(answer.text)
            if now >= due:
                due = max(due + PERIOD, now)
                self._move(now)
                self._end_by_itself()
            if now >= shown:
                shown = now + STATUS_PERIOD
                self._show()
        self._write("\n")

    def close(self) -> None:
        """Let go of the leader arm."""
        if self._leader is not None:
            self._leader.close()

    # Keys.

    def _keys(self, data: bytes, now: float) -> None:
        keys = self._decoder.feed(data)
        if not data or any(key in QUIT for key in keys):
            self._quitting = True
            return
        if SPACE in keys:
            keys = [SPACE]
        if is_paste(keys):
            return
        for key in keys:
            if key in AXES and self._leader is None:
                self._press(key, now)
            elif key in REQUESTS:
                self._jog = self._follower = None  # somebody else moves the arm now
                if REQUESTS[key] in self._robot.arm.poses:
                    self._discard(f"discarded: {REQUESTS[key]} was asked for")
                self._say(f"{REQUESTS[key]} ...")
                self._calls.call(REQUESTS[key])
            elif key in KEEP:
                self._keep() if self._take else self._begin()
            elif key in DISCARD:
                self._discard("discarded")
            elif key == "h":
                self._say(f"{HELP_TEXT}\n{RECORDING_HELP}")

    def _press(self, key: str, now: float) -> None:
        target = self._link.target()
        if target is None or self._link.objection():
            return
        if self._jog is None:
            self._jog = ArmJog(self._robot, self._teleop, target)
        self._jog.press(key, now)

    # Moving.

    def _move(self, now: float) -> None:
        joints, interruption = self._link.joints, self._link.interruption()
        if interruption or joints is None:
            self._link.watch()
            self._jog = self._follower = None  # begin anew from where the arm is when it may move again
            if self._take:
                self._discard(f"discarded: {interruption}")
            elif not self._link.objection():  # which the status line shows
                self._say(interruption)
        elif self._leader is not None:
            self._follow()
        elif self._jog is not None:
            self._link.send(self._jog.step(now, PERIOD, joints), PERIOD)

    def _follow(self) -> None:
        """A leader arm is followed while a take is on; before, the arm waits at rest."""
        if self._take is None or self._leader is None:
            self._follower = None
            return
        target = self._link.target()
        if self._follower is None and target is not None:
            self._follower = LeaderFollower(self._teleop, target)
        try:
            leader = self._leader.read().position
        except HardwareError as error:
            self._discard(f"discarded: the leader arm: {error}")
            return
        if self._follower is not None:
            arm = self._robot.arm
            self._link.send(self._follower.step(PERIOD, np.clip(leader, arm.lower, arm.upper)), PERIOD)

    # Takes.

    def _begin(self) -> None:
        if self._link.objection():
            self._say(f"not now: {self._link.objection()}")
            return
        if self._eyes.objection(rospy.get_time()):
            self._say(f"not now: {self._eyes.objection(rospy.get_time())}")
            return
        try:
            token = self._eyes.token(rospy.get_time())
        except ArmLinkError as error:
            self._say(f"not now: {error}")
            return
        self._link.watch()
        with self._lock:
            self._spoilt = ""
            self._watch = GripMonitor(self._grasp, self._gripper)
            self._take = EpisodeBuilder(self._fps, token, self._arguments.task, self._arguments.images)

    def _on_joints(self, stamp: float, joints: Array, effort: Array, target: Array) -> None:
        with self._lock:
            if self._take is None or self._spoilt:
                return
            if self._leader is not None and not (self._follower and self._follower.aligned):
                return  # the way to the leader's pose is no part of the demonstration
            try:
                image = self._eyes.image(stamp) if self._arguments.images else None
                if self._take.sample(stamp, joints, target, image):
                    tool = np.array([0.0, 0.0, self._eyes.height(self._kinematics.forward(joints)[0])])
                    self._watch.update(stamp, tool, float(joints[5]), float(effort[5]), near=False)
            except (EpisodeBuilderError, ArmLinkError) as error:
                self._spoilt = str(error)

    def _end_by_itself(self) -> None:
        """A spoilt take is discarded; one of a leader arm, whose hands are full, is kept once the lift is sure."""
        if self._take is not None and self._spoilt:
            self._discard(f"discarded: {self._spoilt}")
        elif self._take is not None and self._leader is not None and self._watch.held_up:
            self._keep()

    def _stop_take(self) -> Optional[EpisodeBuilder]:
        with self._lock:
            take, self._take = self._take, None
        return take

    def _keep(self) -> None:
        take = self._stop_take()
        if take is None:
            return
        self._source["tried"] += 1
        try:
            episode = take.finish()
        except EpisodeBuilderError as error:
            self._say(f"discarded: {error}")
            return
        self._source["kept"].append([self._writer.episodes, self._source["tried"] - 1])
        self._writer.add(episode, with_source(self._writer.recording, self._source))
        self._say(f"kept: episode {self._writer.episodes - 1}, {len(episode) / episode.fps:.1f} s")

    def _discard(self, why: str) -> None:
        if self._stop_take() is not None:
            self._source["tried"] += 1
            self._say(why)

    # Talking.

    def _show(self) -> None:
        take, parts = self._take, [f"{self._writer.episodes} of {self._arguments.episodes} kept"]
        if take is None:
            parts.append("ENTER begins a take")
        elif self._leader is not None and not (self._follower and self._follower.aligned):
            parts.append("the arm goes to the leader's pose")
        else:
            parts.append(f"RECORDING {take.seconds:.1f} s, lifted {100.0 * self._watch.lift:.0f} cm")
        eyes = self._eyes.objection(rospy.get_time())
        said: List[str] = [self._link.objection(), eyes, self._jog.objection if self._jog else ""]
        line = " | ".join([*parts, *filter(None, said)])
        width = shutil.get_terminal_size().columns - 1
        self._write("\r" + line[:width] + "\x1b[K")

    def _say(self, text: str) -> None:
        self._write("\r\x1b[K" + text + "\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def open_leader(arguments: RecordOptions, robot: RobotDescription) -> So101Arm:
    """The leader arm, limp.

    Raises:
        GraphError: it has no calibration, or does not answer.
    """
    if arguments.calibration is None:
        raise ArmLinkError("--by leader needs --calibration FILE of the leader arm: make it with ./xdog arm calibrate")
    try:
        calibration = load_calibration(arguments.calibration.expanduser(), robot.arm.names)
        bus = FeetechBus(arguments.port, servo_names(calibration))
        leader = So101Arm(robot, bus, calibration, load_health_config(), time.monotonic, limp=True)
        leader.connect()
    except (HardwareError, OSError, ValueError) as error:
        raise ArmLinkError(f"the leader arm on {arguments.port}: {error}") from error
    return leader


def record_human(arguments: RecordOptions, writer: DatasetWriter, console: Console) -> None:
    """Record until the dataset holds enough episodes or the user quits.

    Raises:
        GraphError: the graph or the leader arm is not there, or this is no terminal.
    """
    join_graph("recorder")
    before = writer.episodes
    try:
        with KeyTerminal(sys.stdin.fileno()) as terminal:
            recorder = DemonstrationRecorder(arguments, writer, terminal)
            try:
                recorder.run()
            finally:
                recorder.close()
    except NoTerminalError as error:
        raise ArmLinkError(str(error)) from error
    console.print(f"Kept {writer.episodes - before} of this session's takes.")
