"""actionlib's action servers, changed so that they survive a clock that jumps and shut down without a traceback.

actionlib publishes status with a rospy.Timer, whose thread ends with an exception when the clock jumps back, and orders
goals by their stamps, so that after such a jump each new goal seems older than the last one and is cancelled.
"""

import threading
from typing import Any, Callable, Optional

import actionlib
import rospy
from actionlib_msgs.msg import GoalID, GoalStatusArray

from xdog.nodes.common import clock
from xdog.nodes.common.callbacks import is_ending, start_thread, subscribe

STATUS_PERIOD = 0.2
"""s between two status messages without changes; actionlib's default."""
QUEUE = 50
"""Messages kept for a slow client: results must not be lost."""
KEPT = 5.0
"""s for which status lists a goal that has ended; actionlib's default."""


class ActionServer(actionlib.ActionServer):
    """Any number of goals at a time. `start` starts it.

    Args:
        name: of the action.
        kind: its message class.
        on_goal, on_cancel: called under actionlib's lock with the handle of a goal that was sent or is to be cancelled.
    """

    def __init__(self, name: str, kind: type, on_goal: Callable[[Any], None], on_cancel: Callable[[Any], None]) -> None:
        self.last_cancel = rospy.Time()
        super().__init__(name, kind, on_goal, on_cancel, auto_start=False)

    def initialize(self) -> None:
        """Advertise and subscribe; called by `start`."""
        name = rospy.remap_name(self.ns)
        self.status_list_timeout = rospy.Duration(KEPT)
        self.status_pub, self.result_pub, self.feedback_pub = (
            rospy.Publisher(f"{name}/{topic}", kind, queue_size=QUEUE, latch=topic == "status")
            for topic, kind in (
                ("status", GoalStatusArray),
                ("result", self.ActionResult),
                ("feedback", self.ActionFeedback),
            )
        )
        self.goal_sub = subscribe(f"{name}/goal", self.ActionGoal, self.internal_goal_callback, queue_size=None)
        self.cancel_sub = subscribe(f"{name}/cancel", GoalID, self.internal_cancel_callback, queue_size=None)
        clock.every(STATUS_PERIOD, self.publish_status)

    def internal_goal_callback(self, goal: Any) -> None:
        """A goal was sent."""
        with self.lock:
            self._discard_future_times()
            super().internal_goal_callback(goal)

    def publish_status(self) -> None:
        """Publish the status of all goals."""
        with self.lock:
            self._discard_future_times()
            super().publish_status()

    def _discard_future_times(self) -> None:
        """After the clock has jumped back: reset future times, which would keep old goals and cancel new ones."""
        now = rospy.Time.now()
        if self.last_cancel > now:
            self.last_cancel = rospy.Time()
        for tracker in self.status_list:
            if tracker.handle_destruction_time > now:
                tracker.handle_destruction_time = now


class SimpleActionServer:
    """One goal at a time, in a thread of its own. A newer goal preempts the present one, like a cancellation.

    Args:
        name: of the action.
        kind: its message class.
        execute: executes a goal and ends it with one of the ``set_`` methods. Called for one goal after the other.
    """

    def __init__(self, name: str, kind: type, execute: Callable[[Any], None]) -> None:
        self._execute = execute
        self._news = threading.Condition()
        self._current: Optional[Any] = None
        self._next: Optional[Any] = None
        self._cancelled = False
        self._server = ActionServer(name, kind, self._on_goal, self._on_cancel)
        start_thread(self._run)
        self._server.start()

    def is_preempt_requested(self) -> bool:
        """Whether the present goal should end: it was cancelled, or a newer one waits."""
        return self._cancelled or self._next is not None

    def publish_feedback(self, feedback: Any) -> None:
        """Report the progress of the present goal."""
        self._goal.publish_feedback(feedback)

    def set_succeeded(self, result: Any, text: str) -> None:
        """End the present goal: done."""
        self._goal.set_succeeded(result, text)

    def set_aborted(self, result: Any, text: str) -> None:
        """End the present goal: it failed."""
        self._goal.set_aborted(result, text)

    def set_preempted(self, result: Any, text: str) -> None:
        """End the present goal: it was preempted or cancelled."""
        self._goal.set_canceled(result, text)

    @property
    def _goal(self) -> Any:
        assert self._current is not None, "execute is called with a goal"
        return self._current

    # Called under actionlib's lock, which must be taken before that of _news.

    def _on_goal(self, handle: Any) -> None:
        with self._news:
            waiting, self._next = self._next, handle
            self._news.notify_all()
        if waiting is not None:
            waiting.set_canceled(None, "a newer goal arrived before this one started")

    def _on_cancel(self, handle: Any) -> None:
        with self._news:
            if self._next is None or self._next != handle:
                self._cancelled = self._cancelled or (self._current is not None and self._current == handle)
                return
            self._next = None
        handle.set_canceled(None, "cancelled before it started")

    def _run(self) -> None:
        while not is_ending():
            with self._news:
                self._news.wait_for(lambda: self._next is not None, timeout=clock.POLL)
                if self._next is None:
                    continue
                self._current, self._next, self._cancelled = self._next, None, False
            self._current.set_accepted()
            try:
                self._execute(self._current.get_goal())
            except Exception as error:  # the client needs a result, and the server must serve the next goal
                if is_ending():
                    return
                rospy.logerr(f"{self._server.ns}: {error!r}", exc_info=True)
                self._current.set_aborted(None, f"an error in the program: {error!r}")
            with self._news:
                self._current = None
