"""Requests of an operator's program to the robot: its services, and the e-stop."""

import contextlib
import queue
import socket
import threading
import time
from typing import Dict, NamedTuple, Optional

import rospy
from std_msgs.msg import String

from xdog.msg import SafetyState
from xdog.nodes.common.callbacks import subscribe
from xdog.nodes.common.master import NoAnswerError
from xdog.nodes.common.services import call_trigger
from xdog.teleop.keyboard import ESTOP, ESTOP_RESET

REPEAT = 0.05
"""s of wall time after which an e-stop that is not confirmed is sent again."""
NOT_CONFIRMED = "\a!!! E-STOP NOT CONFIRMED: {}. Driving has stopped here; cut the robot's power if it still moves. !!!"


class Answer(NamedTuple):
    """The result of a request, and the line to show for it."""

    name: str
    success: bool
    text: str


class RobotRequests:
    """Sends requests without blocking the keys.

    The e-stop needs neither the master nor a new connection. It is published on a topic that is connected from the
    start, repeatedly until safety/state shows the stop. The service ``estop`` is called, too.

    Args:
        timeout: s after which a request that has not been answered is reported.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._answers: queue.Queue[Answer] = queue.Queue()
        self._pending: Dict[str, float] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._stopped.set()  # no stop is requested
        self._operator = String(f"an operator at {socket.gethostname()}")
        self._estop = rospy.Publisher("estop_request", String, queue_size=1, tcp_nodelay=True)
        subscribe("safety/state", SafetyState, self._on_safety)

    @property
    def objection(self) -> str:
        """A warning if the e-stop is not connected; empty if it is."""
        return "" if self._estop.get_num_connections() else "THE E-STOP IS NOT CONNECTED"

    def call(self, name: str) -> None:
        """Request an e-stop or call a Trigger service; :meth:`answer` reports the result."""
        self._pending[name] = time.monotonic() + self._timeout
        if name == ESTOP:
            self._send_stop()
            if self._stopped.is_set():
                self._stopped.clear()
                threading.Thread(target=self._repeat_stop, daemon=True).start()
        threading.Thread(target=self._call, args=(name,), daemon=True).start()

    def answer(self) -> Optional[Answer]:
        """The next answer, or None. A request without an answer in time is reported, and again once it is answered."""
        with contextlib.suppress(queue.Empty):
            answer = self._answers.get_nowait()
            self._pending.pop(answer.name, None)
            if answer.name == ESTOP_RESET and answer.success:  # ends a stop that was never confirmed, too
                self._pending.pop(ESTOP, None)
                self._stopped.set()
            return answer
        now = time.monotonic()
        late = next((name for name, deadline in self._pending.items() if now > deadline), None)
        if late is None:
            return None
        del self._pending[late]
        if late == ESTOP:
            unconnected = (
                "" if self._estop.get_num_connections() else f", no node subscribes to {self._estop.resolved_name}"
            )
            trouble = f"{rospy.resolve_name('safety/state')} shows no stop after {self._timeout:g} s{unconnected}"
            return Answer(ESTOP, False, NOT_CONFIRMED.format(trouble))
        return Answer(late, False, f"{late}: no answer from {rospy.resolve_name(late)} after {self._timeout:g} s")

    def _send_stop(self) -> None:
        with contextlib.suppress(rospy.ROSException):  # the node shuts down, and its topics are closed
            self._estop.publish(self._operator)

    def _repeat_stop(self) -> None:
        while not self._stopped.wait(REPEAT):
            self._send_stop()

    def _on_safety(self, message: SafetyState) -> None:
        if message.level == SafetyState.ESTOP:
            self._confirm("; ".join(message.reasons))

    def _confirm(self, text: str) -> None:
        """The stop is latched."""
        with self._lock:
            if not self._stopped.is_set():
                self._stopped.set()
                self._answers.put(Answer(ESTOP, True, f"{ESTOP}: done ({text})"))

    def _call(self, name: str) -> None:
        try:
            response = call_trigger(name, self._timeout)
        except NoAnswerError as error:
            if name != ESTOP and name in self._pending:  # a stop is also published; a late request was reported
                self._answers.put(Answer(name, False, f"{name}: failed ({error})"))
            return
        if name == ESTOP:
            self._confirm(response.message)
            return
        detail = f" ({response.message})" if response.message else ""
        self._answers.put(
            Answer(name, response.success, f"{name}: {'done' if response.success else 'refused'}{detail}")
        )
