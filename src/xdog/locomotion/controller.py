"""What the legs are doing and may do next: damped, standing up, standing, walking, lying down."""

from dataclasses import fields
from enum import IntEnum
from typing import NamedTuple, Optional, Protocol, Tuple, Union

import numpy as np

from xdog.core.description import RobotDescription
from xdog.core.interfaces import LegsReading, LegsTarget
from xdog.core.onnx_session import PolicyError
from xdog.core.rotations import projected_gravity
from xdog.locomotion.config import LocomotionConfig
from xdog.locomotion.stance import BodyPose, LieDown, Stance, StandUp, smooth
from xdog.safety.permission import SafetyPermission

Array = np.ndarray


class State(IntEnum):
    """As in LocomotionState.msg."""

    DAMPED = 0
    STANDING_UP = 1
    STANDING = 2
    WALKING = 3
    LYING_DOWN = 4


class WalkingPolicy(Protocol):
    """What walks."""

    def reset(self) -> None:
        """Forget the past."""
        ...

    def step(self, reading: LegsReading, command: Array) -> LegsTarget:
        """Targets for one control period; raises PolicyError."""
        ...


class RequestResult(NamedTuple):
    """What came of a request: whether it is or will be done, and a sentence for whoever asked."""

    success: bool
    message: str


