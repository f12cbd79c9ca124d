"""Replays a demonstration with the arm of the running graph, real or simulated."""

import time
from typing import List, Tuple

import numpy as np
import rospy
from rich.console import Console
from rich.progress import track

from xdog.description import load_description
from xdog.locomotion.stance import smooth
from xdog.teleop.arm import load_arm_teleop_config
from xdog_learning.grasp.episode import Episode
from xdog_learning.grasp.replay import difference
from xdog_learning.nodes.arm_link import ArmLink, GraphError, join_graph

Array = np.ndarray

PATIENCE = 5.0
"""s of wall time in which the graph must answer."""


def replay_on_robot(episode: Episode, agreed: bool, console: Console) -> None:
    """Lead the arm to where the episode begins, send its actions at their rate, and say how far the joints were off.

    Args:
        episode: to replay.
        agreed: move without asking.
        console: to talk to the user.

    Raises:
        GraphError: the graph is not there, forbids motion, or stops the arm; the setpoints end with it.
    """
    join_graph("replay")
    robot, speed = load_description(), load_arm_teleop_config().align
    measured: List[Tuple[float, Array]] = []
    link = ArmLink(robot, lambda stamp, joints, *_: measured.append((stamp, joints)))
    _wait(link)
    start = link.target()
    assert start is not None, "joints were waited for"
    first = episode.state[0].astype(float)
    seconds = 1.875 * float(np.abs(first - start).max()) / speed  # peak speed of a minimum jerk
    console.print(
        f"The arm will go to where the episode begins ({seconds:.1f} s), then move as it was recorded for "
        f"{len(episode) / episode.fps:.1f} s, whatever is in its way."
    )
    if not agreed and not _agrees(console):
        console.print("Nothing was moved.")
        return
    rate = rospy.Rate(episode.fps)
    steps = max(1, round(seconds * episode.fps))
    lead_in = [start + smooth(i / steps) * (first - start) for i in range(1, steps + 1)]
    for target in track(lead_in, description="to the start", console=console):
        _send(link, target, episode.fps, rate)
    measured.clear()
    begin = rospy.get_time()
    for action in track(episode.action, description="replaying", console=console):
        _send(link, action.astype(float), episode.fps, rate)
    stamps, joints = np.array([stamp for stamp, _ in measured]), np.array([entry for _, entry in measured])
    nearest = np.abs(stamps[None, :] - (begin + np.arange(len(episode)) / episode.fps)[:, None]).argmin(axis=1)
    console.print(difference(joints[nearest], episode.state, robot.arm.names))


def _agrees(console: Console) -> bool:
    try:
        answer = console.input("Is the way free? Move the arm? (y/N) ")
    except EOFError:  # nobody there to ask
        return False
    return answer.strip().lower() in ("y", "yes")


def _wait(link: ArmLink) -> None:
    end = time.monotonic() + PATIENCE
    while link.objection() or not link.listeners():
        if time.monotonic() > end:
            reason = link.objection() or "nobody takes arm/setpoint: is arm_controller running?"
            raise GraphError(f"the arm cannot be moved: {reason}")
        time.sleep(0.05)  # connections and stops tell nobody that they came or went: ask again


def _send(link: ArmLink, target: Array, fps: int, rate: rospy.Rate) -> None:
    objection = link.objection()
    if objection:
        raise GraphError(f"stopped: {objection}")
    link.send(target, 1.0 / fps)
    rate.sleep()
