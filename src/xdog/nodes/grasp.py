"""Node: grasp. Offers the PickObject action: stance, ACT policy, verified lift. Paced by joint_states.

It knows where the object is from detections_3d and nowhere else; a policy that sees looks through the wrist camera for
the rest. It moves the arm through arm_controller (arm/setpoint) and the trunk through locomotion (body_pose); both have
their own limits and checks.
"""

import sys
import threading
import traceback
from collections import deque
from pathlib import Path
from typing import Deque, Dict, List, Optional, Tuple, Union

import actionlib
import numpy as np
import rospy
from geometry_msgs.msg import Pose, Quaternion
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Time
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from xdog.core.contract import ContractError
from xdog.core.description import DescriptionError, RobotDescription, load_description
from xdog.core.onnx_session import PolicyError
from xdog.core.paths import share_path
from xdog.core.rotations import euler_quaternion, imu_mount
from xdog.grasp.config import PickConfig, load_pick_config
from xdog.grasp.object_tracker import TrackedDetection
from xdog.grasp.pick import AfterPick, PickInput, PickOutcome, PickTask
from xdog.grasp.policy import GraspPolicy
from xdog.grasp.stance_planner import StancePlanner, load_grasp_workspace
from xdog.grasp.trunk_pose import TrunkPose, measure_trunk_pose
from xdog.grasp.view_poses import ViewPoses, load_view_poses
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.stance import BodyPose, Stance
from xdog.msg import (
    Detection3DArray,
    LegState,
    LocomotionState,
    PickObjectAction,
    PickObjectFeedback,
    PickObjectGoal,
    PickObjectResult,
    SafetyState,
    VisionInfo,
)
from xdog.nodes.common import conversions
from xdog.nodes.common.master import NoAnswerError, get_param
from xdog.nodes.common.start import spin, start_node
from xdog.nodes.common.wrist_camera import ImagePolicy, WristCameraListener
from xdog.safety.config import SafetyConfigError

LOG_PERIOD = 5.0
"""Shortest time between two equal lines in the log, s."""
SILENCE = 10.0
"""s of wall time without joint_states after which a grasp is given up. The arm gets nothing meanwhile. A mirror in
lockstep on a busy machine may pause for a second or two."""
LEGS_AGE = 0.3
"""s; an older legs/state says nothing of who holds the legs."""
SAFETY_AGE = 0.3
"""s; an older safety/state allows nothing."""
FEEDBACK_EVERY = 5
"""Control periods between two messages of feedback."""
POSTURES_KEPT = 100
"""At the control rate: two seconds in which detections may be late."""


