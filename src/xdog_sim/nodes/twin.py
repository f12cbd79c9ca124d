"""twin: MuJoCo shows the current robot, and rehearses an arm trajectory before it is sent to the robot.

A trajectory for the robot goes to ``twin/arm_controller/follow_joint_trajectory``. It is rehearsed with physics by the
robot's own arm controller; if it succeeds, it waits for ``twin/confirm`` and is then sent unchanged to the robot's
``arm_controller``. The action ends with the result of the robot's action: there is no success without motion.
"""

import threading
import time
from typing import Any, Dict, Optional, Tuple

import actionlib
import mujoco
import numpy as np
import rospy
from actionlib_msgs.msg import GoalStatusArray
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger, TriggerRequest, TriggerResponse

from xdog.arm.trajectory import INVALID_GOAL, PATH_TOLERANCE_VIOLATED
from xdog.core.description import RobotDescription, load_description
from xdog.core.rotations import euler_angles, quaternion_matrix
from xdog.nodes.common import clock, conversions
from xdog.nodes.common.action_server import SimpleActionServer
from xdog.nodes.common.callbacks import is_ending, offer, subscribe
from xdog.nodes.common.connections import has_publisher
from xdog.nodes.common.run import run
from xdog.nodes.common.standard_messages import (
    FollowJointTrajectoryAction,
    FollowJointTrajectoryGoal,
    FollowJointTrajectoryResult,
)
from xdog_sim.nodes.common.viewer import open_viewer
from xdog_sim.twin import FRAME_RATE, Rehearsal, Report, TwinScene, TwinView

EXPIRY = 30.0
"""s that a rehearsed motion waits for its confirmation."""
MOVED = 0.06
"""rad. If the robot has moved further since the rehearsal, nothing is sent: rehearse again. Servos sag by 0.05."""
FRESH = 0.5
"""s; older joint_states do not show where the robot is."""
VIEW_RATE, IMAGE_RATE = 25.0, 5.0
"""Hz of wall time."""
IMAGE_SIZE = (480, 640)
"""Height and width of twin/image, pixels."""
POLL = 0.1
"""s of wall time between two checks for a cancelled goal."""


