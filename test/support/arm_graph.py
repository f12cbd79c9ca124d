"""The running graph for recording and replay, without ROS: topics are calls, the test sets the time."""

from typing import Any, Callable, Dict, List

import numpy as np
import pytest
from arm_controller_bench import ControllerBench
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from xdog.core.description import load_description
from xdog.msg import SafetyState
from xdog.nodes.common import conversions
from xdog_learning.nodes.common import arm_link

Array = np.ndarray
ROBOT = load_description()


class TopicGraph:
    """Takes ROS's place under `ArmLink`.

    Attributes:
        callbacks: of the topics that are subscribed to.
        now, wall: the graph's time and wall time, s.
        connections: subscribers of arm/setpoint.
        setpoints: what was published there.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.callbacks: Dict[str, Callable[[Any], None]] = {}
        self.now = self.wall = 100.0
        self.connections = 1
        self.setpoints: List[JointTrajectory] = []
        graph = self

        class Publisher:
            def __init__(self, *_: Any, **__: Any) -> None:
                pass

            def get_num_connections(self) -> int:
                return graph.connections

            def publish(self, message: JointTrajectory) -> None:
                graph.setpoints.append(message)

        def subscribe(topic: str, _: Any, callback: Callable[[Any], None], **__: Any) -> None:
            self.callbacks[topic] = callback

        monkeypatch.setattr(arm_link.rospy, "Publisher", Publisher)
        monkeypatch.setattr(arm_link.rospy, "Subscriber", subscribe)
        monkeypatch.setattr(arm_link.rospy.Time, "now", lambda: conversions.to_time(self.now))
        monkeypatch.setattr(arm_link.clock, "now", lambda: self.now)
        monkeypatch.setattr(arm_link.clock, "arrival", lambda stamp: stamp.to_sec())
        monkeypatch.setattr(arm_link.time, "monotonic", lambda: self.wall)

    def publish(self, topic: str, message: Any) -> None:
        """As another node; stamped now where the message has a header."""
        if hasattr(message, "header"):
            message.header.stamp = conversions.to_time(self.now)
        self.callbacks[topic](message)

    def done(self, stamp: float) -> None:
        """As LockstepClient."""

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds


class ArmGraph(TopicGraph):
    """An `ArmLink` and the real `ArmController` on ideal servos, connected.

    Attributes:
        bench: the controller and its servos; `allowed`, `reason`, `no_torque` and `blocked` stop it.
        link: what recorder and replay use.
        is_silent: no joint_states come any more.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, on_joints: Callable[..., None]) -> None:
        super().__init__(monkeypatch)
        self.bench = ControllerBench()
        self.now = self.bench.now
        self.is_silent = False
        self.link = arm_link.ArmLink(ROBOT, on_joints, self)  # type: ignore[arg-type]
        self.step()
        assert self.link.objection() == ""

    def step(self) -> None:
        """One control period: the controller gets what was sent, its servos move, everything is published."""
        self.pass_time(self.bench.now - self.now)
        for message in self.setpoints:
            point: JointTrajectoryPoint = message.points[0]
            duration, stamp = point.time_from_start.to_sec(), conversions.to_seconds(message.header.stamp)
            self.bench.controller.on_setpoint(message.joint_names, point.positions, duration, stamp)
        self.setpoints.clear()
        self.bench.step()
        self.publish("safety/state", SafetyState(motion_allowed=self.bench.allowed, reasons=[self.bench.reason]))
        goal = self.bench.sent[-1]
        if goal is not None:
            points = [JointTrajectoryPoint(positions=goal.tolist())]
            self.publish("arm/command", JointTrajectory(joint_names=list(ROBOT.arm.names), points=points))
        self.publish("arm/mode", String(self.bench.controller.state))
        if not self.is_silent:
            position, effort = self.bench.position.tolist(), self.bench.effort.tolist()
            self.publish("joint_states", JointState(name=list(ROBOT.arm.names), position=position, effort=effort))

    def run(self, seconds: float) -> None:
        """Let the graph's time pass."""
        end = self.bench.now + seconds
        while self.bench.now < end - 1e-9:
            self.step()

    def move_to(self, pose: Array) -> None:
        """Move the resting arm to another pose."""
        self.bench.position = np.array(pose)
        self.step()
