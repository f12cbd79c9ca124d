#!/usr/bin/env python3
"""Stops and what it takes to end them, the battery, and who may drive, each provoked in the running graph."""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import math
from typing import List

import rospy
import rostest
from geometry_msgs.msg import Twist
from harness import RELAYED
from safety_case import KNEE, SAFETY, SafetyCase

from xdog.msg import LocomotionState, SafetyState
from xdog.safety.latch import RESTARTED
from xdog.safety.mux_config import load_mux_config

MUX = load_mux_config()


class SafetyStops(SafetyCase):
    """Battery, e-stop, reset and velocity commands."""

    # Battery. The gauge speaks once a second.

    def readings(self, count: int) -> List[float]:
        """Stamps (s) of the next ``count`` battery readings. One that was measured before does not count."""
        graph = self.graph
        with graph.held():
            stamps = [graph.now]

        def collect() -> bool:
            stamp = graph.latest["battery"].header.stamp.to_sec()
            if stamp > stamps[-1]:
                stamps.append(stamp)
            return len(stamps) > count

        graph.wait_until(collect, count + 2.0, f"{count} battery readings")
        return stamps[1:]

    def assert_no_word_of_the_battery(self) -> None:
        """A busy machine may give cause for other warnings, such as late commands."""
        self.assertNotIn("battery", "; ".join([*self.safety.reasons, *self.safety.warnings]))

    def test_battery_sag(self) -> None:
        self.graph.require("fault", "battery_voltage", "", 20.0)
        first = self.readings(1)[0]
        settled = first + SAFETY.supervisor.battery_time
        self.graph.wait_until(lambda: self.safety.level == SafetyState.DAMP, 8.0, "a stop for the battery")
        self.assertGreater(self.safety_stamp, settled - 0.1)
        self.assert_damped_in_time("battery_sag", settled, "battery at 20.0 V")
        response = self.graph.call("estop_reset")
        self.assertFalse(response.success)
        self.assertIn("charge it", response.message)

    def test_short_battery_sag_is_no_alarm(self) -> None:
        self.graph.require("fault", "battery_voltage", "", 20.0)
        self.readings(3)
        self.graph.require("fault", "none", "", 0.0)
        self.readings(3)  # by now the first low reading is 5 s old
        self.assertTrue(self.safety.motion_allowed)
        self.assert_no_word_of_the_battery()

    def test_no_battery_alarm_before_the_first_valid_reading(self) -> None:
        self.graph.require("fault", "battery_voltage", "", math.nan)
        self.readings(1)
        self.graph.kill("safety_supervisor")
        self.wait_for_legs(LocomotionState.DAMPED)
        self.revive()
        self.graph.expect("estop_reset", 8.0)
        self.readings(2)
        self.graph.require("fault", "battery_voltage", "", 0.0)
        self.readings(6)  # more than 5 s of what would be a very low battery
        self.assertTrue(self.safety.motion_allowed)
        self.assert_no_word_of_the_battery()

    def test_silent_gauge_is_warned_of(self) -> None:
        self.readings(1)
        self.graph.require("fault", "battery_voltage", "", math.nan)
        fell_silent = self.graph.now
        self.graph.wait_until(
            lambda: any("no battery reading for" in warning for warning in self.safety.warnings),
            SAFETY.supervisor.battery_silence + 2.0,
            "a warning of the silent gauge",
        )
        self.assertGreater(self.graph.now - fell_silent, SAFETY.supervisor.battery_silence - 1.0)
        self.assertTrue(self.safety.motion_allowed)

    # The e-stop and its reset.

    def test_estop_latches_and_refuses_motion(self) -> None:
        with self.graph.held():
            self.graph.require("estop")
            cause = self.graph.now
        self.assert_damped_in_time("estop", cause, "e-stop: asked for by")
        self.graph.pass_time(3.0)
        self.assertEqual(self.safety.level, SafetyState.ESTOP)
        response = self.graph.call("stand")
        self.assertFalse(response.success)
        self.assertIn("e-stop", response.message)
        self.assertFalse(self.graph.call("walk").success)
        self.assertFalse(self.graph.gates[-1].active)

    def test_reset_is_refused_while_the_cause_persists_and_starts_no_motion(self) -> None:
        graph = self.graph
        graph.require("fault", "joint_offline", KNEE, 0.0)
        graph.wait_until(lambda: self.safety.level == SafetyState.DAMP, 1.0, "a stop")
        self.wait_for_legs(LocomotionState.DAMPED)
        graph.pass_time(2.0)
        response = graph.call("estop_reset")
        self.assertFalse(response.success)
        self.assertIn(f"joint offline: {KNEE}", response.message)
        graph.require("fault", "none", "", 0.0)
        graph.expect("estop_reset", 5.0)
        before = self.legs.position
        graph.pass_time(2.0)
        self.assertTrue(self.safety.motion_allowed)
        self.assertEqual(graph.latest["locomotion/state"].state, LocomotionState.DAMPED)
        self.assertLess(max(abs(a - b) for a, b in zip(self.legs.position, before)), 0.1)

    # Velocity commands.

    def walk(self, source: str, vx: float) -> None:
        """Walk on the word of ``source`` until the robot is under way."""
        graph = self.graph
        graph.require("walk")
        self.wait_for_legs(LocomotionState.WALKING)
        graph.hold_stick(source, vx=vx)
        graph.wait_until(lambda: self.speed() > 0.5 * vx, 4.0, "the robot walks")

    def test_dead_publisher_stops_the_robot(self) -> None:
        graph = self.graph
        self.walk("", 0.5)
        graph.wait_until(lambda: graph.latest["mux/active"].data == "external", 1.0, "the source is named")
        zeros: List[float] = []
        listener = rospy.Subscriber(RELAYED, Twist, lambda twist: twist.linear.x == 0.0 and zeros.append(graph.now))
        with graph.held():
            graph.unplug_sticks()
            died = graph.now
        graph.wait_until(lambda: zeros, 3.0, "the velocity becomes zero")
        listener.unregister()
        braking = 0.5 / MUX.acceleration.vx
        self.assertLessEqual(zeros[0] - died, MUX.timeout + braking + 0.1)
        graph.wait_until(lambda: self.speed() < 0.1, 2.0, "the robot stands still")
        self.assertTrue(self.safety.motion_allowed)

    def test_held_stick_does_not_drive_after_the_release(self) -> None:
        graph = self.graph
        self.walk("joy", 0.5)
        graph.require("estop")
        self.wait_for_legs(LocomotionState.DAMPED)
        graph.wait_until(lambda: graph.latest[RELAYED].linear.x == 0.0, 0.1, "the mux locks")
        graph.pass_time(1.0)
        self.assertEqual(graph.latest[RELAYED].linear.x, 0.0)
        response = graph.call("estop_reset")
        self.assertFalse(response.success)
        self.assertIn("let go of it", response.message)
        graph.hold_stick("joy")
        graph.expect("estop_reset", 5.0)

    def test_restarted_supervisor_stays_stopped(self) -> None:
        graph = self.graph
        graph.hold_stick("joy", vx=0.5)
        graph.wait_until(lambda: graph.latest[RELAYED].linear.x == 0.5, 2.0, "the stick drives")
        graph.require("estop")
        self.wait_for_legs(LocomotionState.DAMPED)
        graph.kill("safety_supervisor")
        graph.wait_until(lambda: "heartbeat is missing" in self.legs.gate_reason, 2.0, "no supervisor")
        self.revive()
        graph.wait_until(lambda: RESTARTED in self.safety.reasons, 1.0, "the new supervisor's stop")
        self.assertEqual(self.safety.level, SafetyState.DAMP)
        self.assertFalse(graph.call("stand").success)
        graph.eventually(
            lambda: "let go of it" in graph.call("estop_reset").message, 2.0, lambda: "the stick stands in the way"
        )
        self.assertEqual(graph.latest[RELAYED].linear.x, 0.0)
        graph.hold_stick("joy")
        graph.expect("estop_reset", 5.0)
        graph.hold_stick("joy", vx=0.5)
        graph.wait_until(lambda: graph.latest[RELAYED].linear.x == 0.5, 2.0, "the stick drives again")


if __name__ == "__main__":
    rospy.init_node("safety_stops")
    rostest.rosrun("xdog", "safety_stops", SafetyStops)
