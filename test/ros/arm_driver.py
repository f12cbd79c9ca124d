#!/usr/bin/env python3
"""arm.launch on emulated servos: a command moves a joint, stops hold it, and every fault is named."""

# ruff: noqa: PT009 - rostest runs unittest, whose assertions show the values
import os
import signal
import subprocess
import time
import unittest
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import rospy
import rostest
from diagnostic_msgs.msg import DiagnosticArray
from harness import Graph
from sensor_msgs.msg import JointState
from servo_bus import CALIBRATION, ServoBus, calibrated_servos
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from xdog.core.description import load_description
from xdog.hardware.so101 import registers as reg
from xdog.hardware.so101.calibration import save_calibration
from xdog.msg import ArmState, SafetyState
from xdog.nodes.common.master import ask_master, find_node

ARM = load_description().arm
HOME = dict(zip(ARM.names, ARM.poses["home"]))
PATIENCE = 60.0
"""s of wall time for anything."""
PERIOD = 0.04
"""s between setpoints."""
BURST = 75
"""Setpoints between two pauses, 3 s."""
PAUSE = 0.7
"""s. After a stop the arm controller and the gate listen again to who has been silent for 0.5 s."""


class Servos(ServoBus):
    """The emulated servos as a process of their own serves them: this one's is too busy to answer in time."""

    def __init__(self) -> None:
        super().__init__(calibrated_servos(), urgent=True)

    def port(self) -> str:
        return self.path

    def peek(self, servo: int, register: reg.Register) -> int:
        return self.servo(servo).peek(register)

    def poke(self, servo: int, register: reg.Register, value: int) -> None:
        self.servo(servo).poke(register, value)

    def position(self, servo: int) -> int:
        return self.servo(servo).position

    def alarms(self) -> List[int]:
        return [servo.alarm for servo in self.servos]

    def starts(self) -> List[Tuple[int, int]]:
        """Goal and position whenever torque came on."""
        return [start for servo in self.servos for start in servo.torque_log]

    def silence(self, servo: int, silent: bool) -> None:
        self.servo(servo).silent = silent

    def turn(self, servo: int, way: float) -> None:
        """Turn a joint from outside."""
        self.servo(servo).shaft += way

    def reset(self, servo: int) -> None:
        self.servo(servo).reset()

    def block(self, servo: int, wall: Optional[float]) -> None:
        self.servo(servo).block(wall)


class Workshop(BaseManager):
    """Where the servos are served."""


Workshop.register("Servos", Servos)


