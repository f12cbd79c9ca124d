"""Lets the running graph pick up one object after another, and measures the true results."""

import threading
import time
from typing import Any, Callable, Dict, Optional, Sequence

import actionlib
import rospy
from nav_msgs.msg import Odometry
from std_srvs.srv import Trigger

from xdog.msg import LocomotionState, PickObjectAction, PickObjectGoal
from xdog.nodes.common.callbacks import subscribe
from xdog.nodes.common.standard_messages import Detection3DArray
from xdog.srv import Reset
from xdog_learning.grasp.pick_scenarios import PickResult, PickScenario
from xdog_sim.grasp.config import SuccessConfig

START_TIMEOUT = 90.0
"""s of wall time within which the graph must be up."""
SILENCE_TIMEOUT = 60.0
"""s of wall time without a new simulated instant after which the simulation counts as dead."""
UP = 8.0
"""Simulated s within which the dog must stand."""
PICK = 120.0
"""Simulated s after which a pick is cancelled."""


class PickerError(RuntimeError):
    """The graph does not do what picking needs."""


class LateError(PickerError):
    """Something took too long in simulated time: this scenario has failed, the next one may succeed."""


class Picker:
    """Tries one scenario after another.

    Args:
        scenarios: of the scene that the graph simulates.
        success: height and duration that count.
    """

    def __init__(self, scenarios: Sequence[PickScenario], success: SuccessConfig) -> None:
        self._numbers: Dict[str, int] = {scenario.name: number for number, scenario in enumerate(scenarios)}
        self._success = success
        self._news = threading.Condition()
        self._latest: Dict[str, Any] = {}
        for topic, kind in (
            ("locomotion/state", LocomotionState),
            ("ground_truth/objects", Detection3DArray),
            ("ground_truth/odom", Odometry),
        ):
            subscribe(topic, kind, self._on_message, topic)
        self._ahead: Optional[float] = None
        """m by which the trunk moves ahead while it stands up: scenarios assume a standing trunk at zero."""
        self._client = actionlib.SimpleActionClient("pick_object", PickObjectAction)

    def wait_until_ready(self) -> None:
        """Wait until the graph is up.

        Raises:
            PickerError: it is not within START_TIMEOUT; the message says what is missing.
        """
        deadline = time.monotonic() + START_TIMEOUT
        for service in ("reset", "damp", "estop_reset", "stand"):
            try:
                rospy.wait_for_service(service, timeout=max(deadline - time.monotonic(), 0.1))
            except rospy.ROSException:
                raise PickerError(f"the graph is not up: no service '{service}'") from None
        if not self._client.wait_for_server(rospy.Duration(START_TIMEOUT)):
            raise PickerError("no node offers pick_object")
        self._wait_until(lambda: len(self._latest) == 3, START_TIMEOUT, "states and objects")

    def pick(self, scenario: PickScenario) -> PickResult:
        """Put the dog in front of the object, let it stand up and pick the object up.

        Raises:
            PickerError: a service refuses, or the simulation stopped.
        """
        try:
            if self._ahead is None:
                self._stand(scenario, 0.0)
                self._ahead = float(self._latest["ground_truth/odom"].pose.pose.position.x)
            self._stand(scenario, -self._ahead)
        except LateError as error:
            return PickResult("failed", str(error), 0, False, 0.0)
        before, begun = self._lowest(scenario), rospy.get_time()
        self._client.send_goal(PickObjectGoal(label=scenario.label, afterwards=PickObjectGoal.HOLD))
        try:
            self._wait_until(
                lambda: self._client.simple_state == actionlib.SimpleGoalState.DONE, PICK, "pick_object ends"
            )
        except LateError as error:
            self._client.cancel_goal()
            return PickResult("failed", str(error), 0, False, PICK)
        seconds, result = rospy.get_time() - begun, self._client.get_result()
        if result is None:
            raise PickerError(f"pick_object gave no result: {self._client.get_goal_status_text()}")
        lifted = self._lowest(scenario) - before >= self._success.lift
        self._pass(self._success.hold)
        lifted = lifted and self._lowest(scenario) - before >= self._success.lift
        return PickResult(result.outcome, result.message, int(result.attempts), lifted, seconds)

    def _stand(self, scenario: PickScenario, x: float) -> None:
        """Put the dog down at x (m), in front of the scenario's object, and let it stand up."""
        self._ask("damp")
        answer = rospy.ServiceProxy("reset", Reset)("lie", x, scenario.y, 0.0)
        if not answer.success:
            raise PickerError(f"reset: {answer.message}")
        self._pass(0.2)  # until every node has received the legs' jump
        self._ask("estop_reset")
        self._ask("stand")
        self._wait_until(
            lambda: self._latest["locomotion/state"].state == LocomotionState.STANDING, UP, "the dog stands"
        )
        self._pass(1.0)  # until the detector has seen the object from here

    def _on_message(self, message: Any, topic: str) -> None:
        with self._news:
            self._latest[topic] = message
            self._news.notify_all()

    def _lowest(self, scenario: PickScenario) -> float:
        """Height above the ground of the object's lowest point, m."""
        box = self._latest["ground_truth/objects"].detections[self._numbers[scenario.name]].bbox
        return float(box.center.position.z - 0.5 * box.size.z)

    def _ask(self, service: str) -> None:
        """Call a service until it succeeds: nodes that have just started may not be connected yet."""
        end, answer = rospy.get_time() + UP, None
        while answer is None or not answer.success:
            if rospy.get_time() > end:
                raise LateError(f"{service}: {'' if answer is None else answer.message}")
            answer = rospy.ServiceProxy(service, Trigger)()
            if not answer.success:
                self._pass(0.1)

    def _pass(self, seconds: float) -> None:
        """Wait for simulated time to pass."""
        end = rospy.get_time() + seconds
        self._wait_until(lambda: rospy.get_time() >= end, seconds + 1.0, "the clock goes on")

    def _wait_until(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        """Check a condition after every message; ``timeout`` in simulated s."""
        end, wall = rospy.get_time() + timeout, time.monotonic() + SILENCE_TIMEOUT
        with self._news:
            while not condition():
                now = rospy.get_time()
                if now > end:
                    raise LateError(f"{what}: not within {timeout:g} s")
                if not self._news.wait(max(wall - time.monotonic(), 0.0)):
                    raise PickerError(f"{what}: the simulation stands still")
                wall = time.monotonic() + SILENCE_TIMEOUT


def pick_all(
    scenarios: Sequence[PickScenario], success: SuccessConfig, report: Callable[[PickScenario, PickResult], None]
) -> None:
    """Join the graph that ``ROS_MASTER_URI`` names, try every scenario and leave.

    Args:
        scenarios: of the graph's scene.
        success: height and duration that count.
        report: called after every scenario.

    Raises:
        PickerError: the graph fails.
    """
    rospy.init_node("picker", disable_signals=True)
    try:
        picker = Picker(scenarios, success)
        picker.wait_until_ready()
        for scenario in scenarios:
            report(scenario, picker.pick(scenario))
    except rospy.ServiceException as error:
        raise PickerError(f"a service failed: {error}") from error
    finally:
        rospy.signal_shutdown("all objects were tried")
