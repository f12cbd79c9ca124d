"""Node: the safety supervisor. Its heartbeat on safety/state is the permission to move."""

import sys
import threading
from typing import Any, Callable, Optional, Union

import numpy as np
import rospy
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool, String
from std_srvs.srv import Trigger, TriggerRequest, TriggerResponse

from xdog.core.description import DescriptionError, load_description
from xdog.msg import ArmState, LegCommand, LegState, SafetyState
from xdog.nodes.common import clock
from xdog.nodes.common.start import spin, start_node
from xdog.safety.arm_supervisor import ArmReport, ArmSupervisor
from xdog.safety.config import SafetyConfigError, load_safety_config
from xdog.safety.latch import Verdict
from xdog.safety.supervisor import LegsReport, Supervisor

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


def arm_report(message: ArmState) -> ArmReport:
    """arm/state as the supervisor of an arm wants it."""
    return ArmReport(
        stamp=message.header.stamp.to_sec(),
        faults=tuple(message.faults),
        warnings=tuple(message.warnings),
        active=message.gate == ArmState.ACTIVE,
        gate_reason=message.gate_reason,
    )


class SafetySupervisor:
    """Speaks whenever simulated or real time crosses a heartbeat, and at once when its verdict changes."""

    def __init__(self, supervisor: Union[Supervisor, ArmSupervisor], period: float) -> None:
        self._supervisor = supervisor
        self._period = period
        self._lock = threading.Lock()
        self._seq = 0
        self._tick = -1
        self._heard = False
        self._newest_state: Optional[rospy.Time] = None
        self._verdict: Optional[Verdict] = None
        self._publisher = rospy.Publisher("safety/state", SafetyState, queue_size=1, latch=True, tcp_nodelay=True)
        if isinstance(supervisor, Supervisor):
            self._watch_dog(supervisor)
        else:
            self._watch_arm(supervisor)
        # A topic beside the service: it needs no master at the moment of the stop.
        rospy.Subscriber("estop_request", String, self._on_estop_request, queue_size=10, tcp_nodelay=True)
        rospy.Service("estop", Trigger, self._on_estop)
        rospy.Service("estop_reset", Trigger, self._reset)
        clock.every(period, self._on_timer)

    def _watch_dog(self, supervisor: Supervisor) -> None:
        def on_legs(message: LegState) -> None:
            self._on_state(message.header.stamp, lambda now: supervisor.on_legs(now, legs_report(message)))

        def on_command(message: LegCommand) -> None:
            with self._lock:
                supervisor.on_command(clock.now(), message.header.stamp.to_sec())

        def on_battery(message: BatteryState) -> None:
            with self._lock:
                supervisor.on_battery(clock.arrival(message.header.stamp), message.voltage)

        def on_inputs_neutral(message: Bool) -> None:
            with self._lock:
                supervisor.on_inputs_neutral(clock.now(), message.data)

        def on_arm(message: ArmState) -> None:
            with self._lock:
                supervisor.on_arm(clock.arrival(message.header.stamp), [*message.faults, *message.warnings])

        rospy.Subscriber("legs/state", LegState, on_legs, queue_size=1, tcp_nodelay=True)
        # Every command counts, so that one that is overwritten in the queue doesn't look like a late one.
        rospy.Subscriber("legs/command", LegCommand, on_command, queue_size=20, tcp_nodelay=True)
        rospy.Subscriber("battery", BatteryState, on_battery, queue_size=1)
        rospy.Subscriber("mux/inputs_neutral", Bool, on_inputs_neutral, queue_size=1)
        rospy.Subscriber("arm/state", ArmState, on_arm, queue_size=1)

    def _watch_arm(self, supervisor: ArmSupervisor) -> None:
        def on_arm(message: ArmState) -> None:
            self._on_state(message.header.stamp, lambda now: supervisor.on_arm(now, arm_report(message)))

        # Every fault counts, also one that has gone in the next reading.
        rospy.Subscriber("arm/state", ArmState, on_arm, queue_size=20, tcp_nodelay=True)

    def _on_state(self, stamp: rospy.Time, take_note: Callable[[float], None]) -> None:
        """The state came in that the heartbeat is stamped with."""
        now = clock.arrival(stamp)
        with self._lock:
            self._heard, self._newest_state = True, stamp
            take_note(now)
            last, self._tick = self._tick, int(now / self._period + 1e-6)
            if self._tick != last or self._changed(now):
                self._speak(now)

    def _on_timer(self) -> None:
        now = clock.now()
        with self._lock:
            heard, self._heard = self._heard, False
            if not heard or self._changed(now):  # without states the timer keeps up the heartbeat
                self._speak(now)

    def _on_estop_request(self, message: String) -> None:
        self._estop(message, f" ({message.data})" if message.data else "")

    def _on_estop(self, request: TriggerRequest) -> TriggerResponse:
        self._estop(request)
        return TriggerResponse(success=True, message="stopped; estop_reset clears the stop")

    def _estop(self, message: Any, remark: str = "") -> None:
        """Stop because of a message or a service's request; its connection names the sender."""
        sender = message._connection_header.get("callerid", "an unknown node")
        with self._lock:
            self._supervisor.estop(f"asked for by {sender}{remark}")
            self._speak(clock.now())

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

        It is stamped with the newest state that it takes into account, so that the mirror in lockstep never runs
        ahead of a supervisor that is behind. Nothing is said before the first state, which shows whether the
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
    """Run the node. Parameter: ~legs, false for an arm without a dog."""
    start_node("safety_supervisor")
    legs = rospy.get_param("~legs", True)
    if not isinstance(legs, bool):
        rospy.logfatal(f"~legs is {legs!r}; it must be true or false")
        sys.exit(1)
    try:
        robot, config = load_description(), load_safety_config().supervisor
    except (DescriptionError, SafetyConfigError, OSError) as error:
        rospy.logfatal(str(error))
        sys.exit(1)
    SafetySupervisor(Supervisor(robot, config) if legs else ArmSupervisor(config), 1.0 / robot.rates["safety"])
    spin()
