"""Node: grasp. Offers the PickObject action: stance, ACT policy, verified lift. It runs at the rate of joint_states.

The object's position comes from detections_3d alone; a policy that was trained on images also gets those of the wrist
camera. The node moves the arm through arm_controller (arm/setpoint) and the trunk through locomotion (body_pose); both
have their own limits and checks.
"""

import threading
import traceback
from pathlib import Path
from typing import List, Optional, Union

import numpy as np
import rospy
from geometry_msgs.msg import Pose, Quaternion
from sensor_msgs.msg import Imu, JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from xdog.core.contract import ContractError
from xdog.core.description import DescriptionError, RobotDescription, load_description
from xdog.core.onnx_session import PolicyError
from xdog.core.paths import share_path, user_path
from xdog.core.rotations import euler_quaternion
from xdog.core.timers import PeriodFilter
from xdog.grasp.config import PickConfig, load_pick_config
from xdog.grasp.object_tracker import TrackedDetection
from xdog.grasp.pick import PickTask
from xdog.grasp.pick_types import AfterPick, PickInput, PickOutcome
from xdog.grasp.policy import GraspPolicy, ImagePolicy
from xdog.grasp.stance_planner import StancePlanner
from xdog.grasp.trunk_pose import TrunkPoseHistory, measure_trunk_pose
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.stance import BodyPose, Stance
from xdog.msg import (
    LegState,
    LocomotionState,
    PickObjectAction,
    PickObjectFeedback,
    PickObjectGoal,
    PickObjectResult,
    SafetyState,
)
from xdog.nodes.common import conversions
from xdog.nodes.common.action_server import SimpleActionServer
from xdog.nodes.common.callbacks import is_ending, subscribe
from xdog.nodes.common.lockstep import LockstepClient
from xdog.nodes.common.perception_listener import Detection, PerceptionListener
from xdog.nodes.common.run import run
from xdog.nodes.common.wrist_camera import WristCameraListener
from xdog.safety.config import ListenerConfig, load_safety_config
from xdog.safety.permission import SafetyPermission

LOG_PERIOD = 5.0
"""Shortest time between two equal lines in the log, s."""
SILENCE = 10.0
"""s of wall time without joint_states after which a grasp is aborted; until then the arm gets no setpoints. Simulation
in lockstep on a busy machine may pause for a second or two."""
FEEDBACK_EVERY = 5
"""Control periods between two messages of feedback."""
TRUNK_POSES_KEPT = 100
"""At the control rate: detections may be two seconds late."""


