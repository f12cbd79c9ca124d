"""The arm's controller: it alone commands the servos, for every source of motion. No ROS.

At rest it commands nothing: the bridge's gate keeps the servos where they were sent last. Every command follows the one
before within `motion.max_speed` and `motion.max_acceleration` of arm.yaml, whatever begins, ends or is cancelled. Only
a stop by the safety supervisor and a step that would collide end motion at once. A stop ends everything with its
reason, and nothing moves afterwards until it is asked again.
"""

from typing import List, Optional, Sequence

import numpy as np

from xdog.arm.collision import ArmCollision
from xdog.arm.config import ArmConfig
from xdog.arm.gripper import Gripper
from xdog.arm.motions import ArmMeasurement, GripperMotion, Motion, MotionOutcome, Reference, TrajectoryMotion
from xdog.arm.planner import ArmPlanner, CommandState
from xdog.arm.rate_limiter import RateLimiter
from xdog.arm.servo_command import ServoCommand, Step
from xdog.arm.stream import SetpointStream
from xdog.arm.trajectory import INVALID_GOAL, PATH_TOLERANCE_VIOLATED, Goal, TrajectoryError
from xdog.core.description import RobotDescription
from xdog.safety.permission import SafetyPermission

Array = np.ndarray

LONGEST_STEP = 0.1
"""s. A step that comes later than this counts as this late, so that a stall doesn't turn into a jump."""

SPARE = 0.1
"""s of silence after a stop beyond what the bridge's gate asks for, for messages that are delayed."""

SILENCE = 0.3
"""s without measured joints after which motions under way are ended."""


