"""Node: the safety supervisor. Its heartbeat on safety/state is the permission to move."""

import sys
import threading
from typing import Optional

import numpy as np
import rospy
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger, TriggerRequest, TriggerResponse

from xdog.description import DescriptionError, load_description
from xdog.msg import LegCommand, LegState, SafetyState
from xdog.nodes import clock
from xdog.safety.config import SafetyConfigError, load_safety_config
from xdog.safety.supervisor import LegsReport, Supervisor, Verdict

WARNING_PERIOD = 5.0
"""s between two lines of warnings in the log."""


def legs_report(message: LegState) -> LegsReport:
    """legs/state as the supervisor wants it."""
    q, w, a = message.orientation, message.angular_velocity, message.linear_acceleration
    return LegsReport(
        stamp=message.header.stamp.to_sec(),
        imu_stamp=message.imu_stamp.to_sec(),
        names=message.name,
        orientation=(q.x, q.y, q.z, q.w),
        motion=(w.x, w.y, w.z, a.x, a.y, a.z),
        position=np.array(message.position),
        velocity=np.array(message.velocity),
        temperature=np.array(message.temperature),
        alarm=list(message.alarm),
        online=message.online,
        active=message.gate == LegState.ACTIVE,
        gate_reason=message.gate_reason,
    )


class SafetySupervisor:
    """Speaks whenever simulated or real time crosses a heartbeat, and at once when its verdict changes."""

    def __init__(self, supervisor: Supervisor, period: float) -> None:
        self._supervisor = supervisor
        self._period = period
        self._lock = threading.Lock()
        self._seq = 0
        self._tick = -1
        self._heard = False
        self._newest_state: Optional[rospy.Time] = None
        self._verdict: Optional[Verdict] = None
        self._publisher = rospy.Publisher("safety/state", SafetyState, queue_size=1, latch=True, tcp_nodelay=True)
        rospy.Subscriber("legs/state", LegState, self._on_legs, queue_size=1, tcp_nodelay=True)
        # Every command counts, so that one that is overwritten in the queue doesn't look like a late one.
        rospy.Subscriber("legs/command", LegCommand, self._on_command, queue_size=20, tcp_nodelay=True)
        rospy.Subscriber("battery", BatteryState, self._on_battery, queue_size=1)
        rospy.Subscriber("mux/inputs_neutral", Bool, self._on_inputs_neutral, queue_size=1)
        rospy.Service("estop", Trigger, self._estop)
        rospy.Service("estop_reset", Trigger, self._reset)
        clock.every(period, self._on_timer)

    def _on_legs(self, message: LegState) -> None:
        now = clock.arrival(message.header.stamp)
        with self._lock:
            self._heard, self._newest_state = True, message.header.stamp
            self._supervisor.on_legs(now, legs_report(message))
            last, self._tick = self._tick, int(now / self._period + 1e-6)
            if self._tick != last or self._changed(now):
                self._speak(now)

    def _on_command(self, message: LegCommand) -> None:
        with self._lock:
            self._supervisor.on_command(clock.now(), message.header.stamp.to_sec())

    def _on_battery(self, message: BatteryState) -> None:
        with self._lock:
            self._supervisor.on_battery(clock.arrival(message.header.stamp), message.voltage)

    def _on_inputs_neutral(self, message: Bool) -> None:
        with self._lock:
            self._supervisor.on_inputs_neutral(clock.now(), message.data)

    def _on_timer(self) -> None:
        now = clock.now()
        with self._lock:
            heard, self._heard = self._heard, False
            if not heard or self._changed(now):  # without states the timer keeps up the heartbeat
                self._speak(now)

    def _estop(self, request: TriggerRequest) -> TriggerResponse:
        caller = request._connection_header.get("callerid", "an unknown node")
        with self._lock:
            self._supervisor.estop(f"asked for by {caller}")
            self._speak(clock.now())
        return TriggerResponse(success=True, message="stopped; estop_reset clears the stop")

    def _reset(self, _request: TriggerRequest) -> TriggerResponse:
        now = clock.now()
        with self._lock:
            granted, message = self._supervisor.reset(now)
            self._speak(now)
        rospy.loginfo(f"estop_reset: {message}")
        return TriggerResponse(success=granted, message=message)

    def _changed(self, now: float) -> bool:
        """Whether the permission to move is another than the one spoken last."""
        return self._verdict is None or self._supervisor.verdict(now).level != self._verdict.level

    def _speak(self, now: float) -> None:
        """Publish the verdict at ``now``; the caller holds the lock.

        It is stamped with the newest legs/state that it takes into account, so that the mirror in lockstep never runs
        ahead of a supervisor that is behind. Nothing is said before the first legs/state, which shows whether the
        bridge has heard a supervisor before; and the mirror would wait for one that isn't connected yet.
        """
        if self._newest_state is None:
            return
        verdict = self._supervisor.verdict(now)
        message = SafetyState(seq=self._seq, level=verdict.level, motion_allowed=verdict.motion_allowed)
        message.header.stamp = self._newest_state
        message.reasons, message.warnings = list(verdict.reasons), list(verdict.warnings)
        self._publisher.publish(message)
        if self._verdict is None or verdict.reasons != self._verdict.reasons:
            if verdict.reasons:
                rospy.logerr(f"motion is not allowed: {'; '.join(verdict.reasons)}")
            else:
                rospy.loginfo("motion is allowed")
        if verdict.warnings:
            rospy.logwarn_throttle(WARNING_PERIOD, "; ".join(verdict.warnings))
        self._seq += 1
        self._verdict = verdict


def main() -> None:
    """Run the node."""
    rospy.init_node("safety_supervisor")
    try:
        robot, config = load_description(), load_safety_config()
    except (DescriptionError, SafetyConfigError, OSError) as error:
        rospy.logfatal(str(error))
        sys.exit(1)
    SafetySupervisor(Supervisor(robot, config.supervisor), 1.0 / robot.rates["safety"])
    rospy.spin()
