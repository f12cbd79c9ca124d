"""Picking up an object: look, take a stance, let the policy work, believe only what was verified, try again.

The script below is read from top to bottom: it is a generator that sets the command of one control period and goes on
when the next measurement has come. Whatever ends it early is a `PickEnd` with an outcome.
"""

from typing import Generator, Optional, Sequence

import numpy as np

from xdog.core.description import RobotDescription
from xdog.core.onnx_session import PolicyError
from xdog.core.timers import HoldTimer
from xdog.grasp.conditions import TrainingConditions
from xdog.grasp.config import PickConfig
from xdog.grasp.grip_monitor import GripMonitor
from xdog.grasp.handover import HandoverDetector
from xdog.grasp.object_tracker import TrackedDetection
from xdog.grasp.pick_context import PickContext, Script
from xdog.grasp.pick_types import AfterPick, GraspingPolicy, PickCommand, PickEnd, PickInput, PickOutcome
from xdog.grasp.retreat import plan_retreat
from xdog.grasp.stance_planner import OutOfReachError, StancePlanner
from xdog.locomotion.stance import BodyPose

Array = np.ndarray

PHASES = ("looking", "stance", "approach", "verify", "retry", "carry", "hand_over")


class PickTask:
    """One request to pick an object up. Call `see` with detections and `step` once a control period.

    Args:
        robot: its description.
        config: pick.yaml.
        policy: what grasps.
        period: s, the policy's.
        conditions: in which the policy was trained.
        planner: of stances.
        label: class of the object, empty for the nearest.
        after: what to do with it.

    Attributes:
        phase: one of PHASES.
        attempt: counted from 1; 0 before the first.
        lift: m that the gripper has risen with what it holds.
        outcome: None while it goes on.
        failure: the error that ended it, if one did that nobody foresaw.
    """

    def __init__(
        self,
        robot: RobotDescription,
        config: PickConfig,
        policy: GraspingPolicy,
        period: float,
        conditions: TrainingConditions,
        planner: StancePlanner,
        label: str,
        after: AfterPick,
    ) -> None:
        self.phase, self.attempt, self.lift = PHASES[0], 0, 0.0
        self.outcome: Optional[PickOutcome] = None
        self.failure: Optional[Exception] = None
        self._arm, self._config, self._policy, self._planner = robot.arm, config, policy, planner
        self._conditions, self._label, self._after = conditions, label, after
        self._context = PickContext(robot, config)
        self._policy_steps = round(period / self._context.control)
        self._body: Optional[BodyPose] = None
        self._start = np.zeros(6)
        self._script = self._pick()

    @property
    def progress(self) -> float:
        """Share of the present phase, 0 to 1."""
        return self._context.progress

    def see(self, detections: Sequence[TrackedDetection]) -> None:
        """Take in the newest detections, in the level frame."""
        self._context.see(detections)

    def step(self, measured: PickInput) -> PickCommand:
        """The command of this control period; once `outcome` is set there is none."""
        if self.outcome is None:
            self._body = None
            try:
                self._context.update(measured)
                next(self._script)
            except PickEnd as end:
                self.outcome = end.outcome
            except PolicyError as error:
                self.outcome = PickOutcome(False, "aborted", str(error))
            except Exception as error:  # any error ends the generator, and the caller waits for an outcome
                self.failure = error
                text = f"an error in the program: {type(error).__name__}: {error}"
                self.outcome = PickOutcome(False, "aborted", text)
        if self.outcome is not None:
            return PickCommand(None, None)
        return PickCommand(self._context.command, self._body)

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
                self._start = self._start_pose()
            yield from self._context.move(self._start)
            self._context.note_place()
            reason = yield from self._grasp()
            if not reason:
                yield from self._finish()
        self._body = BodyPose()
        yield from self._recover()
        raise PickEnd("missed", f"tried {self._config.attempts} times; the last time {reason}")

    def _look(self) -> Script:
        """Choose the object and wait until it was seen often enough to be sure of its place."""
        self._enter("looking")
        context, config = self._context, self._config.looking
        begin, tracker = context.now, context.tracker
        tracker.forget()
        while not (tracker.steady and context.age <= config.fresh):
            if context.now - begin > config.time:
                what = self._label or "object"
                raise PickEnd("lost", f"no {what} was seen for {config.time:g} s: is it in view of the camera?")
            if tracker.target is not None and context.age > config.fresh:
                tracker.forget()
            fresh = [s for s in context.detections if -context.control <= context.now - s.stamp <= config.fresh]
            tracker.choose(fresh, self._label, context.measured.trunk.to_level(np.zeros(3)))
            context.progress = min((context.now - begin) / config.time, 1.0)
            yield
        context.note_place()
        context.command = context.sent

    def _take_stance(self) -> Script:
        self._enter("stance")
        context, config = self._context, self._config.stance
        try:
            pose = self._planner.choose(context.place, context.size)
        except OutOfReachError as error:
            raise PickEnd("unreachable", str(error)) from None
        wanted = self._planner.trunk_pose(pose)
        begin, arrived = context.now, HoldTimer()
        while True:
            if context.now - begin > config.time:
                text = f"the body did not get to height {pose.height:+.2f} m, pitch {pose.pitch:+.2f} rad"
                raise PickEnd("aborted", text)
            self._body = pose
            here = context.measured.trunk
            there = abs(here.height - wanted.height) < config.height and abs(here.pitch - wanted.pitch) < config.angle
            if arrived.update(context.now, there, config.rest):
                return
            context.check_seen(far=True)
            context.progress = min((context.now - begin) / config.time, 1.0)
            yield

    def _grasp(self) -> Generator[None, None, str]:
        """Let the policy work until an object is held up; returns why it is not, or nothing."""
        context, config = self._context, self._config.approach
        begin, monitor = context.now, GripMonitor(self._config, context.gripper)
        self._policy.reset()
        previous = goal = context.sent
        count = 0
        while context.now - begin <= config.time:
            measured, near = context.measured, context.distance < config.near
            monitor.update(measured.now, context.tool, float(measured.arm[5]), float(measured.effort[5]), near)
            self.lift = monitor.lift
            if monitor.held_up:
                return self._contradiction(monitor)
            if monitor.closed_on_nothing:
                return "the gripper closed on nothing"
            context.check_seen(far=not near and not monitor.holding)
            if monitor.lift > 0.5 * self._config.lift.height and self.phase == "approach":
                self._enter("verify")
            if count % self._policy_steps == 0:
                previous, goal = goal, np.asarray(self._policy.act(measured.arm, context.features), dtype=float)
            share = (count % self._policy_steps + 1) / self._policy_steps
            context.command = previous + share * (goal - previous)
            context.progress = min((context.now - begin) / config.time, 1.0)
            count += 1
            yield
        return "time ran out" if not monitor.holding else "the object was gripped but not lifted"

    def _contradiction(self, monitor: GripMonitor) -> str:
        """What the camera says against a lift that the arm believes in; empty if it agrees or sees nothing."""
        self._enter("verify")
        context, allowed = self._context, self._config.lift.slip
        seen = context.tracker.target
        if seen is None or context.age > self._config.looking.fresh:
            return ""
        difference = float(np.linalg.norm(seen.centre - context.place - monitor.displacement))
        if difference <= allowed or float(np.linalg.norm(seen.centre - monitor.tool)) <= allowed:
            return ""
        return f"the object was seen {difference:.2f} m from where the gripper should have taken it"

    def _recover(self) -> Script:
        """Open the gripper, back to the first pose."""
        self._enter("retry")
        context = self._context
        opened = context.sent.copy()
        opened[5] = max(opened[5], context.gripper.angle(2.0 * self._config.grip.open))
        yield from context.move(opened)
        yield from context.move(np.append(self._start[:5], opened[5]))

    def _finish(self) -> Script:
        """The object is lifted: do with it what was asked for, and end."""
        lifted = f"lifted by {self.lift:.3f} m in attempt {self.attempt}"
        if self._after == AfterPick.HOLD:
            raise PickEnd("picked", lifted)
        carry = self._after == AfterPick.CARRY
        self._enter("carry" if carry else "hand_over")
        context, poses = self._context, self._config.poses
        last = context.sent
        carried = np.append(poses.carry, last[5])
        for pose in plan_retreat(context.kinematics, context.arm_base, context.measured.trunk, last, carried):
            yield from context.move(pose, holding=True)
        self._body = BodyPose()
        yield from context.move(np.append(poses.carry if carry else poses.hand_over, last[5]), holding=True)
        if carry:
            raise PickEnd("picked", f"{lifted}; folded for carrying")
        yield from self._hand_over(lifted)

    def _hand_over(self, lifted: str) -> Script:
        """Wait until a person pulls, then open."""
        context, config = self._context, self._config.hand_over
        begin, detector = context.now, HandoverDetector(config)
        while not detector.update(context.now, context.measured.arm[:5], context.measured.effort[:5]):
            context.check_held()
            if context.now - begin > config.patience:
                text = f"{lifted}; nobody took it within {config.patience:g} s, so the arm still holds it"
                raise PickEnd("picked", text)
            yield
        opened = context.sent.copy()
        opened[5] = self._arm.upper[5]
        begin = context.now
        while context.now - begin < config.release:
            context.command = opened
            yield
        raise PickEnd("handed_over", f"{lifted} and handed over")

    def _start_pose(self) -> Array:
        """Where the policy begins.

        One that needs images begins where it has the object in view. Another begins here if it has learned to begin
        near here, else stowed, clear of what lies ahead.
        """
        context, views = self._context, self._conditions.view_poses
        here = context.sent
        if views is not None:
            return np.append(views.pose(float(context.features[2])), here[5])
        for name in ("home", "stow"):
            if np.all(np.abs(here - self._arm.poses[name])[:5] <= self._conditions.start_noise):
                return here
        return np.asarray(self._arm.poses["stow"])

    def _enter(self, phase: str) -> None:
        self.phase, self._context.progress = phase, 0.0
