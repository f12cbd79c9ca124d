"""A course: phases that a robot carries out, read from a YAML file and followed step by step."""

from dataclasses import dataclass, field
from typing import Literal, Mapping, Optional, Tuple

from xdog.core.config_file import NOT_NEGATIVE, POSITIVE

Triple = Tuple[float, float, float]

REACHED: Mapping[str, str] = {"stand": "standing", "walk": "walking", "lie_down": "damped"}
"""The locomotion state in which a request has been carried out."""
TRANSITION_TIMEOUT = 10.0
"""Simulated seconds within which the legs must reach a requested state."""


class CourseFailedError(RuntimeError):
    """The robot did not do what the course requires."""


@dataclass(frozen=True)
class Push:
    """A shove: ``at`` seconds into its phase the trunk's velocity changes by ``delta``, m/s along its own axes."""

    at: float = field(metadata=NOT_NEGATIVE)
    delta: Triple


@dataclass(frozen=True)
class Phase:
    """One phase of a course: legs "stand", "walk" or "lie_down"; velocity vx, vy (m/s), wz (rad/s); duration s."""

    label: str
    legs: Literal["stand", "walk", "lie_down"]
    duration: float = field(metadata=POSITIVE)
    velocity: Triple = (0.0, 0.0, 0.0)
    push: Optional[Push] = None

    def __post_init__(self) -> None:
        if any(self.velocity) and self.legs != "walk":
            raise ValueError(f"velocity is {list(self.velocity)} with legs: {self.legs}; only legs: walk may have one")
        if self.push is not None and self.push.at >= self.duration:
            raise ValueError(f"push.at is {self.push.at:g} s; it must be before the phase ends, {self.duration:g} s")


@dataclass(frozen=True)
class Course:
    """Phases in order."""

    name: str
    phases: Tuple[Phase, ...]

    @property
    def duration(self) -> float:
        """Seconds of all phases, without the legs' transitions between them."""
        return sum(phase.duration for phase in self.phases)


@dataclass(frozen=True)
class CourseStep:
    """What to do at one instant.

    Attributes:
        phase: the phase that is running or being entered; None when the course is over.
        velocity: command, vx and vy in m/s, wz in rad/s.
        request: locomotion service to call now, if any.
        push: change of the trunk's velocity to cause now, m/s along the robot's own axes, if any.
    """

    phase: Optional[Phase]
    velocity: Triple
    request: Optional[str] = None
    push: Optional[Triple] = None


class CourseRunner:
    """Follows a course on simulated time and the legs' reported state.

    A phase's clock starts once the legs are in the state that it needs.
    """

    def __init__(self, course: Course) -> None:
        self._course = course
        self._index = 0
        self._requested: Optional[float] = None
        self._started: Optional[float] = None
        self._pushed = False

    def step(self, now: float, state: str) -> CourseStep:
        """What to do at simulated time ``now`` (s) with the legs in ``state`` (a name from locomotion/state).

        Raises:
            CourseFailedError: the legs do not get into the state that the phase needs, or leave it.
        """
        while self._index < len(self._course.phases):
            phase = self._course.phases[self._index]
            if self._started is None:
                return self._enter(phase, now, state)
            if state != REACHED[phase.legs]:
                raise CourseFailedError(
                    f"in the phase '{phase.label}' the legs went from {REACHED[phase.legs]} to {state}"
                )
            if now < self._started + phase.duration:
                return self._run(phase, now - self._started)
            self._index, self._requested, self._started, self._pushed = self._index + 1, None, None, False
        return CourseStep(None, (0.0, 0.0, 0.0))

    def _enter(self, phase: Phase, now: float, state: str) -> CourseStep:
        reached = state == REACHED[phase.legs]
        already = self._index > 0 and self._course.phases[self._index - 1].legs == phase.legs
        if reached and (already or self._requested is not None):
            self._started = now
            return self._run(phase, 0.0)
        if self._requested is None:
            self._requested = now
            return CourseStep(phase, (0.0, 0.0, 0.0), request=phase.legs)
        if now > self._requested + TRANSITION_TIMEOUT:
            raise CourseFailedError(
                f"'{phase.label}': {TRANSITION_TIMEOUT:.0f} s after the request '{phase.legs}' the legs are {state}"
            )
        return CourseStep(phase, (0.0, 0.0, 0.0))

    def _run(self, phase: Phase, elapsed: float) -> CourseStep:
        push = phase.push
        if push is None or self._pushed or elapsed < push.at:
            return CourseStep(phase, phase.velocity)
        self._pushed = True
        return CourseStep(phase, phase.velocity, push=push.delta)
