"""Replays a demonstration with the arm of the running graph, real or simulated."""

import time

import rospy
from rich.console import Console

from xdog.core.description import load_description
from xdog.nodes.common import clock
from xdog.nodes.common.callbacks import is_ending
from xdog.nodes.common.lockstep import LockstepClient
from xdog.teleop.config import load_teleop_config
from xdog_learning.dataset.episode import Episode
from xdog_learning.grasp.robot_replay import JointLog, RobotReplay
from xdog_learning.nodes.common.arm_link import ArmLink, join_graph


class GraphClock:
    """ROS time."""

    @property
    def is_ending(self) -> bool:
        """Whether the node is shutting down."""
        return is_ending()

    def now(self) -> float:
        """The time, s."""
        return float(rospy.get_time())

    def wait(self, due: float) -> None:
        """Wait until ``due`` (s), but only briefly: simulated time may stand still."""
        if rospy.rostime.is_wallclock():
            time.sleep(min(max(due - self.now(), 0.0), clock.POLL))  # keeps the pace of the recording
            return
        news = rospy.rostime.get_rostime_cond()
        with news:
            if self.now() < due:
                news.wait(clock.POLL)


def replay_on_robot(episode: Episode, agreed: bool, console: Console) -> None:
    """Replay an episode and print how far the joints were off.

    Args:
        episode: to replay.
        agreed: move without asking.
        console: for output and questions.

    Raises:
        ArmLinkError: there is no ROS master.
        ReplayError: the arm may not move, or is stopped.
    """
    join_graph("replay")
    robot, log = load_description(), JointLog()
    arm = ArmLink(robot, log.add, LockstepClient())
    RobotReplay(robot, arm, log, GraphClock(), load_teleop_config().arm.align, console).run(episode, agreed)
