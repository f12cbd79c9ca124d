"""hardware_bridge: the bridge with an SO101 on a serial port behind it. The dog's own legs have no driver yet."""

import sys
from pathlib import Path

import rospy
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_updater import DiagnosticStatusWrapper

from xdog.core.description import DescriptionError, RobotDescription, load_description
from xdog.core.interfaces import HardwareError
from xdog.core.timers import RateTimer, claim_priority
from xdog.hardware.so101.arm import So101Arm, servo_names
from xdog.hardware.so101.calibration import CalibrationError, load_calibration
from xdog.hardware.so101.feetech_bus import FeetechBus
from xdog.hardware.so101.servo_health import load_health_config
from xdog.nodes.common.bridge import SOLE_TOPICS, Bridge
from xdog.nodes.common.start import ending, start_node
from xdog.safety.config import SafetyConfig, SafetyConfigError, load_safety_config


class HardwareBridge(Bridge):
    """Owns the loop: one cycle of the bridge at every beat of the wall clock.

    Args:
        robot: the description.
        arm: connected.
        safety: figures of the gates.
    """

    def __init__(self, robot: RobotDescription, arm: So101Arm, safety: SafetyConfig) -> None:
        super().__init__(robot, None, arm, None, safety)
        self._bus = arm.bus
        self._pace = RateTimer(1.0 / self.rate, rospy.get_time)
        self._updater.add("bus", self._diagnose_bus)

    def run(self) -> None:
        """Read, gate and write until the node is told to end."""
        if not claim_priority():
            rospy.loginfo("no real-time priority (needs root or CAP_SYS_NICE): a busy machine may delay cycles")
        while not ending():
            self._pace.wait()
            self.sense(rospy.get_time())
            self.act()

    def _diagnose_bus(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        counts, pace = self._bus.counts, self._pace
        status.summary(DiagnosticStatus.OK, f"{pace.missed} of {pace.beats} cycles missed")
        for name in ("reads", "incomplete", "retries", "corrupt", "silent"):
            status.add(name, str(getattr(counts, name)))
        return status


def main() -> None:
    """Run the node. Parameters: ~port, ~calibration."""
    start_node("hardware_bridge", SOLE_TOPICS)
    try:
        robot, safety, health = load_description(), load_safety_config(), load_health_config()
        calibration = load_calibration(Path(rospy.get_param("~calibration")).expanduser(), robot.arm.names)
        bus = FeetechBus(rospy.get_param("~port"), servo_names(calibration))
        arm = So101Arm(robot, bus, calibration, health, rospy.get_time)
        arm.connect()
    except KeyError as error:
        rospy.logfatal(f"the parameter {error} is missing; arm.launch sets it")
        sys.exit(1)
    except (DescriptionError, SafetyConfigError, CalibrationError, HardwareError, OSError) as error:
        rospy.logfatal(str(error))
        sys.exit(1)
    rospy.loginfo(f"the arm on {bus.path} answers and is held where it is")
    try:
        HardwareBridge(robot, arm, safety).run()
    finally:
        arm.close()
