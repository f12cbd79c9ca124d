"""Where the servos are sent: each command follows the last one within the limits, and ahead of it the way is clear."""

from typing import List, NamedTuple, Sequence

import numpy as np

from xdog.arm.collision import ArmCollision, even_path
from xdog.arm.motions import Motion, Reference
from xdog.arm.planner import CommandState
from xdog.arm.rate_limiter import RateLimiter

Array = np.ndarray


class Step(NamedTuple):
    """A next command and the speed at which it moves: (6,) rad and rad/s."""

    position: Array
    speed: Array


class ServoCommand:
    """The arm's command from its beginning, at rest, until nothing may move.

    Args:
        start: (6,) rad.
        limiter: of speed and acceleration.
        collision: knows where the legs are.
        period: s between two commands as a rule.

    Attributes:
        position, speed: the last command (6,) rad and the speed at which it moved, rad/s.
        rest: (6,) rad, where joints end up that nothing else moves.
    """

    def __init__(self, start: Array, limiter: RateLimiter, collision: ArmCollision, period: float) -> None:
        self._limiter, self._collision, self._period = limiter, collision, period
        self.restart(start)

    def restart(self, position: Array) -> None:
        """Command on from elsewhere, (6,) rad, at rest."""
        self.position, self.speed, self.rest = position, np.zeros(6), position.copy()

    @property
    def is_moving(self) -> bool:
        """Whether a joint that nothing else moves has not yet come to rest."""
        return bool(np.any(self.speed) or np.any(self.position != self.rest))

    def state(self, now: float) -> CommandState:
        """The last command at ``now`` (s) and how it would come to rest."""
        braking = self._limiter.braking(self.position, self.speed, self._period)
        return CommandState(now, self.position, self.speed, self.braked, len(braking) * self._period)

    @property
    def braked(self) -> Array:
        """Where all joints come to rest if they brake from now on, (6,) rad."""
        return self._limiter.rest(self.position, self.speed, self._period)

    def take(self, step: Step) -> Array:
        """Make a step the last command; returns it, (6,) rad."""
        self.position, self.speed = step
        return self.position

    def towards(self, reference: Reference, period: float) -> Step:
        """The next step, ``period`` s after the last one, towards a reference of all joints."""
        goal = reference.position, reference.velocity
        return Step(*self._limiter.next(self.position, self.speed, goal, reference.speed, period))

    def towards_rest(self, period: float) -> Step:
        """The next step on the way to where joints end up; a leg that gets into it too fast to brake stops the arm."""
        step = self.towards(Reference(self.rest, np.zeros(6), np.full(6, np.inf)), period)
        if not self._collision.straight_path_obstacles(self.position, step.position):
            return step
        self.rest = self.position.copy()
        return Step(self.position, np.zeros(6))

    def obstacles(self, step: Step, now: float, motions: Sequence[Motion] = ()) -> List[str]:
        """What is in the way of a step at ``now`` (s) and of slowing down afterwards."""
        if np.array_equal(step.position, self.position) and not np.any(step.speed):
            return []
        braking = self._limiter.braking(step.position, step.speed, self._period)
        times = now + self._period * np.arange(1, len(braking) + 1)
        for motion in motions:
            ahead = motion.ahead(times) if motion.outcome is None else None
            if ahead is not None:  # a path that was found clear, where braking straight on might not be
                braking[:, motion.joints] = ahead
        return self._collision.obstacles(self.position, even_path(np.vstack([self.position, step.position, braking])))

    def slide(self, step: Step, now: float, period: float) -> Step:
        """As much of a step as stays clear, joint by joint, the largest change first; the other joints brake.

        So the arm slides along what it must not touch, and can get away from it, where it would otherwise stand still.
        """
        reached = self.towards_rest(period)
        for joint in np.argsort(-np.abs(step.position - reached.position)):
            tried = Step(reached.position.copy(), reached.speed.copy())
            tried.position[joint], tried.speed[joint] = step.position[joint], step.speed[joint]
            if not self.obstacles(tried, now):
                reached = tried
        return reached
