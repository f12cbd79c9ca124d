"""Node: the safety supervisor. Its heartbeat on safety/state is the permission to move."""

import threading
from typing import Any, Callable, Optional, Union

import numpy as np
import rospy
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool, String
from std_srvs.srv import Trigger, TriggerRequest, TriggerResponse

from xdog.core.description import load_description
from xdog.core.timers import PeriodFilter
from xdog.msg import ArmState, LegCommand, LegState, SafetyState
from xdog.nodes.common import clock
from xdog.nodes.common.callbacks import offer, subscribe
from xdog.nodes.common.run import run
from xdog.safety.arm_supervisor import ArmReport, ArmSupervisor
from xdog.safety.config import load_safety_config
from xdog.safety.latch import DAMP, Verdict
from xdog.safety.supervisor import LegsReport, Supervisor

WARNING_PERIOD = 5.0
"""s between two lines of warnings in the log."""


def legs_report(message: LegState) -> LegsReport:
    """legs/state as the supervisor needs it."""
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
    """arm/state as the supervisor of an arm needs it."""
    return ArmReport(
        stamp=message.header.stamp.to_sec(),
        faults=tuple(message.faults),
        warnings=tuple(message.warnings),
        active=message.gate == ArmState.ACTIVE,
        gate_reason=message.gate_reason,
    )


class SafetySupervisor:
    """Publishes at every heartbeat of simulated or real time, and at once when the level changes."""

    def __init__(self, supervisor: Union[Supervisor, ArmSupervisor], period: float) -> None:
        self._supervisor = supervisor
        self._beat = PeriodFilter(period)
        self._lock = threading.Lock()
        self._seq = 0
        self._received = False
        self._newest_state: Optional[rospy.Time] = None
        self._published: Optional[Verdict] = None
        self._publisher = rospy.Publisher("safety/state", SafetyState, queue_size=1, latch=True, tcp_nodelay=True)
        if isinstance(supervisor, Supervisor):
            self._watch_dog(supervisor)
        else:
            self._watch_arm(supervisor)
        # A topic in addition to the service: it needs no master at the moment of the stop.
        subscribe("estop_request", String, self._on_estop_request, queue_size=10)
        offer("estop", Trigger, self._on_estop)
        offer("estop_reset", Trigger, self._reset)
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

        subscribe("legs/state", LegState, on_legs)
        # Every command counts: one that drops out of the queue would look like a late one.
        subscribe("legs/command", LegCommand, on_command, queue_size=20)
        subscribe("battery", BatteryState, on_battery)
        subscribe("mux/inputs_neutral", Bool, on_inputs_neutral)
        subscribe("arm/state", ArmState, on_arm)

    def _watch_arm(self, supervisor: ArmSupervisor) -> None:
        def on_arm(message: ArmState) -> None:
            self._on_state(message.header.stamp, lambda now: supervisor.on_arm(now, arm_report(message)))

        # Every fault counts, also one that is over in the next reading.
        subscribe("arm/state", ArmState, on_arm, queue_size=20)

    def _on_state(self, stamp: rospy.Time, update: Callable[[float], None]) -> None:
        """Handle the state whose stamp the heartbeat carries."""
        now = clock.arrival(stamp)
        with self._lock:
            self._received, self._newest_state = True, stamp
            update(now)
            if self._beat.is_first(now) or self._changed(now):
                self._publish(now)

    def _on_timer(self) -> None:
        now = clock.now()
        with self._lock:
            received, self._received = self._received, False
            if not received or self._changed(now):  # without states, the timer keeps the heartbeat going
                self._publish(now)

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
            self._publish(clock.now())

    def _reset(self, _request: TriggerRequest) -> TriggerResponse:
        now = clock.now()
        with self._lock:
            granted, message = self._supervisor.reset(now)
            self._publish(now)
        rospy.loginfo(f"estop_reset: {message}")
        return TriggerResponse(success=granted, message=message)

    def _changed(self, now: float) -> bool:
        """Whether the level differs from the last published one."""
        return self._published is None or self._supervisor.verdict(now).level != self._published.level

    def _publish(self, now: float) -> None:
        """Publish the verdict at ``now``; the caller holds the lock.

        It is stamped with the newest state that it takes into account, so that a simulation in lockstep never runs
        ahead of a slow supervisor. The first state, which shows whether the bridge had a supervisor before, must come
        first; and an earlier heartbeat would make the simulation wait for a supervisor that isn't connected yet.
        """
        if self._newest_state is None:
            return
        verdict = self._supervisor.verdict(now)
        message = SafetyState(seq=self._seq, level=verdict.level, motion_allowed=verdict.motion_allowed)
        message.header.stamp = self._newest_state
        message.reasons, message.warnings = list(verdict.reasons), list(verdict.warnings)
        self._publisher.publish(message)
        if self._published is None or verdict.reasons != self._published.reasons:
            if verdict.reasons:
                remedy = "; once the cause is gone, call estop_reset" if verdict.level >= DAMP else ""
                rospy.logerr(f"motion is not allowed: {'; '.join(verdict.reasons)}{remedy}")
            else:
                rospy.loginfo("motion is allowed")
        if verdict.warnings:
            rospy.logwarn_throttle(WARNING_PERIOD, "; ".join(verdict.warnings))
        self._seq += 1
        self._published = verdict


def build() -> SafetySupervisor:
    """The node, from its configuration files and parameters."""
    legs = rospy.get_param("~legs", True)
    if not isinstance(legs, bool):
        raise ValueError(f"~legs is {legs!r}; it must be true or false")
    robot, config = load_description(), load_safety_config().supervisor
    return SafetySupervisor(Supervisor(robot, config) if legs else ArmSupervisor(config), 1.0 / robot.rates["safety"])


def main() -> None:
    """Run the node. Parameter: ~legs, false for an arm without a dog."""
    run("safety_supervisor", build)
