"""Node: the velocity mux, from cmd_vel and cmd_vel/<source> to cmd_vel_safe."""

import sys
import threading
from typing import Optional

import rospy
from geometry_msgs.msg import Twist
from std_msgs.msg import Bool, String

from xdog.core.description import DescriptionError, load_description
from xdog.msg import SafetyState
from xdog.nodes.common import clock
from xdog.nodes.common.start import spin, start_node
from xdog.safety.config import SafetyConfigError
from xdog.safety.mux import MuxOutput, VelocityMux
from xdog.safety.mux_config import MuxConfig, load_mux_config

EXTERNAL = "external"
"""The source that speaks on plain cmd_vel."""
LOG_PERIOD = 5.0
"""Shortest time between two equal lines in the log, s."""


class VelocityMuxNode:
    """Listens to every source and speaks at a constant rate, explicit zeros included."""

    def __init__(self, config: MuxConfig, rate: float) -> None:
        self._mux = VelocityMux(config)
        self._lock = threading.Lock()
        self._last: Optional[MuxOutput] = None
        self._velocity = rospy.Publisher("cmd_vel_safe", Twist, queue_size=1, tcp_nodelay=True)
        self._active = rospy.Publisher("mux/active", String, queue_size=1, latch=True)
        self._neutral = rospy.Publisher("mux/inputs_neutral", Bool, queue_size=1)
        rospy.Subscriber("safety/state", SafetyState, self._on_safety, queue_size=1, tcp_nodelay=True)
        for source in config.priorities:
            topic = "cmd_vel" if source == EXTERNAL else f"cmd_vel/{source}"
            rospy.Subscriber(topic, Twist, self._on_velocity, callback_args=source, queue_size=1, tcp_nodelay=True)
        clock.every(1.0 / rate, self._tick)

    def _on_safety(self, message: SafetyState) -> None:
        with self._lock:
            self._mux.on_safety(clock.now(), message.motion_allowed)

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
        self._neutral.publish(output.inputs_neutral)  # always, so that a mux that has died isn't believed
        last, self._last = self._last, output
        if last is None or output.active != last.active:
            self._active.publish(output.active)
        if last is None or output.lock != last.lock:
            rospy.loginfo(f"locked: {output.lock}" if output.lock else "unlocked")


def main() -> None:
    """Run the node."""
    start_node("velocity_mux")
    try:
        robot, config = load_description(), load_mux_config()
    except (DescriptionError, SafetyConfigError, OSError) as error:
        rospy.logfatal(str(error))
        sys.exit(1)
    VelocityMuxNode(config, robot.rates["control"])
    spin()
