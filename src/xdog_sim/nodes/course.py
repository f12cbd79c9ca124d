"""Drives a simulated robot along a course through the graph's own topics and services, and records it."""

import threading
import time
from typing import Callable, Optional, Tuple

import numpy as np
import rospy
from geometry_msgs.msg import Twist, Vector3
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from xdog.core.description import load_description
from xdog.msg import LocomotionState, SafetyState
from xdog.nodes.common.callbacks import subscribe
from xdog.nodes.common.lockstep import LockstepClient
from xdog.srv import Push
from xdog_sim.demo.course import REACHED, Course, CourseFailedError, CourseRunner, CourseStep, Triple
from xdog_sim.demo.recording import CourseRecorder, PhaseMark, PushMark, Recording

START_TIMEOUT = 60.0
"""s of wall time within which the graph must be up."""
SILENCE_TIMEOUT = 20.0
"""s of wall time without a new simulated instant after which the simulation counts as dead."""
WALKING = REACHED["walk"]
REFUSALS_FOR = 2.0
"""Simulated s for which a refused service is retried: nodes that have just started may not be connected yet."""
AFTERMATH = 1.5
"""Simulated s that are still recorded after the course failed."""


def heading(orientation: Tuple[float, float, float, float]) -> float:
    """Yaw, rad, of a quaternion x, y, z, w."""
    x, y, z, w = orientation
    return float(np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)))


