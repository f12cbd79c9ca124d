"""The velocity mux: one of several sources drives, within limits, and only while motion is allowed."""

import math
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from xdog.safety.mux_config import MuxConfig
from xdog.safety.permission import SafetyPermission

Velocity = Tuple[float, float, float]
"""vx (m/s), vy (m/s), wz (rad/s) in base_footprint."""

ZERO: Velocity = (0.0, 0.0, 0.0)
NEUTRAL = 1e-3
"""Commands up to this size (m/s, rad/s) count as rest: a released stick, not a held one."""

LONGEST_STEP = 0.1
"""s. A longer tick counts as this long, so that a stall doesn't turn into a jump of the velocity."""


def is_neutral(velocity: Velocity) -> bool:
    """Whether a command is zero, up to NEUTRAL."""
    return all(abs(value) <= NEUTRAL for value in velocity)


@dataclass
class _Source:
    """The last message of a source.

    Attributes:
        received: when, s.
        velocity: None if it was refused.
        held: it commanded motion during a lock and has not been neutral since.
    """

    received: float = -math.inf
    velocity: Optional[Velocity] = None
    held: bool = False


@dataclass(frozen=True)
class MuxOutput:
    """The mux's output in one tick.

    Attributes:
        velocity: the safe velocity; exactly zero while locked.
        active: the source that drives, empty if none.
        lock: why the mux is locked, empty if it is not.
        inputs_neutral: no source commands motion.
    """

    velocity: Velocity
    active: str
    lock: str
    inputs_neutral: bool


class VelocityMux:
    """Chooses, limits and smooths. Times are in s on one clock, given by the caller."""

    def __init__(self, config: MuxConfig) -> None:
        self._config = config
        self._sources: Dict[str, _Source] = {name: _Source() for name in config.priorities}
        self._order = sorted(config.priorities, key=lambda name: -config.priorities[name])
        self._permission = SafetyPermission(config.heartbeat_timeout)
        self._velocity = ZERO
        self._last_tick: Optional[float] = None

    def on_safety(self, now: float, motion_allowed: bool, reason: str) -> None:
        """A safety/state was received at ``now``. Its stamp belongs to another clock and is ignored."""
        self._note_held(now)
        self._permission.update(now, now, motion_allowed, reason)
        self._note_held(now)

    def on_velocity(self, now: float, source: str, components: Tuple[float, ...]) -> str:
        """A Twist of ``source`` was received at ``now``.

        Args:
            now: s.
            source: a name of mux.yaml's priorities.
            components: linear x, y, z (m/s) and angular x, y, z (rad/s). Only linear x, y and angular z are used.

        Returns:
            Why the message was refused; empty if it was not. A refused source counts as not publishing.
        """
        state = self._sources[source]
        if state.held and now - state.received > self._config.timeout:
            state.held = False
        state.received = now
        if not all(math.isfinite(value) for value in components):
            state.velocity = None
            return f"refused a Twist from {source}: it contains a value that is not finite"
        state.velocity = (components[0], components[1], components[5])
        if is_neutral(state.velocity):
            state.held = False
        self._note_held(now)
        return ""

    def tick(self, now: float) -> MuxOutput:
        """The safe velocity at ``now``; to be called at a constant rate."""
        self._note_held(now)
        step = 0.0 if self._last_tick is None else min(max(now - self._last_tick, 0.0), LONGEST_STEP)
        self._last_tick = now
        fresh = [name for name in self._order if self._fresh(now, self._sources[name])]
        neutral = all(is_neutral(self._sources[name].velocity or ZERO) for name in fresh)
        lock = self._permission.objection(now)
        if lock:
            self._velocity = ZERO
            return MuxOutput(ZERO, "", lock, neutral)
        active = next((name for name in fresh if not self._sources[name].held), "")
        wanted = (self._sources[active].velocity or ZERO) if active else ZERO
        limits, acceleration = self._config.limits, self._config.acceleration
        self._velocity = (
            _approach(self._velocity[0], wanted[0], limits.vx, acceleration.vx * step),
            _approach(self._velocity[1], wanted[1], limits.vy, acceleration.vy * step),
            _approach(self._velocity[2], wanted[2], limits.wz, acceleration.wz * step),
        )
        return MuxOutput(self._velocity, active, "", neutral)

    def _fresh(self, now: float, source: _Source) -> bool:
        return source.velocity is not None and abs(now - source.received) <= self._config.timeout

    def _note_held(self, now: float) -> None:
        """During a lock, mark the sources that command motion: they must become neutral before they count again."""
        if self._permission.objection(now):
            for source in self._sources.values():
                source.held = source.held or (self._fresh(now, source) and not is_neutral(source.velocity or ZERO))


def _approach(present: float, wanted: float, limit: float, step: float) -> float:
    """Move by ``step`` at most from ``present`` towards ``wanted``, which is clipped to +-``limit``."""
    target = min(max(wanted, -limit), limit)
    return min(max(target, present - step), present + step)
