"""Picking up an object: look, take a stance, let the policy work, believe only what was verified, try again.

The script below is read from top to bottom: it is a generator that gives the wish for one control period and goes on
when the next measurement has come. Whatever ends it early is an exception with an outcome.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Generator, List, Optional, Protocol, Sequence

import numpy as np

from xdog.arm.gripper import Gripper
from xdog.arm.kinematics import ArmKinematics
from xdog.core.description import RobotDescription
from xdog.core.onnx_session import PolicyError
from xdog.grasp.config import PickConfig
from xdog.grasp.grip_monitor import GripMonitor
from xdog.grasp.handover import HandoverDetector
from xdog.grasp.object_tracker import TrackedDetection, Tracker
from xdog.grasp.observation import object_token
from xdog.grasp.retreat import plan_retreat
from xdog.grasp.stance_planner import OutOfReachError, StancePlanner
from xdog.grasp.trunk_pose import TrunkPose
from xdog.grasp.view_poses import ViewPoses
from xdog.locomotion.stance import BodyPose, smooth

Array = np.ndarray
Script = Generator[None, None, None]

PHASES = ("looking", "stance", "approach", "verify", "retry", "carry", "hand_over")


START_NOISE = 0.1
"""rad by which a joint may differ from a start pose of the policy (sim/grasp_scenarios.yaml draws 0.15)."""


class AfterPick(IntEnum):
    """What becomes of the object, as in PickObject.action."""

    HOLD = 0
    CARRY = 1
    HAND_OVER = 2


class GraspingPolicy(Protocol):
    """What grasps: `xdog.grasp.policy.GraspPolicy`."""

    def reset(self) -> None:
        """A new attempt begins."""
        ...

    def act(self, joints: Array, token: Array) -> Array:
        """Joint targets (6,) for one policy period from measured joints (6,) and the object's token."""
        ...


@dataclass(frozen=True, eq=False)
class PickInput:
    """What is known at one control period.

    Attributes:
        now: s.
        arm, effort: (6,) rad and Nm.
        posture: of the trunk.
        standing: whether the legs stand, and neither walk nor rise.
        torque_off: why nothing holds the legs up, whatever locomotion commands; empty if they are held.
        objection: why nothing may move; empty if it may.
    """

    now: float
    arm: Array
    effort: Array
    posture: TrunkPose
    standing: bool
    torque_off: str
    objection: str


@dataclass(frozen=True, eq=False)
class PickCommand:
    """What shall happen in this control period: arm targets (6,) rad and a body pose, None for no change."""

    arm: Optional[Array]
    body: Optional[BodyPose]


@dataclass(frozen=True)
class PickOutcome:
    """How it ended, as in PickObject's result."""

    success: bool
    outcome: str
    message: str


class _End(Exception):  # noqa: N818 - no error: how a script ends
    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = PickOutcome(outcome in ("picked", "handed_over"), outcome, message)


