"""hardware_bridge: the bridge with an SO101 on a serial port behind it. The dog's own legs have no driver yet."""

import rospy
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_updater import DiagnosticStatusWrapper

from xdog.core.description import RobotDescription, load_description
from xdog.core.paths import user_path
from xdog.core.timers import RateTimer, claim_priority
from xdog.hardware.so101.arm import So101Arm, servo_names
from xdog.hardware.so101.calibration import load_calibration
from xdog.hardware.so101.feetech_bus import FeetechBus
from xdog.hardware.so101.servo_health import load_health_config
from xdog.nodes.common.bridge import SOLE_TOPICS, Bridge
from xdog.nodes.common.callbacks import is_ending
from xdog.nodes.common.run import required_param, run
from xdog.safety.config import SafetyConfig, load_safety_config


class HardwareBridge(Bridge):
    """Owns the loop: one cycle of the bridge at every beat of the wall clock.

    Args:
        robot: the description.
        arm: connected.
        safety: limits of the gates.
    """

    def __init__(self, robot: RobotDescription, arm: So101Arm, safety: SafetyConfig) -> None:
        super().__init__(robot, None, arm, None, safety)
        self._so101 = arm
        self._pace = RateTimer(1.0 / self.rate, rospy.get_time)
        self._updater.add("bus", self._diagnose_bus)

    def run(self) -> None:
        """Read, gate and write until the node shuts down."""
        if not claim_priority():
            rospy.loginfo("no real-time priority (needs root or CAP_SYS_NICE): a busy machine may delay cycles")
        try:
            while not is_ending():
                self._pace.wait()
                self.sense(rospy.get_time())
                self.act()
        finally:
            self._so101.close()

    def _diagnose_bus(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        counts, pace = self._so101.bus.counts, self._pace
        status.summary(DiagnosticStatus.OK, f"{pace.missed} of {pace.beats} cycles missed")
        for name in ("reads", "incomplete", "retries", "corrupt", "silent"):
            status.add(name, str(getattr(counts, name)))
        return status


def build() -> HardwareBridge:
    """The node, once the arm is connected."""
    robot, safety, health = load_description(), load_safety_config(), load_health_config()
    path = required_param("~calibration", set_by="arm.launch")
    calibration = load_calibration(user_path(path), robot.arm.names)
    bus = FeetechBus(required_param("~port", set_by="arm.launch"), servo_names(calibration))
    arm = So101Arm(robot, bus, calibration, health, rospy.get_time)
    arm.connect()
    rospy.loginfo(f"the arm on {bus.path} answers and is held where it is")
    return HardwareBridge(robot, arm, safety)


def main() -> None:
    """Run the node. Parameters: ~port, ~calibration."""
    run("hardware_bridge", build, HardwareBridge.run, SOLE_TOPICS)