class ArmDriver(unittest.TestCase):
    graph: Graph
    wire: Any
    workshop: Any
    launch: subprocess.Popen

    @classmethod
    def setUpClass(cls) -> None:
        cls.workshop = Workshop()
        cls.workshop.start()
        cls.addClassCleanup(cls.workshop.shutdown)
        cls.wire = cls.workshop.Servos()
        cls.addClassCleanup(cls.wire.close)
        port = cls.wire.port()
        calibration = Path(port).with_name("arm.json")
        save_calibration(calibration, CALIBRATION)
        arguments = [f"port:={port}", f"calibration:={calibration}"]
        cls.launch = subprocess.Popen(["roslaunch", "xdog", "arm.launch", *arguments])
        cls.addClassCleanup(cls.end)
        topics = {"arm/state": ArmState, "joint_states": JointState, "/diagnostics": DiagnosticArray}
        cls.graph = Graph(topics)
        cls.addClassCleanup(cls.graph.end_children)
        cls.setpoints = rospy.Publisher("arm/setpoint", JointTrajectory, queue_size=1)
        cls.wait(lambda: set(topics) | {"safety/state"} <= set(cls.graph.latest), "the graph is there")
        cls.wait(lambda: cls.setpoints.get_num_connections() > 0, "the arm controller listens")

    @classmethod
    def end(cls) -> None:
        cls.launch.send_signal(signal.SIGINT)
        cls.launch.wait()

    def setUp(self) -> None:
        self.release()

    @classmethod
    def wait(cls, condition: Callable[[], object], what: str) -> None:
        def check() -> object:
            assert cls.launch.poll() is None, f"{what}: arm.launch has ended"
            return condition()

        cls.graph.wait_until(check, PATIENCE, what)

    def wait_for_hold(self, reason: str) -> None:
        """Until the gate holds the arm for a reason; a busy machine may give it another one first."""
        self.wait(
            lambda: self.state.gate == ArmState.HOLDING and reason in self.state.gate_reason,
            f"the gate holds: {reason}",
        )

    def release(self) -> None:
        """Clear whatever stop there is, also one that a busy machine has caused."""
        end = time.monotonic() + PATIENCE
        while not (self.safety.motion_allowed and self.state.gate == ArmState.ACTIVE):
            answer = self.graph.call("estop_reset")
            assert time.monotonic() < end, answer.message
            rospy.rostime.wallsleep(PERIOD)

    @property
    def state(self) -> ArmState:
        return self.graph.latest["arm/state"]

    @property
    def safety(self) -> SafetyState:
        return self.graph.latest["safety/state"]

    def torques(self) -> List[int]:
        return [self.wire.peek(servo, reg.TORQUE_ENABLE) for servo in range(1, 7)]

    def goal(self) -> int:
        """Where shoulder_pan's servo is sent."""
        return int(self.wire.peek(1, reg.GOAL_POSITION))

    def angle(self, joint: str) -> float:
        message = self.graph.latest["joint_states"]
        return float(message.position[message.name.index(joint)])

    def steer(self, joint: str, angle: float, until: Callable[[], object]) -> None:
        """Send setpoints as a policy does it, until something is so; now and then a pause, as is due after a stop."""
        message = JointTrajectory(joint_names=ARM.names)
        positions = list({**HOME, joint: angle}.values())
        message.points = [JointTrajectoryPoint(positions=positions, time_from_start=rospy.Duration(PERIOD))]
        end, sent = time.monotonic() + PATIENCE, 0
        while not until():
            assert time.monotonic() < end, f"{joint} does not get there: {self.graph.situation()} {self.state}"
            self.setpoints.publish(message)
            sent += 1
            rospy.rostime.wallsleep(PAUSE if sent % BURST == 0 else PERIOD)

    def reach(self, joint: str, angle: float) -> None:
        """Bring a joint to an angle, rad."""

        def there() -> bool:
            if not self.safety.motion_allowed:
                self.release()
            return abs(self.angle(joint) - angle) < 0.01

        self.steer(joint, angle, there)

    def test_1_a_command_moves_a_joint(self) -> None:
        self.assertEqual(list(self.graph.latest["joint_states"].name), list(ARM.names))
        self.assertEqual(self.torques(), [1] * 6)
        self.assertTrue(all(abs(goal - position) <= 1 for goal, position in self.wire.starts()))
        self.reach("shoulder_pan", 0.6)
        self.assertAlmostEqual(self.wire.position(1), 2024.5 + 0.6 / 0.001534, delta=10)
        self.reach("gripper", 0.8)

    def test_2_estop_holds_the_arm(self) -> None:
        self.reach("shoulder_pan", 0.0)
        self.steer("shoulder_pan", 1.5, lambda: self.angle("shoulder_pan") > 0.2)
        self.graph.require("estop")
        self.wait_for_hold("e-stop")
        held = self.goal()
        end = self.state.header.stamp.to_sec() + 0.5
        self.steer("shoulder_pan", -1.5, lambda: self.state.header.stamp.to_sec() > end)  # a program that goes on
        self.assertEqual(self.goal(), held)
        self.assertEqual(self.torques(), [1] * 6)
        self.release()
        end = self.state.header.stamp.to_sec() + 0.5
        self.wait(lambda: self.state.header.stamp.to_sec() > end, "half a second passes")
        self.assertEqual(self.goal(), held)  # clearing a stop starts no motion

    def test_3_a_cable_pulled_in_mid_motion_is_named_and_nothing_jumps_when_it_is_back(self) -> None:
        self.reach("shoulder_pan", 0.0)
        self.steer("shoulder_pan", 1.5, lambda: self.angle("shoulder_pan") > 0.2)
        self.wire.unplug()
        self.addCleanup(self.wire.plug_in)
        self.wait(lambda: any("USB cable" in text for text in self.safety.reasons), "the supervisor names the fault")
        self.assertFalse(self.safety.motion_allowed)
        self.wait(lambda: any("USB cable" in text for text in self.state.faults), "the bridge names it")
        self.wait(lambda: self.state.gate == ArmState.HOLDING, "the gate holds")
        self.assertFalse(self.graph.call("estop_reset").success)
        self.wait(lambda: "USB cable" in self.diagnosis("arm"), "diagnostics name it")
        self.assertEqual(self.torques(), [1] * 6)
        self.assertLess(abs(self.goal() - self.wire.position(1)), 300)  # they go on to the last goal, which is near
        own = self.goal()
        self.wire.turn(1, -150.0)  # moved from outside by 0.23 rad
        found = self.wire.position(1)
        self.wire.plug_in()
        self.steer("shoulder_pan", 1.5, lambda: not self.state.faults)  # a program that goes on
        end = self.state.header.stamp.to_sec() + 0.5
        self.steer("shoulder_pan", 1.5, lambda: self.state.header.stamp.to_sec() > end)
        self.assertFalse(self.safety.motion_allowed)
        # Until it is told to stay it is on its way back to its own goal, as far as the machine gives it time. The goal
        # of the program that goes on lies far beyond.
        for place in (self.goal(), self.wire.position(1)):
            self.assertGreater(place, found - 5)
            self.assertLess(place, max(found, own) + 5)
        self.reach("shoulder_pan", 0.0)  # which clears the stop and starts again

    def test_4_a_stalled_joint_is_named_and_relieved(self) -> None:
        self.reach("elbow_flex", 0.0)
        self.wire.block(3, 30.0)
        self.addCleanup(self.wire.block, 3, None)
        self.steer("elbow_flex", 1.2, lambda: any("elbow_flex is stalled" in text for text in self.safety.reasons))
        self.wait(lambda: abs(self.wire.peek(3, reg.GOAL_POSITION) - self.wire.position(3)) <= 5, "it gives way")
        self.assertEqual(self.wire.alarms(), [0] * 6)

    def test_5_a_silent_servo_is_named(self) -> None:
        self.wire.silence(5, True)
        self.addCleanup(self.wire.silence, 5, False)
        self.wait(lambda: "servo 5 (wrist_roll) does not answer" in "".join(self.safety.reasons), "it is named")
        self.wire.silence(5, False)
        self.wait(lambda: not self.state.faults, "it is back")

    def test_5_a_servo_that_resets_is_named_and_held_again(self) -> None:
        self.wire.reset(4)
        self.wait(lambda: "servo 4 (wrist_flex) has reset" in "".join(self.safety.reasons), "it is named")
        self.wait(lambda: not self.state.faults and self.torques() == [1] * 6, "it is held")
        self.assertFalse(self.safety.motion_allowed)

    def test_6_diagnostics_show_temperature_and_voltage(self) -> None:
        self.wire.poke(2, reg.PRESENT_TEMPERATURE, 48)
        self.wait(lambda: "shoulder_lift temperature (degC): 48" in self.diagnosis("arm"), "the temperature")
        self.assertIn("shoulder_lift voltage (V): 12.1", self.diagnosis("arm"))
        self.wait(lambda: "cycles missed" in self.diagnosis("bus"), "the bus")

    def test_7_without_the_supervisor_the_arm_is_held(self) -> None:
        self.reach("shoulder_pan", 0.0)
        self.graph.kill("safety_supervisor")
        self.wait_for_hold("heartbeat is missing")
        self.assertEqual(self.torques(), [1] * 6)
        self.graph.start("safety_supervisor")

    def test_8_with_the_master_stopped_the_bridge_still_ends_and_leaves_the_arm_held(self) -> None:
        master, bridge = ask_master("getPid"), find_node("/hardware_bridge")
        assert bridge is not None
        os.kill(master, signal.SIGSTOP)
        try:
            os.kill(bridge.process, signal.SIGINT)
            self.graph.wait_until(lambda: not Path(f"/proc/{bridge.process}").exists(), PATIENCE, "the bridge ends")
        finally:
            os.kill(master, signal.SIGCONT)
        self.assertEqual(self.torques(), [1] * 6)
        self.assertLessEqual(abs(self.goal() - self.wire.position(1)), 5)

    def diagnosis(self, part: str) -> str:
        """Latest diagnostics of one part of the bridge."""
        for status in self.graph.latest["/diagnostics"].status:
            if status.name == f"hardware_bridge: {part}":
                return status.message + " " + ", ".join(f"{value.key}: {value.value}" for value in status.values)
        return ""


if __name__ == "__main__":
    rospy.init_node("arm_driver")
    rostest.rosrun("xdog", "arm_driver", ArmDriver)