class CourseDriver:
    """Publishes ``cmd_vel``, calls locomotion's services and ``push``, and records what the robot does. Used once.

    It takes part in lockstep: the simulation waits until it has acted.
    """

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._recorder = CourseRecorder()
        self._period = 1.0 / load_description().rates["control"]  # s between two commands
        self._now = 0.0
        self._yaw = 0.0
        self._legs = ""
        self._safety: Optional[SafetyState] = None
        self._problem = ""
        self._request, self._request_until = "", 0.0
        self._velocity = rospy.Publisher("cmd_vel", Twist, queue_size=1, tcp_nodelay=True)
        self._lockstep = LockstepClient()
        for topic, kind, callback in (
            ("ground_truth/odom", Odometry, self._on_truth),
            ("odom", Odometry, self._on_odometry),
            ("joint_states", JointState, self._on_joints),
            ("locomotion/state", LocomotionState, self._on_locomotion),
            ("safety/state", SafetyState, self._on_safety),
        ):
            subscribe(topic, kind, callback, queue_size=100)

    def _on_truth(self, message: Odometry) -> None:
        pose, twist = message.pose.pose, message.twist.twist
        p, q, v, w = pose.position, pose.orientation, twist.linear, twist.angular
        stamp = message.header.stamp.to_sec()
        self._recorder.truth.add(stamp, (p.x, p.y, p.z, q.x, q.y, q.z, q.w, v.x, v.y, v.z, w.x, w.y, w.z))
        with self._news:
            self._now, self._yaw = stamp, heading((q.x, q.y, q.z, q.w))
            self._news.notify_all()

    def _on_odometry(self, message: Odometry) -> None:
        p, q = message.pose.pose.position, message.pose.pose.orientation
        self._recorder.add_odometry(message.header.stamp.to_sec(), p.x, p.y, heading((q.x, q.y, q.z, q.w)))

    def _on_joints(self, message: JointState) -> None:
        self._recorder.add_joints(message.header.stamp.to_sec(), message.name, message.position)

    def _on_locomotion(self, message: LocomotionState) -> None:
        with self._news:
            self._legs = message.name
            self._news.notify_all()

    def _on_safety(self, message: SafetyState) -> None:
        with self._news:
            self._safety = message
            self._news.notify_all()

    def wait_until_ready(self) -> None:
        """Wait until the graph is up and motion is allowed.

        Raises:
            CourseFailedError: it is not within START_TIMEOUT; the message says what is missing.
        """
        deadline = time.monotonic() + START_TIMEOUT
        for service in ("stand", "walk", "lie_down", "push"):
            try:
                rospy.wait_for_service(service, timeout=max(deadline - time.monotonic(), 0.1))
            except rospy.ROSException:
                raise CourseFailedError(f"no node offers the service {rospy.resolve_name(service)}") from None
        with self._news:
            ready = self._news.wait_for(
                lambda: bool(self._now and self._legs and self._safety and self._safety.motion_allowed),
                timeout=max(deadline - time.monotonic(), 0.1),
            )
            if ready:
                return
            if self._safety is None or not self._legs:
                raise CourseFailedError("safety_supervisor and locomotion have not both reported their state")
            raise CourseFailedError(f"the safety supervisor allows no motion: {self._safety_reasons()}")

    def run(self, course: Course, progress: Callable[[float, str], None]) -> Tuple[Recording, str]:
        """Drive the course.

        Args:
            course: what to do.
            progress: called with the simulated s since the start and the label of the phase.

        Returns:
            The recording, and why the course failed (empty if it did not).

        Raises:
            CourseFailedError: nothing worth recording happened, or the simulation died.
        """
        runner = CourseRunner(course)
        now = self._next_instant(0.0)
        start, started = now, time.monotonic()
        problem = ""
        try:
            while True:
                step = self._advance(runner, now)
                if step.phase is None:
                    break
                progress(now - start, step.phase.label)
                now = self._next_instant(now)
        except CourseFailedError as failure:
            problem = str(failure)
            if self._recorder.commands:
                end = now + AFTERMATH
                while now < end:
                    now = self._next_instant(now)
                self._recorder.commands.add(now, self._recorder.commands.latest)
        finally:
            self._lockstep.close()
        try:
            return self._recorder.finish(time.monotonic() - started), problem
        except ValueError as error:
            raise CourseFailedError(problem or str(error)) from error

    def _next_instant(self, now: float) -> float:
        self._lockstep.done(now)
        with self._news:
            if not self._news.wait_for(lambda: self._now >= now + self._period - 1e-6, timeout=SILENCE_TIMEOUT):
                raise CourseFailedError(f"the simulation stopped: no ground_truth/odom for {SILENCE_TIMEOUT:.0f} s")
            return self._now

    def _advance(self, runner: CourseRunner, now: float) -> CourseStep:
        with self._news:
            legs, safety, problem = self._legs, self._safety, self._problem
        if problem:
            raise CourseFailedError(problem)
        if safety is not None and not safety.motion_allowed:
            raise CourseFailedError(f"the safety supervisor stopped the robot: {self._safety_reasons()}")
        step = runner.step(now, legs)
        self._recorder.commands.add(now, (*step.velocity, float(legs == WALKING)))
        if step.phase is not None and (
            not self._recorder.phases or self._recorder.phases[-1].label != step.phase.label
        ):
            self._recorder.phases.append(PhaseMark(now, step.phase.label))
        self._publish(step.velocity)
        if step.request:
            self._request, self._request_until = step.request, now + REFUSALS_FOR
        if self._request:
            self._ask(now)
        if step.push is not None and step.phase is not None:
            # The simulation pushes between two of its cycles, for which it may have to wait for this node.
            threading.Thread(target=self._push, args=(step.push, step.phase.label), daemon=True).start()
        return step

    def _publish(self, velocity: Triple) -> None:
        twist = Twist()
        twist.linear.x, twist.linear.y, twist.angular.z = velocity
        self._velocity.publish(twist)

    def _ask(self, now: float) -> None:
        response = rospy.ServiceProxy(self._request, Trigger)()
        if response.success:
            self._request = ""
        elif now > self._request_until:
            raise CourseFailedError(f"'{self._request}' was refused: {response.message}")

    def _push(self, delta: Triple, label: str) -> None:
        c, s = np.cos(self._yaw), np.sin(self._yaw)
        world = np.array([c * delta[0] - s * delta[1], s * delta[0] + c * delta[1], delta[2]])
        try:
            response = rospy.ServiceProxy("push", Push)(Vector3(*world))
            problem = "" if response.success else f"'push' was refused: {response.message}"
        except rospy.ServiceException as error:
            problem = f"'push' failed: {error}"
        with self._news:
            self._problem = problem
            if not problem:
                self._recorder.pushes.append(PushMark(self._now, world, label))

    def _safety_reasons(self) -> str:
        reasons = [] if self._safety is None else [*self._safety.reasons, *self._safety.warnings]
        return "; ".join(reasons) or "no reason given"


def drive(course: Course, progress: Callable[[float, str], None]) -> Tuple[Recording, str]:
    """Join the graph that ``ROS_MASTER_URI`` names as a node, drive the course and leave. See `CourseDriver.run`."""
    rospy.init_node("course", disable_signals=True)
    try:
        driver = CourseDriver()
        driver.wait_until_ready()
        return driver.run(course, progress)
    except rospy.ServiceException as error:
        raise CourseFailedError(f"a service failed: {error}") from error
    finally:
        rospy.signal_shutdown("the course is over")