class GraspNode:
    """One goal at a time."""

    def __init__(
        self,
        robot: RobotDescription,
        config: PickConfig,
        ages: ListenerConfig,
        stance: Stance,
        policy: Union[GraspPolicy, str],
    ) -> None:
        self._robot, self._config, self._policy = robot, config, policy
        self._conditions = policy.contract.conditions if isinstance(policy, GraspPolicy) else None
        self._planner = None if self._conditions is None else StancePlanner(robot, stance, self._conditions.workspace)
        needs_images = isinstance(policy, GraspPolicy) and policy.contract.image is not None
        self._camera = WristCameraListener() if needs_images else None
        self._legs, self._mount = stance.legs, robot.fixed_transform(robot.frames["imu"]).rotation
        self._control = 1.0 / robot.rates["control"]
        self._period = PeriodFilter(self._control)
        self._news = threading.Condition()
        self._pick: Optional[PickTask] = None
        self._reported = 0
        self._imu: Optional[Imu] = None
        self._permission = SafetyPermission(ages.heartbeat_timeout)
        self._locomotion: Optional[LocomotionState] = None
        self._leg_state: Optional[LegState] = None
        self._leg_state_age = ages.state_timeout
        self._measured: Optional[PickInput] = None
        self._trunk_poses = TrunkPoseHistory(TRUNK_POSES_KEPT)
        self._lockstep = LockstepClient()
        self._setpoint = rospy.Publisher("arm/setpoint", JointTrajectory, queue_size=1, tcp_nodelay=True)
        self._body_pose = rospy.Publisher("body_pose", Pose, queue_size=1, tcp_nodelay=True)
        self._perception = PerceptionListener(robot, self._on_detections)
        subscribe("imu/data", Imu, self._on_imu)
        subscribe("safety/state", SafetyState, self._on_safety)
        subscribe("locomotion/state", LocomotionState, self._on_locomotion)
        subscribe("legs/state", LegState, self._on_legs)
        subscribe("joint_states", JointState, self._on_joints)
        self._server = SimpleActionServer("pick_object", PickObjectAction, self._execute)

    # Subscribers.

    def _on_imu(self, message: Imu) -> None:
        self._imu = message

    def _on_safety(self, message: SafetyState) -> None:
        stamp = conversions.to_seconds(message.header.stamp)
        self._permission.update(stamp, stamp, message.motion_allowed, "; ".join(message.reasons))

    def _on_locomotion(self, message: LocomotionState) -> None:
        self._locomotion = message

    def _on_legs(self, message: LegState) -> None:
        self._leg_state = message

    def _on_detections(self, stamp: float, detections: List[Detection]) -> None:
        """Transform the detections to the level frame, with the trunk pose at the time of the image."""
        with self._news:
            pose = self._trunk_poses.at(stamp)
            if self._pick is not None and pose is not None:
                self._pick.see([TrackedDetection(stamp, d.label, pose.to_level(d.centre), d.size) for d in detections])

    def _on_joints(self, message: JointState) -> None:
        """Step once in every control period."""
        stamp = conversions.to_seconds(message.header.stamp)
        if not self._period.is_first(stamp):
            return
        try:
            with self._news:
                self._measured = self._measure(stamp, message)
                if self._pick is not None and self._measured is not None:
                    self._work(self._pick, self._measured)
                    self._news.notify_all()
        finally:
            self._lockstep.done(stamp)

    def _measure(self, stamp: float, message: JointState) -> Optional[PickInput]:
        """The input of a step; None if measurements of the arm or the IMU are missing."""
        if self._imu is None:
            return None
        q = self._imu.orientation
        try:
            legs, arm = (group.indices(message.name) for group in (self._robot.legs, self._robot.arm))
            joints, effort = np.array(message.position), np.array(message.effort)
            trunk = measure_trunk_pose(self._legs, self._mount, joints[legs], np.array([q.x, q.y, q.z, q.w]))
        except (DescriptionError, ValueError, IndexError) as error:
            rospy.logwarn_throttle(LOG_PERIOD, f"joint_states or imu/data cannot be used for grasping: {error}")
            return None
        self._trunk_poses.add(stamp, trunk)
        standing = self._locomotion is not None and self._locomotion.state == LocomotionState.STANDING
        objection = self._permission.objection(stamp)
        return PickInput(stamp, joints[arm], effort[arm], trunk, standing, self._torque_off(stamp), objection)

    def _torque_off(self, now: float) -> str:
        """Why the legs are not held; empty if the bridge's gate follows locomotion's commands."""
        legs = self._leg_state
        if legs is None or abs(now - conversions.to_seconds(legs.header.stamp)) > self._leg_state_age:
            return f"no legs/state for {self._leg_state_age:g} s"
        return "" if legs.gate == LegState.ACTIVE else legs.gate_reason or "the bridge damps them"

    # Publishers.

    def _work(self, pick: PickTask, measured: PickInput) -> None:
        ended = pick.outcome is not None
        command = pick.step(measured)
        if pick.failure is not None and not ended:
            error = pick.failure
            rospy.logerr("".join(traceback.format_exception(type(error), error, error.__traceback__)))
        if command.body is not None:
            self._publish_body(command.body)
        if command.arm is not None:
            point = JointTrajectoryPoint(positions=command.arm.tolist(), time_from_start=rospy.Duration(self._control))
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
        policy, camera = self._policy, self._camera
        assert isinstance(policy, GraspPolicy)
        assert self._conditions is not None, "load_policy refuses a policy that has none"
        assert self._planner is not None
        active_policy = policy if camera is None else ImagePolicy(policy, lambda: camera.image(self._now))
        pick = PickTask(
            self._robot,
            self._config,
            active_policy,
            policy.contract.period,
            self._conditions,
            self._planner,
            goal.label,
            AfterPick(goal.afterwards),
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
        """Wait for the outcome and publish feedback; however it ends, the arm stays where it is."""
        while not is_ending():
            with self._news:
                self._reported = self._period.count
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
        """Stamp of the newest measurement, s."""
        assert self._measured is not None, "a pick runs only with measurements"
        return self._measured.now

    def _is_news(self, pick: PickTask) -> bool:
        return pick.outcome is not None or self._period.count >= self._reported + FEEDBACK_EVERY

    def _refusal(self, goal: PickObjectGoal) -> str:
        """Why a goal is refused; empty if it is accepted."""
        if isinstance(self._policy, str):
            return f"there is no grasp policy: {self._policy}"
        if goal.afterwards not in list(AfterPick):
            return f"afterwards is {goal.afterwards}; known: {', '.join(f'{int(a)} {a.name}' for a in AfterPick)}"
        measured, legs = self._measured, self._locomotion
        if measured is None:
            return "no joint_states with the arm, or no imu/data"
        if measured.objection:
            return measured.objection
        if legs is None or legs.state != LocomotionState.STANDING:
            state = legs.name.replace("_", " ") if legs else "in an unknown state"
            return f"the dog must stand, it is {state}: call stand first"
        if measured.torque_off:
            return f"the dog's legs are not held: {measured.torque_off}"
        try:
            if self._camera is not None:
                self._camera.image(measured.now)
        except PolicyError as error:
            return str(error)
        labels = sorted(self._perception.labels.values())
        if goal.label and goal.label not in labels:
            return f"vision_info has no label '{goal.label}'; known: {', '.join(labels) or 'none yet'}"
        return ""


def load_policy(path: Path, robot: RobotDescription) -> Union[GraspPolicy, str]:
    """The policy, or why there is none: the node then refuses every goal with that reason."""
    try:
        policy = GraspPolicy(path, robot)
    except (PolicyError, ContractError, OSError) as error:
        return str(error)
    if policy.contract.conditions is None:
        return (
            f"{path} does not say in which conditions it was trained (contract version {policy.contract.version}): "
            "export it again with './xdog train grasp'"
        )
    return policy


def build() -> GraspNode:
    """The node, from its configuration files and parameters."""
    robot, config, locomotion = load_description(), load_pick_config(), load_locomotion_config()
    stance = Stance(robot, locomotion.stance, locomotion.body_pose)
    given = rospy.get_param("~policy", "")
    policy = load_policy(user_path(given) if given else share_path("policies", "grasp_state.onnx"), robot)
    if isinstance(policy, str):
        rospy.logerr(f"picking up is disabled: {policy}")
    return GraspNode(robot, config, load_safety_config().listeners, stance, policy)


def main() -> None:
    """Run the node. Parameter: ~policy, path of the ONNX file."""
    run("grasp", build)
