"""The arm's controller: one owner of what the servos are told, whoever asks for a motion. No ROS.

At rest it says nothing: the bridge's gate keeps the servos where they were sent last. That gate drops what is left of
the way to a goal that is not repeated, so a last word that is far away is said until the servos can be there. A stop by
the safety supervisor ends everything with its reason, and nothing moves afterwards until somebody asks anew.
"""

from typing import List, Optional, Sequence, Tuple

import numpy as np

from xdog.arm.collision import ArmCollision, straight_path
from xdog.arm.config import ArmConfig
from xdog.arm.gripper import Gripper
from xdog.arm.motions import ArmMeasurement, GripperMotion, Motion, MotionOutcome, TrajectoryMotion
from xdog.arm.stream import SetpointStream
from xdog.arm.trajectory import INVALID_GOAL, PATH_TOLERANCE_VIOLATED, Goal, Plan, Point, TrajectoryError, make_plan
from xdog.core.description import RobotDescription
from xdog.safety.permission import SafetyPermission

Array = np.ndarray

LONGEST_STEP = 0.1
"""s. A step that comes later than this counts as this late, so that a stall doesn't turn into a jump."""

SPARE = 0.1
"""s of silence after a stop beyond what the bridge's gate wants, for messages that hang on their way."""

SILENCE = 0.3
"""s without measured joints after which motions under way are ended."""


