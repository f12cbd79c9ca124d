"""Replays a demonstration with the arm of the running graph, real or simulated."""

import time
from typing import Iterable, List, Tuple

import numpy as np
import rospy
from rich.console import Console
from rich.progress import track

from xdog.core.description import load_description
from xdog.locomotion.stance import smooth
from xdog.nodes.common import clock
from xdog.nodes.common.lockstep import LockstepClient
from xdog.teleop.config import load_teleop_config
from xdog_learning.commands.replay import difference
from xdog_learning.dataset.episode import Episode
from xdog_learning.nodes.common.arm_link import ArmLink, ArmLinkError, join_graph

Array = np.ndarray

PATIENCE = 5.0
"""s of wall time in which the graph must answer."""
MOVED = 0.06
"""rad. An arm that moved further while the user was asked goes another way than the one that was agreed to."""


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
    robot, speed = load_description(), load_teleop_config().arm.align
    measured: List[Tuple[float, Array]] = []
    link = ArmLink(robot, lambda stamp, joints, *_: measured.append((stamp, joints)), LockstepClient())
    _wait(link)
    before, first = _joints(link), episode.state[0].astype(float)
    console.print(
        f"The arm will go to where the episode begins ({_duration(before, first, speed):.1f} s), then move as it was "
        f"recorded for {len(episode) / episode.fps:.1f} s, whatever is in its way."
    )
    if not agreed and not _agrees(console):
        console.print("Nothing was moved.")
        return
    _wait(link)  # the question may have stood for long
    off = np.abs(_joints(link) - before)
    if off.max() > MOVED:
        raise ArmLinkError(
            f"{robot.arm.names[int(off.argmax())]} has moved by {off.max():.2f} rad since the way was announced: "
            "nothing was sent, give the command again"
        )
    start = link.target()
    assert start is not None, "joints were waited for"
    steps = max(1, round(_duration(start, first, speed) * episode.fps))
    lead_in = [start + smooth(i / steps) * (first - start) for i in range(1, steps + 1)]
    link.watch()
    _stream(link, track(lead_in, description="to the start", console=console), episode.fps)
    measured.clear()
    actions = track(episode.action.astype(float), description="replaying", console=console)
    sent = np.array(_stream(link, actions, episode.fps))
    if not measured:
        raise ArmLinkError("no joint_states came in while the episode was replayed: nobody knows where the arm went")
    stamps, joints = np.array([stamp for stamp, _ in measured]), np.array([entry for _, entry in measured])
    nearest = np.abs(stamps[None, :] - sent[:, None]).argmin(axis=1)
    console.print(difference(joints[nearest], episode.state, robot.arm.names))


def _duration(start: Array, goal: Array, speed: float) -> float:
    """Time in s of a minimum jerk from ``start`` to ``goal`` (6,) rad, its fastest joint at ``speed`` rad/s at most."""
    return 1.875 * float(np.abs(goal - start).max()) / speed


def _joints(link: ArmLink) -> Array:
    assert link.joints is not None, "joints were waited for"
    return link.joints


def _agrees(console: Console) -> bool:
    try:
        answer = console.input("Is the way free? Move the arm? (y/N) ")
    except EOFError:  # nobody there to ask
        return False
    return answer.strip().lower() in ("y", "yes")


def _wait(link: ArmLink) -> None:
    end = time.monotonic() + PATIENCE
    while _objection(link):
        if time.monotonic() > end:
            raise ArmLinkError(f"the arm cannot be moved: {_objection(link)}")
        time.sleep(0.05)  # connections and stops tell nobody that they came or went: ask again


def _objection(link: ArmLink) -> str:
    """Why the arm may not move, or whom it obeys already; empty if it may."""
    busy = f"arm_controller carries out a {link.mode} goal" if link.mode in ("trajectory", "gripper") else ""
    return link.objection() or busy


def _stream(link: ArmLink, targets: Iterable[Array], fps: int) -> List[float]:
    """Send targets (6,) rad at their rate; gives the graph's time of each, s.

    Raises:
        GraphError: the arm was stopped, or obeys others; nothing is sent any more.
    """
    sent: List[float] = []
    due = rospy.get_time()
    for target in targets:
        _go_on(link)
        sent.append(rospy.get_time())
        link.send(target, 1.0 / fps)
        due = max(due + 1.0 / fps, sent[-1])
        while rospy.get_time() < due:
            _go_on(link)
            _pause(due)
    return sent


def _go_on(link: ArmLink) -> None:
    why = link.interruption() or _objection(link)
    if why or rospy.is_shutdown():
        raise ArmLinkError(f"stopped: {why or 'the node was told to end'}")


def _pause(due: float) -> None:
    """Until ``due`` (s), but briefly: simulated time may stand still."""
    if rospy.rostime.is_wallclock():
        time.sleep(min(max(due - rospy.get_time(), 0.0), clock.POLL))  # keeps the pace of the recording
        return
    news = rospy.rostime.get_rostime_cond()
    with news:
        if rospy.get_time() < due:
            news.wait(clock.POLL)
