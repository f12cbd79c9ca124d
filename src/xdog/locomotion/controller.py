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
    """A policy that walks."""

    def reset(self) -> None:
        """Forget the past."""
        ...

    def step(self, reading: LegsReading, command: Array) -> LegsTarget:
        """Targets for one control period; raises PolicyError."""
        ...


class RequestResult(NamedTuple):
    """The result of a request: whether it is or will be done, and a sentence for the caller."""

    success: bool
    message: str


class Controller:
    """Turns measurements and commands into leg targets, one control period at a time.

    Time is the stamp of the newest measurement. Every problem leads to DAMPED, which only `stand` leaves.

    Args:
        robot: its description.
        config: locomotion.yaml.
        policy: the walking policy, or a sentence with the reason why there is none.
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

    # Inputs.

    def on_safety(self, stamp: float, motion_allowed: bool, reason: str) -> None:
        """A heartbeat of the safety supervisor was received, stamped ``stamp`` (s)."""
        self._permission.update(max(self.now, stamp), stamp, motion_allowed, reason)

    def on_gate(self, active: bool, reason: str) -> None:
        """The state of the bridge's gate, from legs/state: once it damps the legs, they stay damped until `stand`.

        While standing up they get a moment: the gate opens only when it has received the permission and a command.
        """
        rising = self.state == State.STANDING_UP and self._elapsed <= self._config.timeouts.gate + 1e-6
        if not active and self.state != State.DAMPED and not rising:
            self.damp(f"the bridge damps the legs: {reason}")

    def on_velocity(self, stamp: float, command: Array) -> None:
        """Commanded vx (m/s), vy (m/s), wz (rad/s), (3,), received at ``stamp`` (s); ignored if it is not finite."""
        if np.all(np.isfinite(command)):
            self._velocity = (stamp, command)

    def on_body_pose(self, pose: BodyPose) -> RequestResult:
        """The commanded body pose while standing, limited to what the legs reach."""
        if not np.all(np.isfinite(pose.as_array())):
            return RequestResult(False, "body_pose is not finite: ignored")
        if self.state != State.STANDING or self._next is not None:
            return RequestResult(
                False, f"body_pose counts only while standing, not while {_words(self.state)}: ignored"
            )
        self._wanted_pose = self._stance.within_reach(pose)
        return RequestResult(True, "")

    # Requests.

    def stand(self) -> RequestResult:
        """Stand up, or stop walking and stand."""
        if self.state == State.DAMPED:
            problem = self._motion_refusal() or self._stand_refusal()
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
        """Lie down, then damp; from walking, stop and stand first."""
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
        """Damp the legs at once, from any state."""
        if self.state != State.DAMPED:
            self._enter(State.DAMPED, reason)
        return RequestResult(True, "damped")

    # Outputs.

    def step(self, reading: LegsReading) -> LegsTarget:
        """Targets for the control period that begins with a measurement."""
        problem = self._damping_reason(reading)
        if problem:
            self.damp(problem)
        self._elapsed += self._period
        try:
            self._target = self._next_target(reading)
        except PolicyError as error:
            self.damp(str(error))
            self._target = self._damping(reading.position)
        return self._target

    def _next_target(self, reading: LegsReading) -> LegsTarget:
        if self.state in (State.STANDING_UP, State.LYING_DOWN):
            return self._stance_motion_target()
        if self.state == State.STANDING:
            return self._standing_target()
        if self.state == State.WALKING:
            return self._walking_target(reading)
        return self._damping(reading.position)

    def _stance_motion_target(self) -> LegsTarget:
        assert self._motion is not None
        target = self._motion.at(self._elapsed)
        if self._elapsed >= self._motion.duration:
            if self.state == State.STANDING_UP:
                self._enter(State.STANDING, "stood up")
                self._from = target
            else:
                self._enter(State.DAMPED, "lay down")
        return target

    def _standing_target(self) -> LegsTarget:
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

    def _walking_target(self, reading: LegsReading) -> LegsTarget:
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

    # Refusals.

    def _damping_reason(self, reading: LegsReading) -> str:
        """Store a measurement. Returns why the legs must be damped now; empty if they need not be."""
        values = (reading.position, reading.velocity, reading.orientation, reading.angular_velocity)
        if not all(np.all(np.isfinite(value)) for value in values):
            return "legs/state contains numbers that are not finite: check joints and IMU"
        previous, self._reading = self._reading, reading
        if previous is not None and self.state != State.DAMPED:
            duration = max(reading.stamp - previous.stamp, self._period)
            jump = np.abs(reading.position - previous.position) / duration
            worst = int(np.argmax(jump / self._robot.legs.velocity))
            if jump[worst] > 2.0 * self._robot.legs.velocity[worst]:
                return f"{self._robot.legs.names[worst]} jumped by {jump[worst] * duration:.2f} rad: encoder or reset"
        return self._motion_refusal()

    def _motion_refusal(self) -> str:
        if self._reading is None:
            return "no legs/state has arrived: is the bridge running?"
        return self._permission.objection(self.now)

    def _stand_refusal(self) -> str:
        assert self._reading is not None
        gravity = projected_gravity(self._reading.orientation[None], np)[0] @ self._mount.T
        tilt = float(np.arccos(np.clip(-gravity[2], -1.0, 1.0)))
        if tilt > self._config.stance.most_tilt:
            return f"the body is tilted by {np.degrees(tilt):.0f} degrees: lay it on its belly, then call stand"
        return ""


def _blend(start: LegsTarget, end: LegsTarget, share: float) -> LegsTarget:
    """Targets between two: all of ``start`` at 0, all of ``end`` at 1."""
    if share >= 1.0:
        return end
    mixed = {f.name: (1.0 - share) * getattr(start, f.name) + share * getattr(end, f.name) for f in fields(LegsTarget)}
    return LegsTarget(**mixed)


def _words(state: State) -> str:
    return state.name.lower().replace("_", " ")
