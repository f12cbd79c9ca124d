"""A course: what a robot is told to do, phase by phase, read from a yaml file and followed step by step."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence, Tuple

import yaml

Triple = Tuple[float, float, float]

REACHED: Mapping[str, str] = {"stand": "standing", "walk": "walking", "lie_down": "damped"}
"""The locomotion state in which a request has been carried out."""
TRANSITION_TIMEOUT = 10.0
"""Simulated seconds that a change of the legs' state may take."""


class CourseError(ValueError):
    """A course file is malformed; the message names the file and the phase."""


class CourseFailedError(RuntimeError):
    """The robot did not do what the course asks for."""


@dataclass(frozen=True)
class Push:
    """A shove: ``at`` seconds into its phase the trunk's velocity changes by ``delta``, m/s along its own axes."""

    at: float
    delta: Triple


@dataclass(frozen=True)
class Phase:
    """One stretch of a course: legs "stand", "walk" or "lie_down"; velocity vx, vy (m/s), wz (rad/s); duration s."""

    label: str
    legs: str
    duration: float
    velocity: Triple = (0.0, 0.0, 0.0)
    push: Optional[Push] = None


@dataclass(frozen=True)
class Course:
    """Phases in order."""

    name: str
    phases: Tuple[Phase, ...]

    @property
    def duration(self) -> float:
        """Seconds of all phases, the time that the legs need between them left out."""
        return sum(phase.duration for phase in self.phases)


def _triple(values: Sequence[float]) -> Triple:
    x, y, z = (float(value) for value in values)
    if not all(math.isfinite(value) for value in (x, y, z)):
        raise ValueError(f"{list(values)} is not three finite numbers")
    return (x, y, z)


def _phase(raw: Mapping[str, Any]) -> Phase:
    unknown = sorted(set(raw) - {"label", "legs", "duration", "velocity", "push"})
    if unknown:
        raise ValueError(f"unknown entries: {', '.join(unknown)}")
    push = raw.get("push")
    phase = Phase(
        label=str(raw["label"]),
        legs=str(raw["legs"]),
        duration=float(raw["duration"]),
        velocity=_triple(raw.get("velocity", (0.0, 0.0, 0.0))),
        push=None if push is None else Push(float(push["at"]), _triple(push["delta"])),
    )
    if phase.legs not in REACHED:
        raise ValueError(f"legs is {phase.legs!r}; known: {', '.join(REACHED)}")
    if any(phase.velocity) and phase.legs != "walk":
        raise ValueError("a velocity without legs: walk")
    if not phase.duration > 0.0:
        raise ValueError(f"duration is {phase.duration}")
    if phase.push is not None and not 0.0 <= phase.push.at < phase.duration:
        raise ValueError(f"the push at {phase.push.at} s lies outside its phase")
    return phase


def load_course(path: Path) -> Course:
    """Read a course file.

    Raises:
        CourseError: it is malformed; the message names file, phase and entry.
        OSError: it cannot be read.
    """
    where = str(path)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        phases: List[Phase] = []
        for number, entry in enumerate(raw["phases"], start=1):
            where = f"{path}: phase {number}"
            phases.append(_phase(entry))
        return Course(name=str(raw["name"]), phases=tuple(phases))
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        detail = f"entry {error} is missing" if isinstance(error, KeyError) else str(error)
        raise CourseError(f"{where}: {detail}") from error


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
        self._asked: Optional[float] = None
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
            self._index, self._asked, self._started, self._pushed = self._index + 1, None, None, False
        return CourseStep(None, (0.0, 0.0, 0.0))

    def _enter(self, phase: Phase, now: float, state: str) -> CourseStep:
        reached = state == REACHED[phase.legs]
        already = self._index > 0 and self._course.phases[self._index - 1].legs == phase.legs
        if reached and (already or self._asked is not None):
            self._started = now
            return self._run(phase, 0.0)
        if self._asked is None:
            self._asked = now
            return CourseStep(phase, (0.0, 0.0, 0.0), request=phase.legs)
        if now > self._asked + TRANSITION_TIMEOUT:
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
