"""Node: the velocity mux, from cmd_vel and cmd_vel/<source> to cmd_vel_safe."""

import threading
from typing import Optional

import rospy
from geometry_msgs.msg import Twist
from std_msgs.msg import Bool, String

from xdog.core.description import load_description
from xdog.msg import SafetyState
from xdog.nodes.common import clock
from xdog.nodes.common.callbacks import subscribe
from xdog.nodes.common.run import run
from xdog.safety.mux import MuxOutput, VelocityMux
from xdog.safety.mux_config import MuxConfig, load_mux_config

EXTERNAL = "external"
"""The source that publishes on plain cmd_vel."""
LOG_PERIOD = 5.0
"""Shortest time between two equal lines in the log, s."""


class VelocityMuxNode:
    """Subscribes to every source and publishes at a constant rate, zeros included."""

    def __init__(self, config: MuxConfig, rate: float) -> None:
        self._mux = VelocityMux(config)
        self._lock = threading.Lock()
        self._last: Optional[MuxOutput] = None
        self._velocity = rospy.Publisher("cmd_vel_safe", Twist, queue_size=1, tcp_nodelay=True)
        self._active = rospy.Publisher("mux/active", String, queue_size=1, latch=True)
        self._neutral = rospy.Publisher("mux/inputs_neutral", Bool, queue_size=1)
        subscribe("safety/state", SafetyState, self._on_safety)
        for source in config.priorities:
            topic = "cmd_vel" if source == EXTERNAL else f"cmd_vel/{source}"
            subscribe(topic, Twist, self._on_velocity, source)
        clock.every(1.0 / rate, self._tick)

    def _on_safety(self, message: SafetyState) -> None:
        with self._lock:
            self._mux.on_safety(clock.now(), message.motion_allowed, "; ".join(message.reasons))

    def _on_velocity(self, message: Twist, source: str) -> None:
        linear, angular = message.linear, message.angular
        components = (linear.x, linear.y, linear.z, angular.x, angular.y, angular.z)
        with self._lock:
            problem = self._mux.on_velocity(clock.now(), source, components)
        if problem:
            rospy.logwarn_throttle(LOG_PERIOD, problem)

    def _tick(self) -> None:
        with self._lock:
            output = self._mux.tick(clock.now())
        message = Twist()
        message.linear.x, message.linear.y, message.angular.z = output.velocity
        self._velocity.publish(message)
        self._neutral.publish(
            output.inputs_neutral
        )  # every time: the last message of a mux that has died must not count
        last, self._last = self._last, output
        if last is None or output.active != last.active:
            self._active.publish(output.active)
        if last is None or output.lock != last.lock:
            rospy.loginfo(f"cmd_vel is locked: {output.lock}" if output.lock else "cmd_vel is unlocked")


def build() -> VelocityMuxNode:
    """The node, from its configuration files."""
    return VelocityMuxNode(load_mux_config(), load_description().rates["control"])


def main() -> None:
    """Run the node."""
    run("velocity_mux", build)