class PickTask:
    """One request to pick an object up. Call `see` with what perception shows and `step` once a control period.

    Args:
        robot: its description.
        config: pick.yaml.
        policy: what grasps, and its period in s.
        chooser: of stances.
        label: class of the object, empty for the nearest.
        afterwards: what to do with it.
        looks: where a policy that sees begins; None for one that does not.
    """

    def __init__(
        self,
        robot: RobotDescription,
        config: PickConfig,
        policy: GraspingPolicy,
        period: float,
        chooser: StancePlanner,
        label: str,
        afterwards: AfterPick,
        looks: Optional[ViewPoses] = None,
    ) -> None:
        self.phase, self.progress, self.attempt, self.lift = PHASES[0], 0.0, 0, 0.0
        self.outcome: Optional[PickOutcome] = None
        self.failure: Optional[Exception] = None
        """The error that ended it, if one did that nobody foresaw."""
        self._robot, self._config, self._policy, self._chooser = robot, config, policy, chooser
        self._label, self._afterwards, self._looks = label, afterwards, looks
        self._arm, self._gripper = ArmKinematics(robot), Gripper(robot)
        self._control = 1.0 / robot.rates["control"]
        self._ticks = round(period / self._control)
        self._tracker = Tracker(config.looking.gate, int(config.looking.sightings))
        self._sightings: List[TrackedDetection] = []
        self._measured: Optional[PickInput] = None
        self._target: Optional[Array] = None
        self._behind_since = math.inf
        self._place = np.zeros(3)
        self._size = np.zeros(3)
        self._body: Optional[BodyPose] = None
        self._first = np.zeros(6)
        self._script = self._pick()

    def see(self, sightings: Sequence[TrackedDetection]) -> None:
        """What the newest detections show, in the level frame. One ahead of now would never grow old: refused."""
        now = math.inf if self._measured is None else self._now
        self._sightings = [sighting for sighting in sightings if sighting.stamp - now <= self._control]
        if self._tracker.target is not None:
            self._tracker.follow(self._sightings)

    def step(self, measured: PickInput) -> PickCommand:
        """The wish for this control period; once `outcome` is set there is nothing to wish for."""
        if self.outcome is None:
            before, self._measured, self._body = self._measured, measured, None
            try:
                if before is not None and measured.now < before.now:  # no time since then would mean anything
                    raise _End("aborted", f"the clock jumped back by {before.now - measured.now:.2f} s")
                if measured.objection:
                    raise _End("aborted", measured.objection)
                if not measured.standing:
                    raise _End("aborted", "the dog does not stand any more")
                if measured.torque_off:
                    raise _End("aborted", f"the dog's legs are not held: {measured.torque_off}")
                self._check_follows()
                next(self._script)
            except _End as end:
                self.outcome = end.outcome
            except PolicyError as error:
                self.outcome = PickOutcome(False, "aborted", str(error))
            except Exception as error:  # whatever it is: the generator is dead, and who waits must hear of it
                self.failure = error
                self.outcome = PickOutcome(
                    False, "aborted", f"an error in the program: {type(error).__name__}: {error}"
                )
        if self.outcome is not None:
            return PickCommand(None, None)
        return PickCommand(self._target, self._body)

    # The script.

    def _pick(self) -> Script:
        reason = ""
        for attempt in range(1, self._config.attempts + 1):
            self.attempt = attempt
            if attempt > 1:
                yield from self._recover()
            yield from self._look()
            yield from self._take_stance()
            self._enter("approach")
            if attempt == 1:
                self._first = self._start_pose()
            yield from self._move(self._first)
            self._note_place()
            reason = yield from self._grasp()
            if not reason:
                yield from self._finish()
        self._body = BodyPose()
        yield from self._recover()
        raise _End("missed", f"tried {self._config.attempts} times; the last time {reason}")

    def _look(self) -> Script:
        """Choose the object and wait until it was seen often enough to be sure of its place."""
        self._enter("looking")
        begin, config = self._now, self._config.looking
        self._tracker.forget()
        what = self._label or "object"
        while not (self._tracker.steady and self._age() <= config.fresh):
            if self._now - begin > config.time:
                raise _End("lost", f"no {what} was seen for {config.time:g} s: is it in view of the camera?")
            if self._tracker.target is not None and self._age() > config.fresh:
                self._tracker.forget()
            fresh = [s for s in self._sightings if -self._control <= self._now - s.stamp <= config.fresh]
            self._tracker.choose(fresh, self._label, self._measure.posture.to_level(np.zeros(3)))
            self.progress = min((self._now - begin) / config.time, 1.0)
            yield
        self._note_place()
        if self._target is None:
            self._target = self._measure.arm

    def _take_stance(self) -> Script:
        self._enter("stance")
        begin, config = self._now, self._config.stance
        try:
            pose = self._chooser.choose(self._place, self._size)
        except OutOfReachError as error:
            raise _End("unreachable", str(error)) from None
        wanted = self._chooser.posture(pose)
        good_since = math.inf
        while self._now - good_since < config.rest:
            if self._now - begin > config.time:
                raise _End(
                    "aborted", f"the body did not get to height {pose.height:+.2f} m, pitch {pose.pitch:+.2f} rad"
                )
            self._body = pose
            here = self._measure.posture
            there = abs(here.height - wanted.height) < config.height and abs(here.pitch - wanted.pitch) < config.angle
            good_since = min(good_since, self._now) if there else math.inf
            self._check_seen(far=True)
            self.progress = min((self._now - begin) / config.time, 1.0)
            yield

    def _grasp(self) -> Generator[None, None, str]:
        """Let the policy work until an object is held up; returns why it is not, or nothing."""
        begin, config = self._now, self._config.approach
        watch = GripMonitor(self._config, self._gripper)
        self._policy.reset()
        previous = goal = self._target if self._target is not None else self._measure.arm
        tick = 0
        while self._now - begin <= config.time:
            measure = self._measure
            near = self._distance() < config.near
            watch.update(measure.now, self._tool(), float(measure.arm[5]), float(measure.effort[5]), near)
            self.lift = watch.lift
            if watch.held_up(measure.now):
                return self._why_not_lifted(watch)
            if watch.closed_on_nothing(measure.now):
                return "the gripper closed on nothing"
            self._check_seen(far=not near and not watch.holding)
            if watch.lift > 0.5 * self._config.lift.height and self.phase == "approach":
                self._enter("verify")
            if tick % self._ticks == 0:
                previous, goal = goal, np.asarray(self._policy.act(measure.arm, self._token()), dtype=float)
            share = (tick % self._ticks + 1) / self._ticks
            self._target = previous + share * (goal - previous)
            self.progress = min((self._now - begin) / config.time, 1.0)
            tick += 1
            yield
        return "time ran out" if not watch.holding else "the object was gripped but not lifted"

    def _why_not_lifted(self, watch: GripMonitor) -> str:
        """What the camera says of a lift that the arm believes in; empty if it agrees or sees nothing."""
        self._enter("verify")
        sighting = self._tracker.target
        if sighting is None or self._age() > self._config.looking.fresh:
            return ""
        disagreement = float(np.linalg.norm(sighting.centre - self._place - watch.way))
        allowed = self._config.lift.slip
        if disagreement <= allowed or float(np.linalg.norm(sighting.centre - watch.tool)) <= allowed:
            return ""
        return f"the object was seen {disagreement:.2f} m from where the gripper should have taken it"

    def _recover(self) -> Script:
        """Open the gripper, back to the first pose."""
        self._enter("retry")
        assert self._target is not None
        opened = self._target.copy()
        opened[5] = max(opened[5], self._gripper.angle(2.0 * self._config.grip.open))
        yield from self._move(opened)
        yield from self._move(np.append(self._first[:5], opened[5]))

    def _finish(self) -> Script:
        """The object is lifted: do with it what was asked for, and end."""
        risen = f"lifted by {self.lift:.3f} m in attempt {self.attempt}"
        if self._afterwards == AfterPick.HOLD:
            raise _End("picked", risen)
        carry = self._afterwards == AfterPick.CARRY
        self._enter("carry" if carry else "hand_over")
        assert self._target is not None
        pose = np.append(self._config.poses.carry if carry else self._config.poses.hand_over, self._target[5])
        carried = np.append(self._config.poses.carry, self._target[5])
        for waypoint in plan_retreat(self._arm, self._chooser.arm_base, self._measure.posture, self._target, carried):
            yield from self._move(waypoint, holding=True)
        self._body = BodyPose()
        yield from self._move(pose, holding=True)
        if carry:
            raise _End("picked", f"{risen}; folded for carrying")
        yield from self._hand_over(risen)

    def _hand_over(self, risen: str) -> Script:
        """Wait until somebody pulls, then open."""
        config, begin, watch = self._config.hand_over, self._now, HandoverDetector(self._config.hand_over)
        while not watch.update(self._now, self._measure.arm[:5], self._measure.effort[:5]):
            self._check_held()
            if self._now - begin > config.patience:
                raise _End("picked", f"{risen}; nobody took it within {config.patience:g} s, so the arm still holds it")
            yield
        assert self._target is not None
        opened = self._target.copy()
        opened[5] = self._robot.arm.upper[5]
        begin = self._now
        while self._now - begin < config.release:
            self._target = opened
            yield
        raise _End("handed_over", f"{risen} and handed over")

    # What the script is made of.

    def _move(self, goal: Array, holding: bool = False) -> Script:
        """Lead the arm to a pose (6,), all joints together; with an object, end as missed when it falls out."""
        assert self._target is not None
        start = self._target
        travel = float(np.max(np.abs(goal - start)))
        duration = max(1.875 * travel / self._config.approach.speed, self._control)  # peak speed of a minimum jerk
        begin, share = self._now, 0.0
        while share < 1.0:
            self.progress = share = min((self._now - begin) / duration, 1.0)
            self._target = start + smooth(share) * (goal - start)
            if holding:
                self._check_held()
            yield

    def _check_seen(self, far: bool) -> None:
        """End if the object is out of sight, unless the gripper may hide it."""
        age = self._age()
        if far and age > self._config.approach.lost:
            raise _End("lost", f"the object was last seen {age:.1f} s ago: it was moved, or is out of view")

    def _check_held(self) -> None:
        """End if nothing is between the jaws any more."""
        if self._gripper.gap(float(self._measure.arm[5])) < self._config.grip.gap:
            raise _End("lost", "the object fell out of the gripper")

    def _check_follows(self) -> None:
        """End if the arm is not where it is sent: blocked, or moved by somebody else. The gripper does not count."""
        config = self._config.approach
        target, arm = self._target, self._measure.arm
        behind = target is not None and bool(np.any(np.abs(arm - target)[:5] > config.behind))
        self._behind_since = min(self._behind_since, self._now) if behind else math.inf
        if self._now - self._behind_since > config.follow:
            raise _End("aborted", "the arm does not follow: is it blocked, or does something else move it?")

    def _note_place(self) -> None:
        """Take in where the object is. A policy learned with what was seen before the arm came into view."""
        assert self._tracker.target is not None
        self._place, self._size = self._tracker.place(), self._tracker.target.size

    def _token(self) -> Array:
        posture = self._measure.posture
        centre = self._chooser.arm_base.from_reference(posture.to_base(self._place))
        return object_token(centre, self._size, self._chooser.arm_base.rotation.T @ posture.gravity)

    def _start_pose(self) -> Array:
        """Where the policy begins.

        One that sees begins looking. Another begins here if it learned to begin near here, else stowed, clear of what
        lies ahead.
        """
        assert self._target is not None
        if self._looks is not None:
            return np.append(self._looks.pose(float(self._token()[2])), self._target[5])
        poses = self._robot.arm.poses
        for name in ("home", "stow"):
            if np.all(np.abs(self._target - poses[name])[:5] <= START_NOISE):
                return self._target
        return np.asarray(poses["stow"])

    def _tool(self) -> Array:
        """gripper_frame in the level frame, (3,) m."""
        return self._measure.posture.to_level(
            self._chooser.arm_base.to_reference(self._arm.forward(self._measure.arm)[0])
        )

    def _distance(self) -> float:
        """From gripper_frame to the object, m."""
        return float(np.linalg.norm(self._tool() - self._place))

    def _age(self) -> float:
        """Of the newest sighting of the chosen object, s; infinite without one, or if it lies ahead of now."""
        age = math.inf if self._tracker.target is None else self._now - self._tracker.target.stamp
        return age if age >= -self._control else math.inf

    def _enter(self, phase: str) -> None:
        self.phase, self.progress = phase, 0.0

    @property
    def _measure(self) -> PickInput:
        assert self._measured is not None, "step has brought a measurement before the script runs"
        return self._measured

    @property
    def _now(self) -> float:
        return self._measure.now
