"""The arm's controller: the only one that commands the servos, whoever asks for a motion. No ROS.

At rest it commands nothing: the bridge's gate keeps the servos where they were sent last. Every command follows the one
before within `motion.max_speed` and `motion.max_acceleration` of arm.yaml, whatever begins, ends or is cancelled. Only
a stop by the safety supervisor and a step that would collide end motion at once. A stop ends everything with its
reason, and nothing moves afterwards until somebody asks again.
"""

from typing import List, Optional, Sequence, Tuple

import numpy as np

from xdog.arm.collision import ArmCollision, even_path
from xdog.arm.config import ArmConfig
from xdog.arm.gripper import Gripper
from xdog.arm.motions import ArmMeasurement, GripperMotion, Motion, MotionOutcome, Reference, TrajectoryMotion
from xdog.arm.planner import ArmPlanner, CommandState
from xdog.arm.rate_limiter import RateLimiter
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
        self._command: Optional[Array] = None
        """(6,) rad, the last command; None while nothing may move."""
        self._speed = np.zeros(6)
        """(6,) rad/s at which commands moved last."""
        self._rest = np.zeros(6)
        """(6,) rad, where joints end up that nothing moves any more."""
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
            self._command, self._speed = self._measured_pose(measured), np.zeros(6)
            self._rest = self._command.copy()
        if not self._is_active:
            self._gives_up = False
            return None
        self._advance(measured, self._command, min(elapsed, LONGEST_STEP))
        self._last_command = measured.stamp
        if self._gives_up:
            self._pause()
        return self._command

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

    def _advance(self, measured: ArmMeasurement, last: Array, period: float) -> None:
        """Bring the command one period further."""
        if self._motions:
            command, speed = self._follow_motions(measured, last, period)
        elif self._stream.alive:
            command, speed = self._follow_stream(measured, last, period)
        else:
            command, speed = self._towards_rest(last, period)
        self._command, self._speed = command, speed
        if self._stream.alive:
            self._rest = self._limiter.rest(command, speed, self._period)
        for motion in self._motions:
            self._rest[motion.joints] = self._limiter.rest(command, speed, self._period)[motion.joints]

    def _follow_motions(self, measured: ArmMeasurement, last: Array, period: float) -> Tuple[Array, Array]:
        reference = Reference(self._rest.copy(), np.zeros(6), np.full(6, np.inf))
        for motion in self._motions:
            part = motion.step(measured, last)
            reference.position[motion.joints] = part.position
            reference.velocity[motion.joints] = part.velocity
            reference.speed[motion.joints] = part.speed
        command, speed = self._limiter.next(
            last, self._speed, (reference.position, reference.velocity), reference.speed, period
        )
        obstacles = self._obstacles_ahead(last, command, speed)
        for motion in list(self._motions):
            if obstacles:
                text = f"stopped before {', '.join(obstacles)} collide"
                self._end(motion, MotionOutcome(PATH_TOLERANCE_VIOLATED, text))
            elif motion.outcome:
                self._motions.remove(motion)
                gives_up = motion.outcome.code == PATH_TOLERANCE_VIOLATED
                stays = self._push_no_further(measured) if gives_up else reference.position
                self._rest[motion.joints] = stays[motion.joints]
        return self._towards_rest(last, period) if obstacles else (command, speed)

    def _follow_stream(self, measured: ArmMeasurement, last: Array, period: float) -> Tuple[Array, Array]:
        self._note = self._stream.lag(measured, last)
        if self._note:
            self._stream.end(measured.stamp)
            self._rest = self._push_no_further(measured)
            return self._towards_rest(last, period)
        reference, self._note = self._stream.step(measured.stamp, last, period)
        if reference is None:
            return self._towards_rest(last, period)
        command, speed = self._limiter.next(
            last, self._speed, (reference.position, reference.velocity), reference.speed, period
        )
        obstacles = self._obstacles_ahead(last, command, speed)
        if obstacles:
            self._note = f"held back: {', '.join(obstacles)} would collide"
            command, speed = self._slide_along(last, command, speed, period)
        return command, speed

    def _slide_along(self, last: Array, command: Array, speed: Array, period: float) -> Tuple[Array, Array]:
        """As much of the step to ``command`` (6,) rad as meets nothing, joint by joint, the largest change first.

        The other joints brake. So the arm slides along what it must not touch, and can get away from it, where it would
        otherwise stand still.
        """
        reached, reached_speed = self._towards_rest(last, period)
        for joint in np.argsort(-np.abs(command - reached)):
            tried, tried_speed = reached.copy(), reached_speed.copy()
            tried[joint], tried_speed[joint] = command[joint], speed[joint]
            if not self._obstacles_ahead(last, tried, tried_speed):
                reached, reached_speed = tried, tried_speed
        return reached, reached_speed

    def _towards_rest(self, last: Array, period: float) -> Tuple[Array, Array]:
        """The next command and its speed on the way to where the joints end up."""
        unlimited = np.full(6, np.inf)
        command, speed = self._limiter.next(last, self._speed, (self._rest, np.zeros(6)), unlimited, period)
        if not self._collision.straight_path_obstacles(last, command):
            return command, speed
        self._rest = last.copy()  # a leg came into the way too fast to brake
        return last, np.zeros(6)

    def _obstacles_ahead(self, last: Array, command: Array, speed: Array) -> List[str]:
        """What is in the way of a step to ``command`` (6,) rad and of slowing down afterwards."""
        if np.array_equal(command, last) and not np.any(speed):
            return []
        braking = self._limiter.braking(command, speed, self._period)
        times = self.now + self._period * np.arange(1, len(braking) + 1)
        for motion in self._motions:
            ahead = motion.ahead(times) if motion.outcome is None else None
            if ahead is not None:  # a path that was found clear, where braking straight on might not be
                braking[:, motion.joints] = ahead
        return self._collision.obstacles(last, even_path(np.vstack([last, command, braking])))

    # Inside.

    @property
    def _is_active(self) -> bool:
        """Whether there is something to command."""
        moving = self._command is not None and bool(np.any(self._speed) or np.any(self._command != self._rest))
        return moving or bool(self._motions) or self._stream.alive

    def _ready(self) -> CommandState:
        """Where a motion begins.

        Raises:
            TrajectoryError: nothing may move.
        """
        problem = self._stop_reason or self._pause_left()
        if problem or self._measured is None or self._command is None:
            raise TrajectoryError(INVALID_GOAL, problem)
        self._resynchronize(self._measured)
        braking = self._limiter.braking(self._command, self._speed, self._period)
        rest = self._limiter.rest(self._command, self._speed, self._period)
        return CommandState(self.now, self._command, self._speed, rest, len(braking) * self._period)

    def _resynchronize(self, measured: ArmMeasurement) -> None:
        """Command joints of an arm at rest on from where they are if that is far from where they were sent."""
        if self._command is None or self._is_active:
            return
        here = self._measured_pose(measured)
        near = np.abs(self._command - here) <= self._config.motion.start_error
        # A gripper that holds something is never where it was sent; one that was moved by hand does not press.
        near[5] |= abs(measured.effort[5]) >= self._config.gripper.stall_torque
        self._command = np.where(near, self._command, here)
        self._rest = self._command.copy()

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
