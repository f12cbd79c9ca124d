"""Records a human who moves the arm of the running graph, with the keyboard of this terminal or a leader arm."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Optional

import rospy
from rich.console import Console

from xdog.core.description import RobotDescription, load_description
from xdog.core.interfaces import HardwareError
from xdog.grasp.config import load_pick_config
from xdog.hardware.so101.arm import So101Arm, servo_names
from xdog.hardware.so101.calibration import load_calibration
from xdog.hardware.so101.feetech_bus import FeetechBus
from xdog.hardware.so101.servo_health import load_health_config
from xdog.nodes.common.lockstep import LockstepClient
from xdog.nodes.common.requests import RobotRequests
from xdog.teleop.config import load_teleop_config
from xdog.teleop.terminal import KeyTerminal, NoTerminalError
from xdog_learning.dataset import DatasetWriter
from xdog_learning.grasp.demonstration_recorder import DemonstrationRecorder, RecordingPlan
from xdog_learning.grasp.live_episode import LiveEpisode
from xdog_learning.nodes.common.arm_link import ArmLink, ArmLinkError, join_graph
from xdog_learning.nodes.common.observation_listener import ObservationListener
from xdog_sim.grasp.config import load_grasp_scenarios


def open_leader(port: str, calibration: Optional[Path], robot: RobotDescription) -> So101Arm:
    """The leader arm, with its torque off.

    Args:
        port: its serial port.
        calibration: its file.
        robot: the description.

    Raises:
        ArmLinkError: it has no calibration, or does not answer.
    """
    if calibration is None:
        raise ArmLinkError("--by leader needs --calibration FILE of the leader arm: make it with ./xdog arm calibrate")
    try:
        joints = load_calibration(calibration, robot.arm.names)
        bus = FeetechBus(port, servo_names(joints))
        leader = So101Arm(robot, bus, joints, load_health_config(), time.monotonic, torque_off=True)
        leader.connect()
    except (HardwareError, OSError, ValueError) as error:
        raise ArmLinkError(f"the leader arm on {port}: {error}") from error
    return leader


def record_human(
    plan: RecordingPlan, label: str, port: str, calibration: Optional[Path], writer: DatasetWriter, console: Console
) -> None:
    """Record until the dataset holds enough episodes or the user quits.

    Args:
        plan: what to record.
        label: class of the object; empty for the nearest.
        port: of the leader arm.
        calibration: file of the leader arm.
        writer: of the dataset.
        console: for the last line.

    Raises:
        ArmLinkError: the graph or the leader arm is missing, or this is not a terminal.
        DatasetError: an episode could not be written.
    """
    join_graph("recorder")
    robot, before = load_description(), writer.episodes
    camera = load_grasp_scenarios().camera
    size = (int(camera.height), int(camera.width)) if plan.images else None
    with ExitStack() as held:
        try:
            terminal = held.enter_context(KeyTerminal(sys.stdin.fileno()))
        except NoTerminalError as error:
            raise ArmLinkError(str(error)) from error
        leader = None
        if plan.by == "leader":
            leader = open_leader(port, calibration, robot)
            held.callback(leader.close)
        lockstep = LockstepClient()
        observation = ObservationListener(robot, label, size, lockstep)
        episode = LiveEpisode(robot, load_pick_config(), observation)
        arm = ArmLink(robot, episode.on_joints, lockstep)
        teleop = load_teleop_config()
        recorder = DemonstrationRecorder(
            plan,
            robot,
            teleop.arm,
            writer,
            arm,
            observation,
            episode,
            RobotRequests(teleop.service_timeout),
            terminal,
            leader,
            rospy.get_time,
        )
        recorder.run(rospy.is_shutdown)
    console.print(f"Recorded {writer.episodes - before} episodes in this session.")
