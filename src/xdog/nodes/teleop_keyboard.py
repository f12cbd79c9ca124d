"""Node: keyboard teleop in the terminal that it was started from."""

import queue
import shutil
import signal
import sys
import threading
import time
from typing import Dict, Optional, Tuple

import rosgraph
import rospy
from geometry_msgs.msg import Twist
from sensor_msgs.msg import BatteryState
from std_srvs.srv import Trigger

from xdog.msg import LocomotionState, SafetyState
from xdog.nodes.common import clock
from xdog.nodes.common.callbacks import subscribe
from xdog.safety.config import load_safety_config
from xdog.safety.mux_config import load_mux_config
from xdog.safety.permission import SafetyPermission
from xdog.teleop.config import TeleopConfig, load_teleop_config
from xdog.teleop.drive import Velocity
from xdog.teleop.keyboard import ESTOP, ESTOP_RESET, HELP, HELP_TEXT, KeyboardTeleop
from xdog.teleop.status import RobotStatus, status_line
from xdog.teleop.terminal import KeyTerminal, NoTerminalError

LEVELS = {SafetyState.OK: "OK", SafetyState.WARN: "WARN", SafetyState.DAMP: "DAMP", SafetyState.ESTOP: "ESTOP"}
STATUS_PERIOD = 0.2  # s
ESTOP_PATIENCE = 30.0
"""s for which an e-stop is tried, although the lack of an answer is reported much sooner."""
ESTOP_UNHEARD = "!!! E-STOP NOT CONFIRMED: {}. Driving has stopped here; cut the robot's power if it still moves. !!!"


class ServiceCalls:
    """Calls Trigger services without making the keys wait. Answers come back as (service, success, message)."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._answers: queue.Queue[Tuple[str, bool, str]] = queue.Queue()
        self._pending: Dict[str, float] = {}

    def call(self, name: str) -> None:
        """Ask for a service; :meth:`answer` reports what came of it."""
        self._pending[name] = time.monotonic() + self._timeout
        # A late e-stop is better than none, any other late request is better forgotten.
        patience = ESTOP_PATIENCE if name == ESTOP else self._timeout
        threading.Thread(target=self._call, args=(name, patience), daemon=True).start()

    def _call(self, name: str, patience: float) -> None:
        try:
            rospy.wait_for_service(name, timeout=patience)
            response = rospy.ServiceProxy(name, Trigger)()
            self._answers.put((name, bool(response.success), str(response.message)))
        except (rospy.ROSException, rospy.ServiceException) as error:
            self._answers.put((name, False, f"service {rospy.resolve_name(name)} failed: {error}"))

    def answer(self) -> Optional[Tuple[str, bool, str]]:
        """The next answer, or None. A late service is reported as failed, and again when it answers after all."""
        try:
            answer = self._answers.get_nowait()
        except queue.Empty:
            now = time.monotonic()
            late = [name for name, deadline in self._pending.items() if now > deadline]
            if not late:
                return None
            del self._pending[late[0]]
            text = f"service {rospy.resolve_name(late[0])} did not answer within {self._timeout} s"
            return late[0], False, text
        self._pending.pop(answer[0], None)
        return answer


class TeleopNode:
    """Reads keys, publishes ``cmd_vel/keyboard``, calls services, shows the robot's state."""

    def __init__(self, terminal: KeyTerminal, config: TeleopConfig) -> None:
        self._terminal = terminal
        self._config = config
        self._teleop = KeyboardTeleop(config, load_mux_config().limits)
        self._calls = ServiceCalls(config.service_timeout)
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
        """Drive until the user quits, the terminal closes or the node is told to end."""
        self._say(HELP_TEXT)
        period = 1.0 / self._config.rate
        due = shown = time.monotonic()
        while not (rospy.is_shutdown() or self._teleop.finished(time.monotonic())):
            data = self._terminal.read(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            if data is not None and not self._teleop.quitting:
                for request in self._teleop.feed(data, now):
                    self._request(request)
            elif data == b"":
                time.sleep(max(0.0, due - now))  # a closed terminal is always ready; the zeros still go out in time
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
            self._say(HELP_TEXT)
        else:
            self._say(f"{name} ...")
            self._calls.call(name)

    def _report_answers(self) -> None:
        while True:
            answer = self._calls.answer()
            if answer is None:
                return
            name, success, message = answer
            if name == ESTOP and not success:
                self._say("\a" + ESTOP_UNHEARD.format(message))
                continue
            if name == ESTOP_RESET and success:
                self._teleop.unblock()
            self._say(f"{name}: {'done' if success else 'refused'}" + (f" ({message})" if message else ""))

    def _publish(self, velocity: Optional[Velocity]) -> None:
        self._sent = velocity
        if velocity is not None:
            twist = Twist()
            twist.linear.x, twist.linear.y, twist.angular.z = velocity.vx, velocity.vy, velocity.wz
            self._publisher.publish(twist)

    def _status(self) -> RobotStatus:
        locomotion, safety, battery = self._locomotion, self._safety, self._battery
        if not self._permission.is_recent(clock.now()):
            safety = None  # what a supervisor said that has gone is no longer so
        return RobotStatus(
            locomotion=None if locomotion is None else locomotion.name,
            level=None if safety is None else LEVELS.get(safety.level, "?"),
            reasons=() if safety is None else tuple(safety.reasons) + tuple(safety.warnings),
            voltage=None if battery is None else battery.voltage,
            charge=float("nan") if battery is None else battery.percentage,
        )

    def _show(self) -> None:
        width = shutil.get_terminal_size().columns - 1
        teleop = self._teleop
        line = status_line(self._status(), teleop.full_speed(), teleop.scale, self._sent, teleop.blocked, width)
        self._write("\r" + line + "\x1b[K")

    def _say(self, text: str) -> None:
        self._write("\r\x1b[K" + text + "\n")

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:  # the terminal has gone; the zeros must still go out
            self.quit()


def main() -> None:
    """Entry point of the node."""
    if not rosgraph.is_master_online():
        sys.exit(
            f"keyboard teleop: no ROS master at {rosgraph.get_master_uri()}: start the robot or its mirror first "
            "('./xdog sim'), or set ROS_MASTER_URI"
        )
    try:
        config = load_teleop_config()
        with KeyTerminal(sys.stdin.fileno()) as terminal:
            rospy.init_node("teleop_keyboard", disable_signals=True)
            node = TeleopNode(terminal, config)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda *_: node.quit())
            try:
                node.run()
            finally:
                rospy.signal_shutdown("teleop ended")
    except (NoTerminalError, ValueError, OSError) as error:
        sys.exit(f"keyboard teleop: {error}")


if __name__ == "__main__":
    main()