class ArmController:
    """Call `on_safety` for every heartbeat and `step` once per control period with what was measured.

    Times are stamps of the measurements, in s. Not thread-safe: the caller holds one lock for all calls.
    """

    def __init__(self, robot: RobotDescription, config: ArmConfig) -> None:
        self._robot, self._config = robot, config
        self._period = 1.0 / robot.rates["control"]
        self._collision = ArmCollision(robot, config.motion.margin)
        self._planner = ArmPlanner(robot, config, self._collision)
        self._limiter = RateLimiter(config.motion.max_speed, config.motion.max_acceleration)
        self.gripper = Gripper(robot)
        self._permission = SafetyPermission(config.heartbeat_timeout)
        self._stream = SetpointStream(robot.arm, config)
        self._measured: Optional[ArmMeasurement] = None
        self._motions: List[Motion] = []
        self._command: Optional[ServoCommand] = None
        """None while nothing may move."""
        self._last_command = -np.inf
        self._pause_end = -np.inf
        self._gives_up = False
        """Whether the arm does not get further and is on its way to where it was measured."""
        self._stop_reason = "no joint angles have been measured yet"
        self._gate_reason = ""
        self._note = ""

    @property
    def now(self) -> float:
        """Stamp of the newest measurement, s; 0 before the first."""
        return self._measured.stamp if self._measured else 0.0

    @property
    def state(self) -> str:
        """What the arm does, for people: stopped, trajectory, gripper, streaming or holding, and why."""
        if self._stop_reason:
            return f"stopped: {self._stop_reason}"
        if any(isinstance(motion, TrajectoryMotion) for motion in self._motions):
            return "trajectory"
        if self._motions:
            return "gripper"
        mode = "streaming" if self._stream.alive else "holding"
        return f"{mode}: {self._note}" if self._note else mode

    # Asking for a motion.

    def follow(self, goal: Goal) -> TrajectoryMotion:
        """Begin a trajectory, which replaces what moves its joints now: at its start, and from where the arm is then.

        Raises:
            TrajectoryError: it is refused, and what goes on goes on.
        """
        state = self._ready()
        running = next((motion for motion in self._motions if isinstance(motion, TrajectoryMotion)), None)
        motion = self._planner.trajectory(goal, state, running)
        self._begin(motion)
        return motion

    def move_gripper(self, gap: float, max_effort: float) -> GripperMotion:
        """Begin to open or close the gripper to a gap in m, pushing with ``max_effort`` N at most, 0 for no own limit.

        Raises:
            TrajectoryError: it is refused.
        """
        self._ready()
        widest = self.gripper.range[1]
        if not 0.0 <= gap <= widest + 1e-3:
            raise TrajectoryError(INVALID_GOAL, f"a gap of {gap} m; 0 to {widest:.4f} m are possible")
        if not (np.isfinite(max_effort) and max_effort >= 0.0):
            raise TrajectoryError(INVALID_GOAL, f"max_effort is {max_effort} N; it must be zero or more")
        torque = max_effort * self.gripper.lever if max_effort else np.inf
        arm, config = self._robot.arm, self._config.gripper
        limit = float(arm.upper[5] - arm.lower[5]) / config.speed + self._config.tolerances.goal_time
        motion = GripperMotion(5, self.gripper.angle(gap), torque, config, limit)
        self._begin(motion)
        return motion

    def move_to(self, pose: str) -> TrajectoryMotion:
        """Begin to go to a pose of robot.yaml on a way that is clear; the gripper stays as it is.

        Raises:
            TrajectoryError: it is refused, or no way is clear.
        """
        state = self._ready()
        motion = self._planner.way(pose, state)
        self._begin(motion)
        return motion

    def on_setpoint(self, names: Sequence[str], positions: Sequence[float], duration: float, stamp: float = 0.0) -> str:
        """A setpoint of a stream came in: rad for each of the six joints, to be reached ``duration`` s from now.

        ``stamp`` (s) is when it was sent, 0 where that is not known: a delayed one must move nothing.

        Returns:
            Why it is refused, empty if it is not. The arm then holds.
        """
        problem = self._stop_reason or self._pause_left()
        if not problem and self._motions:
            problem = f"a {self.state} goal is under way"
        if not problem and stamp and abs(self.now - stamp) > self._config.stream.timeout:
            problem = (
                f"header.stamp is {stamp:.3f} s, the clock of joint_states is at {self.now:.3f} s: "
                "the setpoint was delayed, or a computer's clock is wrong"
            )
        if self._measured is not None:
            self._resynchronize(self._measured)
        self._note = self._stream.on_setpoint(self.now, names, positions, duration, problem)
        return self._note

    def cancel(self, motion: Motion, why: str = "cancelled") -> None:
        """End a motion; the arm slows down and holds."""
        if motion in self._motions:
            self._end(motion, MotionOutcome(PATH_TOLERANCE_VIOLATED, why, cancelled=True))

    # Running.

    def on_safety(self, stamp: float, motion_allowed: bool, reason: str) -> None:
        """A heartbeat of the safety supervisor came in, stamped ``stamp`` (s)."""
        self._permission.update(self.now, stamp, motion_allowed, reason)

    def on_gate(self, reason: str) -> None:
        """The bridge's gate said why it holds the arm; empty if it follows commands."""
        self._gate_reason = reason

    def stop(self, reason: str) -> None:
        """End everything because the arm cannot be moved: its joints are not measured."""
        self._check(reason)

    def step(self, measured: ArmMeasurement, legs: Array) -> Optional[Array]:
        """The servos' next command, (6,) rad, or None for none.

        Args:
            measured: the arm.
            legs: (12,) rad.
        """
        before, self._measured = self._measured, measured
        elapsed = measured.stamp - before.stamp if before else 0.0
        self._check(
            self._measurement_problem(measured, legs, elapsed)
            or self._permission.objection(measured.stamp)
            or self._gate_reason
        )
        if self._stop_reason:
            return None
        self._collision.set_legs(legs)
        if self._command is None:
            self._command = ServoCommand(self._measured_pose(measured), self._limiter, self._collision, self._period)
        if not (self._motions or self._stream.alive or self._command.is_moving):
            self._gives_up = False
            return None
        position = self._advance(measured, self._command, min(elapsed, LONGEST_STEP))
        self._last_command = measured.stamp
        if self._gives_up:
            self._pause()
        return position

    def _measurement_problem(self, measured: ArmMeasurement, legs: Array, elapsed: float) -> str:
        """Why nothing may move after measurements that are ``elapsed`` s apart; empty if it may."""
        if elapsed < 0.0:
            self._last_command = self._pause_end = -np.inf  # times of another clock
            self._stream.forget()
            return f"the clock of joint_states went back by {-elapsed:.2f} s"
        if elapsed > SILENCE:
            return f"no joint angles were measured for {elapsed:.2f} s"
        if not np.isfinite([*measured.position, *measured.velocity, *measured.effort]).all():
            return "measured joint values are not finite"
        if not np.isfinite(legs).all():
            return "measured leg angles are not finite, so the arm cannot keep clear of the legs"
        return ""

    def _advance(self, measured: ArmMeasurement, command: ServoCommand, period: float) -> Array:
        """The next command, (6,) rad, ``period`` s after the last one."""
        if self._motions:
            step = self._follow_motions(measured, command, period)
        elif self._stream.alive:
            step = self._follow_stream(measured, command, period)
        else:
            step = command.towards_rest(period)
        position = command.take(step)
        if self._stream.alive:
            command.rest = command.braked
        for motion in self._motions:
            command.rest[motion.joints] = command.braked[motion.joints]
        return position

    def _follow_motions(self, measured: ArmMeasurement, command: ServoCommand, period: float) -> Step:
        reference = Reference(command.rest.copy(), np.zeros(6), np.full(6, np.inf))
        for motion in self._motions:
            part = motion.step(measured, command.position)
            reference.position[motion.joints] = part.position
            reference.velocity[motion.joints] = part.velocity
            reference.speed[motion.joints] = part.speed
        step = command.towards(reference, period)
        obstacles = command.obstacles(step, measured.stamp, self._motions)
        for motion in list(self._motions):
            if obstacles:
                text = f"stopped before {', '.join(obstacles)} collide"
                self._end(motion, MotionOutcome(PATH_TOLERANCE_VIOLATED, text))
            elif motion.outcome:
                self._motions.remove(motion)
                gives_up = motion.outcome.code == PATH_TOLERANCE_VIOLATED
                stays = self._push_no_further(measured) if gives_up else reference.position
                command.rest[motion.joints] = stays[motion.joints]
        return command.towards_rest(period) if obstacles else step

    def _follow_stream(self, measured: ArmMeasurement, command: ServoCommand, period: float) -> Step:
        self._note = self._stream.lag(measured, command.position)
        if self._note:
            self._stream.end(measured.stamp)
            command.rest = self._push_no_further(measured)
            return command.towards_rest(period)
        reference, self._note = self._stream.step(measured.stamp, command.position, period)
        if reference is None:
            return command.towards_rest(period)
        step = command.towards(reference, period)
        obstacles = command.obstacles(step, measured.stamp)
        if obstacles:
            self._note = f"held back: {', '.join(obstacles)} would collide"
            step = command.slide(step, measured.stamp, period)
        return step

    # Inside.

    def _ready(self) -> CommandState:
        """Where a motion begins.

        Raises:
            TrajectoryError: nothing may move.
        """
        problem = self._stop_reason or self._pause_left()
        if problem or self._measured is None or self._command is None:
            raise TrajectoryError(INVALID_GOAL, problem)
        self._resynchronize(self._measured)
        return self._command.state(self.now)

    def _resynchronize(self, measured: ArmMeasurement) -> None:
        """Command joints of an arm at rest on from where they are if that is far from where they were sent."""
        command = self._command
        if command is None or self._motions or self._stream.alive or command.is_moving:
            return
        here = self._measured_pose(measured)
        near = np.abs(command.position - here) <= self._config.motion.start_error
        # A gripper that holds something is never where it was sent; one that was moved by hand does not press.
        near[5] |= abs(measured.effort[5]) >= self._config.gripper.stall_torque
        command.restart(np.where(near, command.position, here))

    def _pause_left(self) -> str:
        if self.now >= self._pause_end:
            return ""
        return f"the arm was stopped just now: ask again in {self._pause_end - self.now:.2f} s"

    def _measured_pose(self, measured: ArmMeasurement) -> Array:
        """Where the arm is, (6,) rad, within its limits."""
        return np.asarray(np.clip(measured.position, self._robot.arm.lower, self._robot.arm.upper))

    def _push_no_further(self, measured: ArmMeasurement) -> Array:
        """Where to send servos that do not get further, (6,) rad; after the last command there is a pause."""
        self._gives_up = True
        return self._measured_pose(measured)

    def _begin(self, motion: Motion) -> None:
        for other in list(self._motions):
            if np.intersect1d(other.joints, motion.joints).size:
                self._end(other, MotionOutcome(PATH_TOLERANCE_VIOLATED, "a new goal took over", cancelled=True))
        self._stream.end(self.now)
        self._note = ""
        self._motions.append(motion)

    def _end(self, motion: Motion, outcome: MotionOutcome) -> None:
        motion.outcome = outcome
        self._motions.remove(motion)

    def _pause(self) -> None:
        """Refuse requests until the bridge's gate has heard no command for as long as it asks for."""
        self._pause_end = max(self._pause_end, self._last_command + self._config.pause + SPARE)

    def _check(self, reason: str) -> None:
        """Take note of why nothing may move; empty if it may. What is under way ends with the reason."""
        if reason:
            for motion in list(self._motions):
                self._end(motion, MotionOutcome(PATH_TOLERANCE_VIOLATED, f"stopped: {reason}"))
            self._stream.end(self.now)
            self._command, self._note = None, ""
            self._pause()
        self._stop_reason = reason