class TwinNode:
    """Shows, rehearses and sends. `run` belongs to the main thread: windows and renderers must stay in one thread."""

    def __init__(self, robot: RobotDescription) -> None:
        self._robot = robot
        self.view = TwinView(robot)
        self._lock = threading.Condition()
        self._joints: Dict[str, float] = {}
        self._received = -np.inf
        self._place = (0.0, 0.0, 0.0)
        self._replay: Optional[Tuple[float, Report]] = None
        self._pending: Optional[Dict[str, float]] = None
        self._answer = ""
        self._image = rospy.Publisher("twin/image", Image, queue_size=1)
        self._state = rospy.Publisher("twin/state", String, queue_size=1, latch=True)
        self._publish_state("showing the robot")
        action = "arm_controller/follow_joint_trajectory"
        self._client = actionlib.SimpleActionClient(action, FollowJointTrajectoryAction)
        self._status = subscribe(f"{action}/status", GoalStatusArray, lambda _: None)
        subscribe("joint_states", JointState, self._on_joints)
        subscribe("odom", Odometry, self._on_odometry)
        offer("twin/confirm", Trigger, self._on_confirm)
        offer("twin/discard", Trigger, self._on_discard)
        self._server = SimpleActionServer(f"twin/{action}", FollowJointTrajectoryAction, self._execute)

    # The robot.

    def _on_joints(self, message: JointState) -> None:
        with self._lock:
            self._joints.update(zip(message.name, message.position))
            # A simulation in lockstep may pause; its last message is not old then.
            self._received = clock.arrival(message.header.stamp)

    def _on_odometry(self, message: Odometry) -> None:
        p, q = message.pose.pose.position, message.pose.pose.orientation
        yaw = euler_angles(quaternion_matrix(np.array([q.x, q.y, q.z, q.w])))[2]
        with self._lock:
            self._place = (p.x, p.y, yaw)

    def _arm(self) -> Optional[np.ndarray]:
        """The arm's angles (6,) rad, None without recent joint_states; the caller holds the lock."""
        if abs(clock.now() - self._received) > FRESH or any(name not in self._joints for name in self._robot.arm.names):
            return None
        return np.array([self._joints[name] for name in self._robot.arm.names])

    # Showing.

    def run(self, viewer: Optional[Any]) -> None:
        """Show until ROS shuts down: in the viewer if there is one, else on twin/image while it has subscribers."""
        renderer: Optional[mujoco.Renderer] = None
        while not is_ending():
            begin = time.monotonic()
            if viewer is not None and viewer.is_running():
                self._pose()
                viewer.sync()
            elif self._image.get_num_connections():
                if renderer is None:
                    renderer = mujoco.Renderer(self.view.model, *IMAGE_SIZE)
                self._pose()
                self._publish_image(renderer)
            rate = VIEW_RATE if viewer is not None else IMAGE_RATE
            time.sleep(max(begin + 1.0 / rate - time.monotonic(), 0.0))  # until the next frame is due

    def _pose(self) -> None:
        """Show the current robot, or the arm of the rehearsal that is played back."""
        with self._lock:
            joints, place = dict(self._joints), self._place
            if self._replay is not None:
                begin, report = self._replay
                frame = int((time.monotonic() - begin) * FRAME_RATE)
                if frame < len(report.frames):
                    joints.update(zip(self._robot.arm.names, report.frames[frame].tolist()))
                else:
                    self._replay = None
        self.view.show(joints, *place)

    def _publish_image(self, renderer: mujoco.Renderer) -> None:
        camera = mujoco.MjvCamera()
        camera.lookat[:] = [*self._place[:2], 0.25]
        camera.distance, camera.azimuth, camera.elevation = 1.1, 130.0 + np.degrees(self._place[2]), -18.0
        renderer.update_scene(self.view.data, camera)
        now = rospy.Time.now().to_sec()
        self._image.publish(conversions.image_message(renderer.render(), now, frame=""))

    # Rehearsing and sending.

    def _execute(self, goal: FollowJointTrajectoryGoal) -> None:
        with self._lock:
            start, place, joints = self._arm(), self._place, dict(self._joints)
            legs = np.array([self._joints.get(name, np.nan) for name in self._robot.legs.names])
        if start is None:
            self._end(INVALID_GOAL, f"no joint_states of the arm for {FRESH} s: there is nothing to rehearse from")
            return
        if not np.isfinite(legs).all():  # an arm on a desk: assume a standing dog
            legs = self._robot.legs.poses["stand"]
        self._publish_state("rehearsing")
        report = self._rehearse(goal, start, TwinScene(legs, *place))
        if report.problems:
            self._end(INVALID_GOAL, f"the rehearsal found problems: {'; '.join(report.problems)}")
            return
        with self._lock:
            self._replay = (time.monotonic(), report)
        summary = f"rehearsed: {report.duration:.1f} s, the arm was {report.lag:.2f} rad behind at most"
        problem = self._wait_for_confirmation(joints, summary)
        if problem:
            self._end(INVALID_GOAL, problem)
            return
        self._send(goal)

    def _rehearse(self, goal: FollowJointTrajectoryGoal, start: np.ndarray, stage: TwinScene) -> Report:
        joints = dict(zip(self._robot.legs.names, stage.legs.tolist()))
        height = TwinView(self._robot).show({**joints, **dict(zip(self._robot.arm.names, start.tolist()))})
        goal.trajectory.header.stamp = rospy.Time()  # start now, here as later on the robot
        return Rehearsal(self._robot, stage, height, start).try_out(conversions.trajectory_goal(goal))

    def _wait_for_confirmation(self, start: Dict[str, float], summary: str) -> str:
        """Wait for twin/confirm; returns why the motion must not be sent, empty if it was confirmed."""
        begin = clock.now()
        with self._lock:
            self._pending, self._answer = start, ""
        self._publish_state(f"{summary}; waiting {EXPIRY:g} s for twin/confirm or twin/discard")
        problem = ""
        while not problem:
            with self._lock:
                self._lock.wait(POLL)
                answer = self._answer
            if answer == "confirm":
                break
            if answer:
                problem = answer
            elif self._server.is_preempt_requested():
                problem = "cancelled before it was confirmed: nothing was sent"
            elif clock.now() < begin:
                problem = "the clock jumped back: nothing was sent"
            elif clock.now() > begin + EXPIRY:
                problem = f"not confirmed within {EXPIRY:g} s: nothing was sent"
            elif is_ending():
                problem = "the twin is shutting down: nothing was sent"
        with self._lock:
            self._pending = None
        return problem

    def _on_confirm(self, _request: TriggerRequest) -> TriggerResponse:
        with self._lock:
            if self._pending is None or self._answer:
                return TriggerResponse(success=False, message="no rehearsed motion waits: send one to the twin first")
            if self._arm() is None:
                return TriggerResponse(success=False, message=f"no joint_states for {FRESH} s: nothing is sent")
            # The legs count too: with the dog lying down the same motion may lead into the floor.
            away = {name: abs(self._joints[name] - angle) for name, angle in self._pending.items()}
            joint = max(away, key=lambda name: away[name])
            if away[joint] > MOVED:
                self._answer = f"{joint} has moved by {away[joint]:.2f} rad since the rehearsal: rehearse again"
                self._lock.notify_all()
                return TriggerResponse(success=False, message=self._answer)
            self._answer = "confirm"
            self._lock.notify_all()
        return TriggerResponse(success=True, message="the motion is sent to the robot")

    def _on_discard(self, _request: TriggerRequest) -> TriggerResponse:
        with self._lock:
            if self._pending is None or self._answer:
                return TriggerResponse(success=False, message="no rehearsed motion waits")
            self._answer = "discarded: nothing was sent"
            self._lock.notify_all()
        return TriggerResponse(success=True, message="discarded")

    def _send(self, goal: FollowJointTrajectoryGoal) -> None:
        """Send the trajectory to the robot and end with its result."""
        if not self._client.wait_for_server(rospy.Duration(2.0)):
            self._end(INVALID_GOAL, "no node offers arm_controller/follow_joint_trajectory: nothing was sent")
            return
        self._publish_state("the robot moves")
        self._client.send_goal(goal)
        while not is_ending() and self._client.simple_state != actionlib.SimpleGoalState.DONE:
            if not has_publisher(self._status):
                self._client.cancel_goal()  # it may still run with only the connection lost
                self._end(PATH_TOLERANCE_VIOLATED, "the robot's arm_controller disappeared while its arm moved")
                return
            if self._server.is_preempt_requested():
                self._client.cancel_goal()
            with self._lock:
                self._lock.wait(POLL)
        result = self._client.get_result()
        if result is None:
            result = FollowJointTrajectoryResult(PATH_TOLERANCE_VIOLATED, "the robot's arm_controller gave no result")
        self._end(result.error_code, result.error_string)

    def _end(self, code: int, text: str) -> None:
        result = FollowJointTrajectoryResult(error_code=code, error_string=text)
        if code == FollowJointTrajectoryResult.SUCCESSFUL:
            self._server.set_succeeded(result, text)
        elif self._server.is_preempt_requested():
            self._server.set_preempted(result, text)
        else:
            self._server.set_aborted(result, text)
        self._publish_state(f"showing the robot; the last motion: {text or 'done'}")

    def _publish_state(self, text: str) -> None:
        rospy.loginfo(text)
        self._state.publish(String(text))


def show(node: TwinNode) -> None:
    """Show until ROS shuts down, in MuJoCo's viewer if it is requested and there is a screen."""
    wanted = bool(rospy.get_param("~viewer", True))
    node.run(open_viewer(node.view.model, node.view.data) if wanted else None)


def main() -> None:
    """Run the node. Parameter: ~viewer."""
    run("twin", lambda: TwinNode(load_description()), show)