class Controller:
    """Turns measurements and wishes into leg targets, one control period at a time.

    Time is the stamp of the newest measurement. Whatever is wrong leads to DAMPED, which only `stand` leaves.

    Args:
        robot: its description.
        config: locomotion.yaml.
        policy: what walks, or the sentence that says why nothing does.
    """

    def __init__(self, robot: RobotDescription, config: LocomotionConfig, policy: Union[WalkingPolicy, str]) -> None:
        self.state = State.DAMPED
        self.reason = "waiting for stand"
        self._robot = robot
        self._config = config
        self._policy = policy
        self._stance = Stance(robot, config.stance, config.body_pose)
        self._mount = robot.fixed_transform(robot.frames["imu"]).rotation
        self._period = 1.0 / robot.rates["control"]
        self._reading: Optional[LegsReading] = None
        self._permission = SafetyPermission(config.heartbeat_timeout)
        self._velocity: Tuple[float, Array] = (-np.inf, np.zeros(3))
        self._wanted_pose = self._pose = BodyPose()
        self._motion: Union[StandUp, LieDown, None] = None
        self._next: Optional[State] = None
        self._elapsed = 0.0
        self._resting = 0.0
        self._target = self._damping(np.zeros(len(robot.legs.names)))
        self._from = self._target

    @property
    def now(self) -> float:
        """Stamp of the newest measurement, s; before the first one, minus infinity."""
        return -np.inf if self._reading is None else self._reading.stamp

    # What it is told.

    def on_safety(self, stamp: float, motion_allowed: bool, reason: str) -> None:
        """A heartbeat of the safety supervisor came in, stamped ``stamp`` (s)."""
        self._permission.update(max(self.now, stamp), stamp, motion_allowed, reason)

    def on_gate(self, active: bool, reason: str) -> None:
        """What a legs/state says of the bridge's gate: once it damps the legs, they stay damped until `stand`.

        Rising legs get a moment: the gate opens only when it has heard the permission and a command.
        """
        rising = self.state == State.STANDING_UP and self._elapsed <= self._config.timeouts.gate + 1e-6
        if not active and self.state != State.DAMPED and not rising:
            self.damp(f"the bridge damps the legs: {reason}")

    def on_velocity(self, stamp: float, command: Array) -> None:
        """Wanted vx (m/s), vy (m/s), wz (rad/s), (3,), received at ``stamp`` (s); one that is not finite is ignored."""
        if np.all(np.isfinite(command)):
            self._velocity = (stamp, command)

    def on_body_pose(self, pose: BodyPose) -> RequestResult:
        """Where the body shall be while standing; it is cut to what the legs reach."""
        if not np.all(np.isfinite(pose.as_array())):
            return RequestResult(False, "body_pose is not finite: ignored")
        if self.state != State.STANDING or self._next is not None:
            return RequestResult(
                False, f"body_pose counts only while standing, not while {_words(self.state)}: ignored"
            )
        self._wanted_pose = self._stance.within_reach(pose)
        return RequestResult(True, "")

    # What it is asked for.

    def stand(self) -> RequestResult:
        """Stand up, or stop walking and stand."""
        if self.state == State.DAMPED:
            problem = self._why_not_move() or self._why_not_stand()
            if problem or self._reading is None:
                return RequestResult(False, problem)
            self._motion = StandUp(self._stance, self._reading.position)
            self._enter(State.STANDING_UP, "stand was called")
            return RequestResult(True, f"standing up, {self._motion.duration:.1f} s")
        if self.state == State.WALKING:
            self._stop(State.STANDING)
            return RequestResult(True, "stopping to stand")
        if self.state == State.LYING_DOWN:
            return RequestResult(False, "lying down: wait until it is damped, then call stand again")
        self._next = None
        return RequestResult(True, f"already {_words(self.state)}")

    def walk(self) -> RequestResult:
        """Hand the legs to the policy, which follows the velocity commands."""
        if isinstance(self._policy, str):
            return RequestResult(False, f"cannot walk: {self._policy}")
        if self.state == State.WALKING:
            self._next = None
            return RequestResult(True, "walking")
        if self.state != State.STANDING:
            return RequestResult(False, f"cannot walk while {_words(self.state)}: call stand and wait until it stands")
        self._wanted_pose = BodyPose()
        self._next = State.WALKING
        return RequestResult(True, "walking as soon as the body is level")

    def lie_down(self) -> RequestResult:
        """Lie down and go limp; from walking, stop and stand first."""
        if self.state == State.STANDING:
            self._next = State.LYING_DOWN
            return RequestResult(True, "lying down")
        if self.state == State.WALKING:
            self._stop(State.LYING_DOWN)
            return RequestResult(True, "stopping to lie down")
        if self.state == State.STANDING_UP:
            return RequestResult(False, "cannot lie down while standing up: wait until it stands, or call damp")
        return RequestResult(True, f"already {_words(self.state)}")

    def damp(self, reason: str = "damp was called") -> RequestResult:
        """Go limp at once, from any state."""
        if self.state != State.DAMPED:
            self._enter(State.DAMPED, reason)
        return RequestResult(True, "damped")

    # What it does.

    def step(self, reading: LegsReading) -> LegsTarget:
        """Targets for the control period that begins with a measurement."""
        problem = self._why_damp(reading)
        if problem:
            self.damp(problem)
        self._elapsed += self._period
        try:
            self._target = self._act(reading)
        except PolicyError as error:
            self.damp(str(error))
            self._target = self._damping(reading.position)
        return self._target

    def _act(self, reading: LegsReading) -> LegsTarget:
        if self.state in (State.STANDING_UP, State.LYING_DOWN):
            return self._moved()
        if self.state == State.STANDING:
            return self._stood()
        if self.state == State.WALKING:
            return self._walked(reading)
        return self._damping(reading.position)

    def _moved(self) -> LegsTarget:
        assert self._motion is not None
        target = self._motion.at(self._elapsed)
        if self._elapsed >= self._motion.duration:
            if self.state == State.STANDING_UP:
                self._enter(State.STANDING, "stood up")
                self._from = target
            else:
                self._enter(State.DAMPED, "lay down")
        return target

    def _stood(self) -> LegsTarget:
        self._pose = self._stance.approach(self._pose, self._wanted_pose, self._period)
        blended = smooth(self._elapsed / self._config.walking.stand_time)
        target = _blend(self._from, self._stance.hold(self._pose), blended)
        if blended < 1.0 or self._next is None:
            return target
        if self._next == State.LYING_DOWN:
            self._motion = LieDown(self._stance, target.position)
            self._enter(State.LYING_DOWN, "lie_down was called")
        elif self._pose == BodyPose() and not isinstance(self._policy, str):
            self._policy.reset()
            self._enter(State.WALKING, "walk was called")
            self._from = target
        return target

    def _walked(self, reading: LegsReading) -> LegsTarget:
        assert not isinstance(self._policy, str)
        config, (stamp, command) = self._config.walking, self._velocity
        fresh = abs(reading.stamp - stamp) <= self._config.timeouts.command
        wanted = self._policy.step(reading, command if fresh and self._next is None else np.zeros(3))
        if self._next is None:
            return _blend(self._from, wanted, smooth(self._elapsed / config.start_time))
        still = float(np.max(np.abs(reading.velocity))) < config.stop_joint_speed
        self._resting = self._resting + self._period if still else 0.0
        if self._resting >= config.rest_time or self._elapsed >= config.stop_time:
            follow = self._next
            self._enter(State.STANDING, "stopped walking")
            self._from = wanted
            self._next = None if follow == State.STANDING else follow
        return wanted

    def _stop(self, follow: State) -> None:
        """Let the policy come to rest, then stand, then do what follows."""
        if self._next is None:
            self._elapsed, self._resting = 0.0, 0.0
        self._next = follow

    def _enter(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        self._elapsed, self._resting = 0.0, 0.0
        self._next = None
        self._pose = self._wanted_pose = BodyPose()
        if state in (State.DAMPED, State.STANDING, State.WALKING):
            self._motion = None

    def _damping(self, measured: Array) -> LegsTarget:
        gains, zero = self._robot.leg_gains["damp"], np.zeros(len(measured))
        position = np.clip(np.nan_to_num(measured), self._robot.legs.lower, self._robot.legs.upper)
        return LegsTarget(position, zero, zero, zero + gains.kp, zero + gains.kd)

    # What forbids it.

    def _why_damp(self, reading: LegsReading) -> str:
        """Take a measurement in. Returns why the legs must be damped now; empty if they need not."""
        values = (reading.position, reading.velocity, reading.orientation, reading.angular_velocity)
        if not all(np.all(np.isfinite(value)) for value in values):
            return "legs/state holds numbers that are not finite: check joints and IMU"
        previous, self._reading = self._reading, reading
        if previous is not None and self.state != State.DAMPED:
            duration = max(reading.stamp - previous.stamp, self._period)
            jump = np.abs(reading.position - previous.position) / duration
            worst = int(np.argmax(jump / self._robot.legs.velocity))
            if jump[worst] > 2.0 * self._robot.legs.velocity[worst]:
                return f"{self._robot.legs.names[worst]} jumped by {jump[worst] * duration:.2f} rad: encoder or reset"
        return self._why_not_move()

    def _why_not_move(self) -> str:
        if self._reading is None:
            return "no legs/state has arrived: is the bridge running?"
        return self._permission.objection(self.now)

    def _why_not_stand(self) -> str:
        assert self._reading is not None
        gravity = projected_gravity(self._reading.orientation[None], np)[0] @ self._mount.T
        tilt = float(np.arccos(np.clip(-gravity[2], -1.0, 1.0)))
        if tilt > self._config.stance.most_tilt:
            return f"the body lies tilted by {np.degrees(tilt):.0f} degrees: lay it on its belly, then call stand"
        return ""


def _blend(start: LegsTarget, end: LegsTarget, share: float) -> LegsTarget:
    """Targets between two: all of ``start`` at 0, all of ``end`` at 1."""
    if share >= 1.0:
        return end
    mixed = {f.name: (1.0 - share) * getattr(start, f.name) + share * getattr(end, f.name) for f in fields(LegsTarget)}
    return LegsTarget(**mixed)


def _words(state: State) -> str:
    return state.name.lower().replace("_", " ")
