#!/usr/bin/env python3
"""Faults of commands, hardware and nodes, each provoked in the running graph: the legs must be damped in time."""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import copy
import math
from typing import Sequence

import rospy
import rostest
from safety_case import KNEE, LIMIT_MS, ROBOT, SAFETY, SafetyCase

from xdog.core.rotations import tilt_angle
from xdog.msg import LegCommand, LegState, SafetyState


def leg_command(names: Sequence[str], position: Sequence[float]) -> LegCommand:
    """A command with moderate gains; position in rad."""
    count = len(names)
    message = LegCommand(name=list(names), position=list(position), velocity=[0.0] * count, effort=[0.0] * count)
    message.kp, message.kd = [20.0] * count, [0.7] * count
    return message


class SafetyFaults(SafetyCase):
    """What must damp the legs, or must not."""

    # Commands that must not pass.

    def test_nan_command(self) -> None:
        position = list(ROBOT.legs.poses["stand"])
        position[5] = math.nan
        cause = self.graph.inject_command(leg_command(ROBOT.legs.names, position))
        self.assert_damped_in_time("nan_command", cause, f"invalid command: position of {KNEE} is nan")
        self.assert_latched(SafetyState.DAMP, "invalid command: position of")

    def test_unknown_joint(self) -> None:
        names = ["tail_joint", *ROBOT.legs.names[1:]]
        cause = self.graph.inject_command(leg_command(names, ROBOT.legs.poses["stand"]))
        self.assert_damped_in_time("unknown_joint", cause, "invalid command: unknown joint tail_joint")
        self.assert_latched(SafetyState.DAMP, "unknown joint tail_joint")

    def test_out_of_range_target_is_cut_down(self) -> None:
        knee = ROBOT.legs.names.index(KNEE)
        position = list(ROBOT.legs.poses["stand"])
        position[knee] = 99.0
        first = len(self.graph.log)
        for _ in range(5):
            self.graph.inject_command(leg_command(ROBOT.legs.names, position))
            self.assertLess(max(self.legs.position), ROBOT.legs.upper[knee])
            self.assertTrue(self.graph.gates[-1].active)
        warning = f"position out of limits: {KNEE}"
        self.graph.wait_until(
            lambda: any(warning in line for line in self.graph.log[first:]), 2.0, f"a warning '{warning}'"
        )

    def test_a_late_command_is_an_overrun(self) -> None:
        gap = 3.0 * SAFETY.supervisor.command_gap
        self.graph.inject_command(leg_command(ROBOT.legs.names, ROBOT.legs.poses["stand"]), ahead=gap)
        words = "ms after the previous one"
        self.graph.wait_until(lambda: words in "; ".join(self.safety.warnings), 1.0, f"a warning '{words}'")
        self.assertTrue(self.safety.motion_allowed)
        self.assertTrue(self.graph.gates[-1].active)

    # Hardware.

    def test_legs_state_of_another_robot(self) -> None:
        publisher = self.graph.second_publisher("legs/state", LegState)
        with self.graph.held():
            cause = self.graph.now
            wrong = copy.deepcopy(self.legs)
            wrong.name[0] = "tail_joint"
            wrong.header.stamp += rospy.Duration(0.001)
            publisher.publish(wrong)
        self.assert_damped_in_time("legs_state_misfit", cause, "legs/state has other joints than robot.yaml")
        publisher.unregister()
        self.assert_latched(SafetyState.DAMP, "tail_joint")

    def test_imu_stale(self) -> None:
        old = rospy.Duration(0.02)
        self.provoke("imu_stale", "", 0.0, lambda state: state.imu_stamp < state.header.stamp - old)
        self.assert_damped_in_time("imu_stale", self.legs.imu_stamp.to_sec(), "no IMU measurement")
        self.assert_latched(SafetyState.DAMP, "no IMU measurement")

    def test_joint_offline(self) -> None:
        cause = self.provoke("joint_offline", KNEE, 0.0, lambda state: not all(state.online))
        self.assert_damped_in_time("joint_offline", cause, f"joint offline: {KNEE}")
        self.assert_latched(SafetyState.DAMP, f"joint offline: {KNEE}")

    def test_joint_alarm(self) -> None:
        cause = self.provoke("joint_alarm", KNEE, 3.0, lambda state: any(state.alarm))
        self.assert_damped_in_time("joint_alarm", cause, f"actuator alarm: {KNEE} (code 3)")
        self.assert_latched(SafetyState.DAMP, "(code 3)")

    def test_torque_limit_alarm_only_warns(self) -> None:
        self.provoke("joint_alarm", KNEE, 11.0, lambda state: any(state.alarm))
        warning = f"desired torque out of limit: {KNEE}"
        self.graph.wait_until(lambda: warning in self.safety.warnings, 1.0, "a warning")
        self.assertEqual(self.safety.level, SafetyState.WARN)
        self.assertTrue(self.safety.motion_allowed)

    def test_over_temperature(self) -> None:
        self.provoke("over_temperature", KNEE, 70.0, lambda state: max(state.temperature) > 69.0)
        self.graph.wait_until(lambda: self.safety.level == SafetyState.WARN, 1.0, "a warning at 70 C")
        cause = self.provoke("over_temperature", KNEE, 90.0, lambda state: max(state.temperature) > 75.0)
        self.assert_damped_in_time("over_temperature", cause, f"too hot: {KNEE} 90 C")
        self.assert_latched(SafetyState.DAMP, "too hot")

    def test_states_stop(self) -> None:
        cause = self.graph.now
        self.graph.require("fault", "states_stop", "", 0.0)
        self.graph.wait_until(lambda: self.safety.level == SafetyState.DAMP, 2.0, "a stop without legs/state")
        self.assertIn("no legs/state for more than 0.1 s", self.safety.reasons[0])
        self.assertFalse(self.graph.call("estop_reset").success)
        self.graph.require("fault", "none", "", 0.0)
        self.first_damping(cause)  # the first new states show that the legs were damped meanwhile

    def test_fallen(self) -> None:
        since = self.graph.now
        self.graph.push(0.0, 3.5, 2.5)

        def tilt(state: LegState) -> float:
            q = state.orientation
            return float(tilt_angle((q.x, q.y, q.z, q.w)))

        cause = self.first_state(since, lambda state: tilt(state) > SAFETY.supervisor.tilt_damp, "the robot falls over")
        self.assert_damped_in_time("fallen", cause, "fallen: tilted by")
        self.graph.wait_until(lambda: self.safety.level == SafetyState.DAMP, 1.0, "a stop")
        with self.graph.held():
            response = self.graph.call("estop_reset")
        self.assertFalse(response.success)
        self.assertIn("tilted by", response.message)

    # Nodes that die.

    def test_killed_supervisor(self) -> None:
        with self.graph.held():
            self.graph.kill("safety_supervisor")
            cause = self.graph.now
        self.assert_damped_in_time("killed_supervisor", cause, "the safety supervisor's heartbeat is missing")

    def test_killed_locomotion(self) -> None:
        with self.graph.held():
            self.graph.kill("locomotion")
            cause = self.graph.now
        gate = self.first_damping(cause)
        self.assertLessEqual(self.record("killed_locomotion", cause, gate), LIMIT_MS)
        self.assertIn("legs/command is missing", gate.reason)


if __name__ == "__main__":
    rospy.init_node("safety_faults")
    rostest.rosrun("xdog", "safety_faults", SafetyFaults)
