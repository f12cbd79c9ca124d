"""The gait policy's observation: one function that training (torch) and robot (numpy) both call.

Every array has a leading dimension n, the number of robots (1 on the robot). ``xp`` is the array library of the
inputs: the numpy or the torch module.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from xdog.core.config_file import at_least
from xdog.locomotion.gait import GaitState

Array = Any  # numpy.ndarray or torch.Tensor: the functions below use only what both have


@dataclass(frozen=True)
class Term:
    """One part of the observation: the quantity's name, its scale, and how many control steps of it."""

    name: str
    scale: float
    history: int = field(default=1, metadata=at_least(1))


@dataclass(frozen=True)
class Measurements:
    """The measurements and commands of one control step.

    Attributes:
        angular_velocity: (n, 3) rad/s, base frame.
        gravity: (n, 3) unit vector of gravity in the base frame; (0, 0, -1) when level.
        command: (n, 3) vx m/s, vy m/s, wz rad/s.
        position: (n, 12) joint positions minus the default pose, rad.
        velocity: (n, 12) joint velocities, rad/s.
        last_action: (n, 12) the policy's previous raw output.
        gait: phase, amplitude and command of the reference trot.
    """

    angular_velocity: Array
    gravity: Array
    command: Array
    position: Array
    velocity: Array
    last_action: Array
    gait: GaitState


def _phase_pair(m: Measurements, xp: Any) -> Array:
    angle = 2.0 * math.pi * m.gait.phase
    return xp.stack([xp.sin(angle), xp.cos(angle)], -1) * m.gait.amplitude[:, None]


TERMS: Mapping[str, Tuple[int, Callable[[Measurements, Any], Array]]] = {
    "angular_velocity": (3, lambda m, xp: m.angular_velocity),
    "gravity": (3, lambda m, xp: m.gravity),
    "command": (3, lambda m, xp: m.command),
    "position": (12, lambda m, xp: m.position),
    "velocity": (12, lambda m, xp: m.velocity),
    "last_action": (12, lambda m, xp: m.last_action),
    "gait_phase": (2, _phase_pair),
    "gait_command": (3, lambda m, xp: m.gait.command),
}
"""Width and source of every quantity that an observation may contain."""


class ObservationBuilder:
    """Builds observations term by term, each with its scale and its history (newest first).

    Args:
        terms: of the policy's observation, in order.

    Raises:
        ValueError: an unknown term, a repeated one, or a history shorter than one step.
    """

    def __init__(self, terms: Sequence[Term]) -> None:
        names = [term.name for term in terms]
        unknown = sorted(set(names) - set(TERMS))
        if unknown:
            raise ValueError(f"unknown observation terms: {', '.join(unknown)}; known: {', '.join(sorted(TERMS))}")
        if len(set(names)) != len(names):
            raise ValueError(f"an observation term is listed twice: {', '.join(names)}")
        if not terms or min(term.history for term in terms) < 1:
            raise ValueError("an observation needs at least one term, and every history at least one step")
        self.terms = tuple(terms)
        self.depth = max(term.history for term in terms)
        self.frame_size = sum(TERMS[name][0] for name in names)
        self._pieces = self._slices()
        self.size = sum(piece.stop - piece.start for piece in self._pieces)

    def _slices(self) -> List[slice]:
        """The slices of the flattened (depth, frame_size) history that make up the observation, in its order."""
        pieces: List[slice] = []
        start = 0
        for term in self.terms:
            width = TERMS[term.name][0]
            for age in range(term.history):
                begin = age * self.frame_size + start
                if pieces and pieces[-1].stop == begin:
                    begin = pieces.pop().start
                pieces.append(slice(begin, age * self.frame_size + start + width))
            start += width
        return pieces

    def layout(self) -> Dict[str, slice]:
        """Which slice of the observation each term fills."""
        slices, start = {}, 0
        for term in self.terms:
            stop = start + TERMS[term.name][0] * term.history
            slices[term.name] = slice(start, stop)
            start = stop
        return slices

    def frame(self, measurements: Measurements, xp: Any) -> Array:
        """One step's scaled quantities, (n, frame_size)."""
        parts = [TERMS[term.name][1](measurements, xp) * term.scale for term in self.terms]
        return xp.concatenate(parts, -1)

    def start(self, frame: Array, xp: Any) -> Array:
        """A history (n, depth, frame_size) filled with the first frame, as after a reset."""
        return xp.stack([frame] * self.depth, 1)

    def push(self, history: Array, frame: Array, xp: Any) -> Array:
        """The history with ``frame`` as its newest entry, without the oldest one."""
        return xp.concatenate([frame[:, None], history[:, :-1]], 1)

    def observe(self, history: Array, xp: Any) -> Array:
        """The observation (n, size), the policy's input."""
        flat = history.reshape(history.shape[0], -1)
        return xp.concatenate([flat[:, piece] for piece in self._pieces], -1)
