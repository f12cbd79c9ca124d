"""Node: keyboard teleop in the terminal that it was started from."""

import shutil
import signal
import sys
import time
from typing import Optional

import rospy
from geometry_msgs.msg import Twist
from sensor_msgs.msg import BatteryState

from xdog.msg import LocomotionState, SafetyState
from xdog.nodes.common import clock
from xdog.nodes.common.callbacks import subscribe
from xdog.nodes.common.master import master_problem
from xdog.nodes.common.requests import RobotRequests
from xdog.nodes.common.start import start_node
from xdog.safety.config import load_safety_config
from xdog.safety.mux_config import load_mux_config
from xdog.safety.permission import SafetyPermission
from xdog.teleop.config import TeleopConfig, load_teleop_config
from xdog.teleop.drive import Velocity
from xdog.teleop.keyboard import ESTOP_RESET, HELP, HELP_TEXT, KeyboardTeleop
from xdog.teleop.status import RobotStatus, status_line
from xdog.teleop.terminal import KeyTerminal, NoTerminalError

LEVELS = {SafetyState.OK: "OK", SafetyState.WARN: "WARN", SafetyState.DAMP: "DAMP", SafetyState.ESTOP: "ESTOP"}
STATUS_PERIOD = 0.2  # s


class TeleopNode:
    """Reads keys, publishes ``cmd_vel/keyboard``, calls services, shows the robot's state."""

    def __init__(self, terminal: KeyTerminal, config: TeleopConfig) -> None:
        self._terminal = terminal
        self._config = config
        self._teleop = KeyboardTeleop(config, load_mux_config().limits)
        self._robot = RobotRequests(config.service_timeout)
        self._locomotion: Optional[LocomotionState] = None
        self._safety: Optional[SafetyState] = None
        self._permission = SafetyPermission(load_safety_config().listeners.heartbeat_timeout)
        self._battery: Optional[BatteryState] = None
        self._sent: Optional[Velocity] = None
        self._publisher = rospy.Publisher("cmd_vel/keyboard", Twist, queue_size=1, tcp_nodelay=True)
        subscribe("locomotion/state", LocomotionState, self._on_locomotion)
        subscribe("safety/state", SafetyState, self._on_safety)
        subscribe("battery", BatteryState, self._on_battery)

    def _on_locomotion(self, message: LocomotionState) -> None:
        self._locomotion = message

    def _on_safety(self, message: SafetyState) -> None:
        self._safety, now = message, clock.now()
        self._permission.update(now, now, message.motion_allowed, "")

    def _on_battery(self, message: BatteryState) -> None:
        self._battery = message

    def run(self) -> None:
        """Drive until the user quits, the terminal closes or the node shuts down."""
        self._print(HELP_TEXT)
        period = 1.0 / self._config.rate
        due = shown = time.monotonic()
        while not (rospy.is_shutdown() or self._teleop.finished(time.monotonic())):
            data = self._terminal.read(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            if data is not None and not self._teleop.quitting:
                for request in self._teleop.feed(data, now):
                    self._request(request)
            elif data == b"":
                time.sleep(max(0.0, due - now))  # a closed terminal is always ready; the zeros are still sent on time
            self._report_answers()
            if now >= due:
                due = max(due + period, now)
                self._publish(self._teleop.next_velocity(now))
            if now >= shown:
                shown = now + STATUS_PERIOD
                self._show()
        self._write("\n")

    def quit(self) -> None:
        """Stop the robot and end :meth:`run`."""
        self._teleop.quit(time.monotonic())

    def _request(self, name: str) -> None:
        if name == HELP:
            self._print(HELP_TEXT)
        else:
            self._robot.call(name)  # before anything is written: a terminal may be slow
            self._print(f"{name} ...")

    def _report_answers(self) -> None:
        while True:
            answer = self._robot.answer()
            if answer is None:
                return
            if answer.name == ESTOP_RESET and answer.success:
                self._teleop.unblock()
            self._print(answer.text)

    def _publish(self, velocity: Optional[Velocity]) -> None:
        self._sent = velocity
        if velocity is not None:
            twist = Twist()
            twist.linear.x, twist.linear.y, twist.angular.z = velocity.vx, velocity.vy, velocity.wz
            self._publisher.publish(twist)

    def _status(self) -> RobotStatus:
        locomotion, safety, battery = self._locomotion, self._safety, self._battery
        if not self._permission.is_recent(clock.now()):
            safety = None  # an old state is no longer valid
        reasons = [] if safety is None else [*safety.reasons, *safety.warnings]
        return RobotStatus(
            locomotion=None if locomotion is None else locomotion.name,
            level=None if safety is None else LEVELS.get(safety.level, "?"),
            reasons=tuple(filter(None, [self._robot.objection, *reasons])),
            voltage=None if battery is None else battery.voltage,
            charge=float("nan") if battery is None else battery.percentage,
        )

    def _show(self) -> None:
        width = shutil.get_terminal_size().columns - 1
        teleop = self._teleop
        line = status_line(self._status(), teleop.full_speed(), teleop.scale, self._sent, teleop.blocked, width)
        self._write("\r" + line + "\x1b[K")

    def _print(self, text: str) -> None:
        self._write("\r\x1b[K" + text + "\n")

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:  # the terminal is closed; the zeros must still be sent
            self.quit()


def main() -> None:
    """Entry point of the node."""
    problem = master_problem()
    if problem:
        sys.exit(f"keyboard teleop: {problem}")
    try:
        config = load_teleop_config()
        start_node("teleop_keyboard")
        with KeyTerminal(sys.stdin.fileno()) as terminal:
            node = TeleopNode(terminal, config)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda *_: node.quit())
            node.run()
    except (NoTerminalError, ValueError, OSError) as error:
        sys.exit(f"keyboard teleop: {error}")


if __name__ == "__main__":
    main()