class ArmController:
    """Call `on_safety` for every heartbeat and `step` once per control period with what was measured.

    Times are stamps of the measurements, in s. Not thread-safe: the caller holds one lock for all calls.
    """

    def __init__(self, robot: RobotDescription, config: ArmConfig) -> None:
        self._robot, self._config = robot, config
        self._collision = ArmCollision(robot, config.motion.margin)
        self.gripper = Gripper(robot)
        self._permission = SafetyPermission(config.heartbeat_timeout)
        self._stream = SetpointStream(robot.arm, config)
        self._measured: Optional[ArmMeasurement] = None
        self._target: Optional[Array] = None
        self._motions: List[Motion] = []
        self._spoken = -np.inf
        self._speaks_until = -np.inf
        self._quiet_until = -np.inf
        self._objection = "no joint angles have been measured yet"
        self._gate = ""
        self._note = ""

    @property
    def now(self) -> float:
        """Stamp of the newest measurement, s; 0 before the first."""
        return self._measured.stamp if self._measured else 0.0

    @property
    def state(self) -> str:
        """What the arm does, for people: stopped, trajectory, gripper, streaming or holding, and why."""
        if self._objection:
            return f"stopped: {self._objection}"
        if any(isinstance(motion, TrajectoryMotion) for motion in self._motions):
            return "trajectory"
        if self._motions:
            return "gripper"
        mode = "streaming" if self._stream.alive else "holding"
        return f"{mode}: {self._note}" if self._note else mode

    # Asking for a motion.

    def follow(self, goal: Goal) -> TrajectoryMotion:
        """Begin a trajectory; what moves its joints now is cancelled, and the new motion goes on from there.

        Raises:
            TrajectoryError: it is refused, and what goes on goes on.
        """
        measured = self._ready()
        plan = make_plan(goal, self._robot.arm, measured.stamp, self._config.tolerances)
        return self._begin_plan(plan, goal.names, measured)

    def move_gripper(self, gap: float, max_effort: float) -> GripperMotion:
        """Begin to open or close the gripper to a gap in m, pushing with ``max_effort`` N at most, 0 for no own limit.

        Raises:
            TrajectoryError: it is refused.
        """
        measured = self._ready()
        widest = self.gripper.range[1]
        if not 0.0 <= gap <= widest + 1e-3:
            raise TrajectoryError(INVALID_GOAL, f"a gap of {gap} m; 0 to {widest:.4f} m are possible")
        if not (np.isfinite(max_effort) and max_effort >= 0.0):
            raise TrajectoryError(INVALID_GOAL, f"max_effort is {max_effort} N; it must be zero or more")
        torque = max_effort * self.gripper.lever if max_effort else np.inf
        arm, config = self._robot.arm, self._config.gripper
        limit = float(arm.upper[5] - arm.lower[5]) / config.speed + self._config.tolerances.goal_time
        motion = GripperMotion(5, self.gripper.angle(gap), torque, config, limit)
        self._begin(motion, self._start(measured))
        return motion

    def move_to(self, pose: str) -> TrajectoryMotion:
        """Begin to go to a pose of robot.yaml on a way that is clear; the gripper stays as it is.

        Raises:
            TrajectoryError: it is refused, or no way is clear.
        """
        measured = self._ready()
        start = self._start(measured)
        goal = np.append(self._robot.arm.poses[pose][:5], start[5])
        way, obstacles = self._clear_way(start, goal)
        if not way:
            raise TrajectoryError(INVALID_GOAL, f"no way to {pose} is clear: {', '.join(obstacles)}")
        points, time = [], 0.0
        for before, after in zip([start, *way], way):
            # A cubic's fastest speed is 1.5 times its mean.
            time += max(1.5 * float(np.max(np.abs(after - before))) / self._config.motion.move_speed, 0.2)
            points.append(Point(time, after[:5].tolist(), [0.0] * 5))
        names = self._robot.arm.names[:5]
        plan = make_plan(Goal(names, points), self._robot.arm, measured.stamp, self._config.tolerances)
        return self._begin_plan(plan, names, measured)

    def on_setpoint(self, names: Sequence[str], positions: Sequence[float], duration: float, stamp: float = 0.0) -> str:
        """A setpoint of a stream came in: rad for each of the six joints, to be reached ``duration`` s from now.

        ``stamp`` (s) is when it was sent, 0 where that is not known: one that hung on its way must move nothing.

        Returns:
            Why it is refused, empty if it is not. The arm then holds.
        """
        problem = self._objection or self._pause_left()
        if not problem and self._motions:
            problem = f"a {self.state} goal is under way"
        late = self.now - stamp
        if not problem and stamp and abs(late) > self._config.stream.timeout:
            problem = f"by its stamp the setpoint was sent {late:.1f} s ago: did it hang, or is a clock wrong?"
        start = None if self._measured is None or self._stream.alive else self._start(self._measured)
        self._note = self._stream.on_setpoint(self.now, names, positions, duration, problem)
        if self._stream.alive and start is not None:
            self._target = start
        return self._note

    def cancel(self, motion: Motion, why: str = "cancelled") -> None:
        """End a motion; the arm holds where it was sent last."""
        if motion in self._motions:
            self._end(motion, MotionOutcome(PATH_TOLERANCE_VIOLATED, why, cancelled=True))

    # What goes on.

    def on_safety(self, stamp: float, motion_allowed: bool, reason: str) -> None:
        """A heartbeat of the safety supervisor came in, stamped ``stamp`` (s)."""
        self._permission.update(self.now, stamp, motion_allowed, reason)

    def on_gate(self, reason: str) -> None:
        """The bridge's gate said why it holds the arm; empty if it follows commands."""
        self._gate = reason

    def stop(self, reason: str) -> None:
        """End everything because the arm cannot be moved: its joints are not measured."""
        self._check(reason)

    def step(self, measured: ArmMeasurement, legs: Array) -> Optional[Array]:
        """What to tell the servos, (6,) rad, or None for nothing.

        Args:
            measured: the arm.
            legs: (12,) rad.
        """
        before, self._measured = self._measured, measured
        elapsed = measured.stamp - before.stamp if before else 0.0
        finite = np.isfinite([*measured.position, *measured.velocity, *measured.effort]).all()
        problem = "" if finite else "measured joint values are not finite"
        if not problem and not np.isfinite(legs).all():
            problem = "measured leg angles are not finite, so nobody knows where the arm would meet the legs"
        if before and elapsed > SILENCE:
            problem = f"no joint angles were measured for {elapsed:.2f} s"
        self._check(problem or self._permission.objection(measured.stamp) or self._gate)
        if self._objection:
            return None
        period = min(max(elapsed, 0.0), LONGEST_STEP)
        self._collision.set_legs(legs)
        if self._target is None:
            self._target = self._here(measured)
        last = self._target
        if self._motions:
            self._target = self._motion_targets(measured, last, period)
        elif self._stream.alive:
            self._target = self._stream_target(measured, last, period)
        elif measured.stamp >= self._speaks_until:
            return None
        self._spoken = measured.stamp
        time = float(np.max(np.abs(self._target - last))) / self._config.motion.max_speed
        self._speaks_until = max(self._speaks_until, measured.stamp + time - period - 1e-6)
        return self._target

    def _motion_targets(self, measured: ArmMeasurement, target: Array, period: float) -> Array:
        wanted = target.copy()
        for motion in self._motions:
            wanted[motion.joints] = motion.step(measured, target, period)
        capped = self._capped(target, wanted, period)
        obstacles = self._collision.straight_path_obstacles(target, capped)
        for motion in list(self._motions):
            if obstacles:
                text = f"stopped before {', '.join(obstacles)} meet"
                self._end(motion, MotionOutcome(PATH_TOLERANCE_VIOLATED, text))
            elif motion.outcome:
                self._motions.remove(motion)
                lets_go = motion.outcome.code == PATH_TOLERANCE_VIOLATED
                # Its last word may be to push less, so it counts at once; the bridge's gate caps it.
                capped[motion.joints] = (self._let_go(measured) if lets_go else wanted)[motion.joints]
        return target if obstacles else capped

    def _stream_target(self, measured: ArmMeasurement, target: Array, period: float) -> Array:
        self._note = self._stream.lag(measured, target)
        if self._note:
            self._stream.end(measured.stamp)
            return self._let_go(measured)
        wanted, self._note = self._stream.step(measured.stamp, target, period)
        capped = self._capped(target, wanted, period)
        obstacles = self._collision.straight_path_obstacles(target, capped)
        if obstacles:
            self._note = f"held back: {', '.join(obstacles)} would meet"
            capped = self._along(target, capped)
        return capped

    def _along(self, target: Array, wanted: Array) -> Array:
        """As much of the step to ``wanted`` (6,) rad as meets nothing, joint by joint, the largest change first.

        So the arm slides along what it must not touch, and can get away from it, where it would else stand still.
        """
        reached = target
        for joint in np.argsort(-np.abs(wanted - target)):
            tried = reached.copy()
            tried[joint] = wanted[joint]
            if not self._collision.straight_path_obstacles(reached, tried):
                reached = tried
        return reached

    # Inside.

    def _ready(self) -> ArmMeasurement:
        """The measurement to start from.

        Raises:
            TrajectoryError: nothing may move.
        """
        problem = self._objection or self._pause_left()
        if problem or self._measured is None:
            raise TrajectoryError(INVALID_GOAL, problem)
        return self._measured

    def _pause_left(self) -> str:
        if self.now >= self._quiet_until:
            return ""
        return f"the arm was stopped just now: ask again in {self._quiet_until - self.now:.2f} s"

    def _here(self, measured: ArmMeasurement) -> Array:
        """Where the arm is, (6,) rad, within its limits."""
        return np.asarray(np.clip(measured.position, self._robot.arm.lower, self._robot.arm.upper))

    def _start(self, measured: ArmMeasurement) -> Array:
        """Where a motion begins, (6,) rad: what was sent last, or where a joint is if that is somewhere else."""
        here = self._here(measured)
        if self._target is None:
            return here
        if self._motions or self._stream.alive:
            return self._target
        near = np.abs(self._target - here) <= self._config.motion.start_error
        # A gripper that holds something is never where it was sent; one that was moved by hand does not press.
        near[5] |= abs(measured.effort[5]) >= self._config.gripper.stall_torque
        return np.where(near, self._target, here)

    def _capped(self, target: Array, wanted: Array, period: float) -> Array:
        """Towards ``wanted`` (6,) rad no faster than allowed."""
        step = self._config.motion.max_speed * period
        return np.asarray(np.clip(wanted, target - step, target + step))

    def _let_go(self, measured: ArmMeasurement) -> Array:
        """Where to send servos that are to push no further, (6,) rad; after that there is a pause."""
        self._quiet_until = measured.stamp + self._config.pause + SPARE
        return self._here(measured)

    def _begin_plan(self, plan: Plan, names: Sequence[str], measured: ArmMeasurement) -> TrajectoryMotion:
        start, velocity = self._start(measured), np.zeros(6)
        for motion in self._motions:
            velocity[motion.joints] = motion.velocity(measured.stamp)
        spline = plan.spline(measured.stamp, start[plan.joints], velocity[plan.joints])
        positions, velocities = spline.dense()
        arm, limit = self._robot.arm, self._config.motion.max_speed
        fastest = np.max(np.abs(velocities), axis=0)
        joint = int(np.argmax(fastest))
        if fastest[joint] > limit:
            text = f"{names[joint]} would have to turn at {fastest[joint]:.2f} rad/s, {limit:g} are possible"
            raise TrajectoryError(INVALID_GOAL, text)
        outside = (positions < arm.lower[plan.joints] - 1e-6) | (positions > arm.upper[plan.joints] + 1e-6)
        if outside.any():
            joint = int(np.argwhere(outside)[0, 1])
            raise TrajectoryError(INVALID_GOAL, f"{names[joint]} would leave its limits between two points")
        poses = np.tile(start, (len(positions), 1))
        poses[:, plan.joints] = positions
        obstacles = self._collision.obstacles(start, _spaced(poses))
        if obstacles:
            raise TrajectoryError(INVALID_GOAL, f"on the way {', '.join(obstacles)} would meet")
        motion = TrajectoryMotion(plan, spline, names)
        self._begin(motion, start)
        return motion

    def _begin(self, motion: Motion, start: Array) -> None:
        for other in list(self._motions):
            if np.intersect1d(other.joints, motion.joints).size:
                self._end(other, MotionOutcome(PATH_TOLERANCE_VIOLATED, "a new goal took over", cancelled=True))
        self._stream.end(self.now)
        self._target, self._note = start, ""
        self._motions.append(motion)

    def _end(self, motion: Motion, outcome: MotionOutcome) -> None:
        motion.outcome = outcome
        self._motions.remove(motion)

    def _check(self, objection: str) -> None:
        """Take note of why nothing may move; empty if it may. What is under way ends with the reason."""
        if objection:
            for motion in list(self._motions):
                self._end(motion, MotionOutcome(PATH_TOLERANCE_VIOLATED, f"stopped: {objection}"))
            self._stream.end(self.now)
            self._target, self._note = None, ""
            self._quiet_until = max(self._quiet_until, self._spoken + self._config.pause + SPARE)
        self._objection = objection

    def _clear_way(self, here: Array, goal: Array) -> Tuple[List[Array], List[str]]:
        """Poses (6,) from ``here`` to ``goal`` with straight ways in between, or what the straight way meets."""
        obstacles = self._collision.straight_path_obstacles(here, goal)
        if not obstacles:
            return [goal], []
        for via in self._config.via:
            raised = here.copy()
            raised[1:4] = via
            turned = raised.copy()
            turned[0] = goal[0]
            for way in ([raised, goal], [raised, turned, goal]):
                legs = zip([here, *way], way)
                if not any(self._collision.straight_path_obstacles(start, end) for start, end in legs):
                    return way, []
        return [], obstacles


def _spaced(poses: Array) -> Array:
    """Poses (m, 6) along a path, made even and near enough to each other to be checked."""
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(poses, axis=0)).sum(axis=1))])
    count = len(straight_path(np.zeros(1), length[-1:]))
    even = np.linspace(0.0, length[-1], count + 1)[1:]
    return np.stack([np.interp(even, length, column) for column in poses.T], axis=1)