class GraspNode:
    """One goal at a time."""

    def __init__(
        self,
        robot: RobotDescription,
        config: PickConfig,
        chooser: StancePlanner,
        looks: ViewPoses,
        policy: Union[GraspPolicy, str],
    ) -> None:
        self._robot, self._config, self._chooser, self._policy = robot, config, chooser, policy
        sees = isinstance(policy, GraspPolicy) and policy.contract.image is not None
        self._eye = WristCameraListener() if sees else None
        self._looks = looks if sees else None
        self._legs, self._mount = chooser.legs, imu_mount(robot)
        self._control = 1.0 / robot.rates["control"]
        self._news = threading.Condition()
        self._pick: Optional[PickTask] = None
        self._tick = self._reported = -1
        self._imu: Optional[Imu] = None
        self._safety: Optional[SafetyState] = None
        self._locomotion: Optional[LocomotionState] = None
        self._leg_state: Optional[LegState] = None
        self._labels: Dict[int, str] = {}
        self._measured: Optional[PickInput] = None
        self._postures: Deque[Tuple[float, TrunkPose]] = deque(maxlen=POSTURES_KEPT)
        self._setpoint = rospy.Publisher("arm/setpoint", JointTrajectory, queue_size=1, tcp_nodelay=True)
        self._body_pose = rospy.Publisher("body_pose", Pose, queue_size=1, tcp_nodelay=True)
        self._done = rospy.Publisher("lockstep/done", Time, queue_size=1, tcp_nodelay=True)
        for topic, kind, callback in (
            ("imu/data", Imu, self._on_imu),
            ("safety/state", SafetyState, self._on_safety),
            ("locomotion/state", LocomotionState, self._on_locomotion),
            ("legs/state", LegState, self._on_legs),
            ("vision_info", VisionInfo, self._on_vision_info),
            ("detections_3d", Detection3DArray, self._on_detections),
            ("joint_states", JointState, self._on_joints),
        ):
            rospy.Subscriber(topic, kind, callback, queue_size=1, tcp_nodelay=True)
        self._server = actionlib.SimpleActionServer("pick_object", PickObjectAction, self._execute, auto_start=False)
        self._server.start()

    # What comes in.

    def _on_imu(self, message: Imu) -> None:
        self._imu = message

    def _on_safety(self, message: SafetyState) -> None:
        self._safety = message

    def _on_locomotion(self, message: LocomotionState) -> None:
        self._locomotion = message

    def _on_legs(self, message: LegState) -> None:
        self._leg_state = message

    def _on_vision_info(self, message: VisionInfo) -> None:
        try:
            labels = get_param(message.database_location, {})
        except NoAnswerError as error:
            rospy.logwarn(f"vision_info names the parameter {message.database_location}, which cannot be read: {error}")
            return
        if not isinstance(labels, dict):
            rospy.logwarn(f"vision_info names the parameter {message.database_location}, which maps no ids to labels")
            return
        self._labels = {int(key): str(label) for key, label in labels.items()}

    def _on_detections(self, message: Detection3DArray) -> None:
        if message.header.frame_id != self._robot.frames["base"]:
            rospy.logwarn_throttle(
                LOG_PERIOD,
                f"detections_3d is in {message.header.frame_id}, not in {self._robot.frames['base']}: ignored",
            )
            return
        with self._news:
            if self._pick is not None and self._postures:
                self._pick.see(self._sightings(message))

    def _sightings(self, message: Detection3DArray) -> List[TrackedDetection]:
        """Detections in the level frame, by the posture at the time of the picture."""
        stamp = conversions.to_seconds(message.header.stamp)
        posture = min(self._postures, key=lambda entry: abs(entry[0] - stamp))[1]
        sightings = []
        for detection in message.detections:
            p, size = detection.bbox.center.position, detection.bbox.size
            numbers = [p.x, p.y, p.z, size.x, size.y, size.z]
            if detection.results and np.isfinite(numbers).all() and min(numbers[3:]) > 0.0:
                kind = max(detection.results, key=lambda result: result.score).id
                label = self._labels.get(kind, str(kind))
                sightings.append(
                    TrackedDetection(stamp, label, posture.to_level(np.array(numbers[:3])), np.array(numbers[3:]))
                )
        return sightings

    def _on_joints(self, message: JointState) -> None:
        """Work once in every control period; ``lockstep/done`` tells the mirror that it was done."""
        stamp = conversions.to_seconds(message.header.stamp)
        tick = int(stamp / self._control + 1e-6)
        if tick == self._tick:
            return
        self._tick = tick
        try:
            with self._news:
                self._measured = self._measure(stamp, message)
                if self._pick is not None and self._measured is not None:
                    self._work(self._pick, self._measured)
                    self._news.notify_all()
        finally:
            self._done.publish(Time(message.header.stamp))

    def _measure(self, stamp: float, message: JointState) -> Optional[PickInput]:
        """What is known now; None if the arm or the IMU is silent."""
        if self._imu is None:
            return None
        q = self._imu.orientation
        try:
            legs, arm = (group.indices(message.name) for group in (self._robot.legs, self._robot.arm))
            joints, effort = np.array(message.position), np.array(message.effort)
            posture = measure_trunk_pose(self._legs, self._mount, joints[legs], np.array([q.x, q.y, q.z, q.w]))
        except (DescriptionError, ValueError, IndexError) as error:
            rospy.logwarn_throttle(LOG_PERIOD, f"joint_states or imu/data are of no use for grasping: {error}")
            return None
        self._postures.append((stamp, posture))
        standing = self._locomotion is not None and self._locomotion.state == LocomotionState.STANDING
        return PickInput(
            stamp, joints[arm], effort[arm], posture, standing, self._torque_off(stamp), self._objection(stamp)
        )

    def _torque_off(self, now: float) -> str:
        """Why nothing holds the legs. locomotion says what it wants of them, the bridge's gate what they get."""
        legs = self._leg_state
        if legs is None or abs(now - conversions.to_seconds(legs.header.stamp)) > LEGS_AGE:
            return f"no legs/state for {LEGS_AGE} s"
        return "" if legs.gate == LegState.ACTIVE else legs.gate_reason or "the bridge damps them"

    def _objection(self, now: float) -> str:
        safety = self._safety
        if safety is None or abs(now - conversions.to_seconds(safety.header.stamp)) > SAFETY_AGE:
            return f"no safety/state for {SAFETY_AGE} s"
        return "" if safety.motion_allowed else "; ".join(safety.reasons) or "safety/state"

    # What goes out.

    def _work(self, pick: PickTask, measured: PickInput) -> None:
        over = pick.outcome is not None
        wish = pick.step(measured)
        if pick.failure is not None and not over:
            error = pick.failure
            rospy.logerr("".join(traceback.format_exception(type(error), error, error.__traceback__)))
        if wish.body is not None:
            self._publish_body(wish.body)
        if wish.arm is not None:
            point = JointTrajectoryPoint(positions=wish.arm.tolist(), time_from_start=rospy.Duration(self._control))
            message = JointTrajectory(joint_names=list(self._robot.arm.names), points=[point])
            message.header.stamp = conversions.to_time(measured.now)
            self._setpoint.publish(message)

    def _publish_body(self, pose: BodyPose) -> None:
        message = Pose(orientation=Quaternion(*euler_quaternion(pose.roll, pose.pitch, pose.yaw).tolist()))
        message.position.z = pose.height
        self._body_pose.publish(message)

    # The action.

    def _execute(self, goal: PickObjectGoal) -> None:
        refusal = self._refusal(goal)
        if refusal:
            rospy.logwarn(f"pick_object refused: {refusal}")
            self._server.set_aborted(PickObjectResult(outcome="refused", message=refusal), refusal)
            return
        policy, eye = self._policy, self._eye
        assert isinstance(policy, GraspPolicy)
        acting = policy if eye is None else ImagePolicy(policy, lambda: eye.look(self._now))
        pick = PickTask(
            self._robot,
            self._config,
            acting,
            policy.contract.period,
            self._chooser,
            goal.label,
            AfterPick(goal.afterwards),
            self._looks,
        )
        with self._news:
            self._pick = pick
        try:
            outcome = self._watch(pick)
        finally:
            with self._news:
                self._pick = None
        result = PickObjectResult(outcome.success, outcome.outcome, outcome.message, pick.attempt, pick.lift)
        rospy.loginfo(f"pick_object: {outcome.outcome}: {outcome.message}")
        if outcome.success:
            self._server.set_succeeded(result, outcome.message)
        elif outcome.outcome == "cancelled":
            self._server.set_preempted(result, outcome.message)
        else:
            self._server.set_aborted(result, outcome.message)

    def _watch(self, pick: PickTask) -> PickOutcome:
        """Wait for the outcome and give feedback; every way out leaves the arm where it is."""
        while not rospy.is_shutdown():
            with self._news:
                self._reported = self._tick
                if not self._news.wait_for(lambda: self._is_news(pick), timeout=SILENCE):
                    return PickOutcome(False, "aborted", f"no joint_states with the arm for {SILENCE:g} s")
                if pick.outcome is not None:
                    return pick.outcome
                feedback = PickObjectFeedback(pick.phase, pick.progress, pick.attempt)
            if self._server.is_preempt_requested():
                return PickOutcome(False, "cancelled", "cancelled: the arm stays where it is")
            self._server.publish_feedback(feedback)
        return PickOutcome(False, "aborted", "the node is shutting down")

    @property
    def _now(self) -> float:
        """Of the newest measurement, s."""
        assert self._measured is not None, "a pick goes on with a measurement only"
        return self._measured.now

    def _is_news(self, pick: PickTask) -> bool:
        return pick.outcome is not None or self._tick >= self._reported + FEEDBACK_EVERY

    def _refusal(self, goal: PickObjectGoal) -> str:
        """Why a goal is refused; empty if it is taken."""
        if isinstance(self._policy, str):
            return f"there is no grasp policy: {self._policy}"
        if goal.afterwards not in list(AfterPick):
            return f"afterwards is {goal.afterwards}; known: {', '.join(f'{int(a)} {a.name}' for a in AfterPick)}"
        measured, legs = self._measured, self._locomotion
        if measured is None:
            return "no joint_states with the arm, or no imu/data"
        if measured.objection:
            return f"motion is not allowed: {measured.objection}"
        if legs is None or legs.state != LocomotionState.STANDING:
            return f"the dog must stand, it is {legs.name.replace('_', ' ') if legs else 'silent'}: call stand first"
        if measured.limp:
            return f"the dog's legs are not held: {measured.limp}"
        try:
            if self._eye is not None:
                self._eye.look(measured.now)
        except PolicyError as error:
            return str(error)
        labels = sorted(self._labels.values())
        if goal.label and goal.label not in labels:
            return f"nothing is called '{goal.label}' in vision_info; known: {', '.join(labels) or 'nothing yet'}"
        return ""


def load_policy(path: Path, robot: RobotDescription) -> Union[GraspPolicy, str]:
    """The policy, or why there is none: the node then refuses every goal with that reason."""
    try:
        return GraspPolicy(path, robot)
    except (PolicyError, ContractError, OSError) as error:
        return str(error)


def main() -> None:
    """Run the node. Parameter: ~policy, path of the ONNX file."""
    start_node("grasp")
    try:
        robot, config, locomotion = load_description(), load_pick_config(), load_locomotion_config()
        chooser = StancePlanner(robot, Stance(robot, locomotion.stance, locomotion.body_pose), load_grasp_workspace())
        looks = load_view_poses()
    except (DescriptionError, SafetyConfigError, OSError) as error:
        rospy.logfatal(str(error))
        sys.exit(1)
    policy = load_policy(Path(rospy.get_param("~policy", "") or share_path("policies", "grasp_state.onnx")), robot)
    if isinstance(policy, str):
        rospy.logerr(f"picking up is off: {policy}")
    GraspNode(robot, config, chooser, looks, policy)
    spin()
