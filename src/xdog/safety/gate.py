"""The bridge's gate: the last check between a command and the legs' actuators; arm_gate.py is that of the arm.

A target passes only with a fresh heartbeat of the safety supervisor and a fresh, valid command; it is then finite and
within the body's limits. Otherwise the legs are damped (kp 0, kd > 0).

The methods may be called from different threads: each stores its result in a single assignment.
"""

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import numpy as np

from xdog.core.description import JointGroup, RobotDescription
from xdog.core.interfaces import LegsTarget
from xdog.safety.config import GateConfig
from xdog.safety.permission import SafetyPermission, is_fresh

Array = np.ndarray

INVALID_COMMAND = "invalid command:"
"""Start of the reason when the gate has refused a command: the supervisor latches a stop on it."""

JUST_STARTED = "the bridge has just started"
"""Reason of a gate that has not decided yet. Like `UNSUPERVISED`, it means that no supervisor ran before."""


@dataclass(frozen=True)
class GateOutput:
    """What the bridge writes to the leg actuators in this step.

    Attributes:
        target: targets in the order of the description's legs.
        active: True while the command is followed, False while damping.
        reason: why the gate damps; empty while active.
        warning: what had to be clipped in the command; empty if nothing.
    """

    target: LegsTarget
    active: bool
    reason: str
    warning: str


def check_command(group: JointGroup, names: Sequence[str], columns: Sequence[Tuple[str, Sequence[float]]]) -> Array:
    """Bring a command's columns into the order of the group.

    Args:
        group: the joints to be commanded, each exactly once.
        names: joint names in the command's order.
        columns: (label, values) with one value for each name.

    Returns:
        Array (len(columns), n) in the group's order.

    Raises:
        ValueError: wrong lengths, an unknown, missing or repeated joint, or a value that is not finite.
    """
    unknown = sorted(set(names).difference(group.names))
    if unknown:
        raise ValueError(f"unknown joint {', '.join(unknown)}")
    missing = [name for name in group.names if name not in names]
    if missing:
        raise ValueError(f"joint {', '.join(missing)} is missing")
    if len(names) != len(group.names):
        raise ValueError(f"{len(names)} names for {len(group.names)} joints, so some are repeated")
    table = np.empty((len(columns), len(names)))
    for row, (label, values) in zip(table, columns):
        if len(values) != len(names):
            raise ValueError(f"{len(values)} values of {label} for {len(names)} joints")
        row[:] = values
    table = table[:, group.indices(names)]
    bad = np.argwhere(~np.isfinite(table))
    if bad.size:
        column, joint = bad[0]
        raise ValueError(f"{columns[column][0]} of {group.names[joint]} is {table[column, joint]}")
    return table


WORTH_A_WARNING = 0.01
"""Clipping up to this size is noise or rounding and not reported: rad, rad/s, Nm, Nm/rad, Nm s/rad."""


def outside(group: JointGroup, label: str, wrong: Array) -> str:
    """A warning that names the joints where ``wrong`` (n,) is True; empty if there are none."""
    names = [name for name, flag in zip(group.names, wrong) if flag]
    return f"{label} out of limits: {', '.join(names)}" if names else ""


class CommandGate:
    """Decides in every bridge step what is sent to the leg actuators."""

    def __init__(self, robot: RobotDescription, config: GateConfig) -> None:
        self._legs = robot.legs
        self._max_kp, self._max_kd = robot.max_kp, robot.max_kd
        self._damp = robot.leg_gains["damp"]
        self._config = config
        self._permission = SafetyPermission(config.heartbeat_timeout)
        self._command: Optional[Tuple[float, float, LegsTarget, str]] = None
        self._invalid = ""
        self._position = np.clip(np.zeros(len(self._legs.names)), self._legs.lower, self._legs.upper)
        self._open = False
        self._applied = 0.0

    def on_safety(self, now: float, stamp: float, motion_allowed: bool, reason: str) -> None:
        """Store a heartbeat of the safety supervisor, stamped ``stamp`` (s) and received at ``now`` (s)."""
        self._permission.update(now, stamp, motion_allowed, reason)
        if not motion_allowed:
            self._invalid = ""  # the supervisor has taken over; its latch now keeps the legs damped

    def on_command(
        self,
        now: float,
        stamp: float,
        names: Sequence[str],
        position: Sequence[float],
        velocity: Sequence[float],
        effort: Sequence[float],
        kp: Sequence[float],
        kd: Sequence[float],
    ) -> None:
        """Store a legs/command that was received at ``now`` (s) and answers the legs/state of ``stamp`` (s).

        Units are those of the message. An invalid command is refused as a whole, and the legs are damped until the
        supervisor has latched a stop and been reset, whatever is commanded in the meantime.
        """
        columns = (("position", position), ("velocity", velocity), ("effort", effort), ("kp", kp), ("kd", kd))
        try:
            table = check_command(self._legs, names, columns)
        except (TypeError, ValueError) as error:
            self._invalid = f"{INVALID_COMMAND} {error}"
            self._command = None
            return
        legs = self._legs
        zero = np.zeros(len(legs.names))
        limits = (
            (legs.lower, legs.upper),
            (-legs.velocity, legs.velocity),
            (-legs.effort, legs.effort),
            (zero, zero + self._max_kp),
            (zero, zero + self._max_kd),
        )
        clipped = np.array([np.clip(row, low, high) for row, (low, high) in zip(table, limits)])
        cut = np.abs(clipped - table) > WORTH_A_WARNING
        warnings = (outside(legs, label, flags) for (label, _), flags in zip(columns, cut))
        self._command = (now, stamp, LegsTarget(*clipped), "; ".join(filter(None, warnings)))

    def apply(self, now: float, measured_position: Array) -> GateOutput:
        """What is sent to the actuators at ``now`` (s).

        Args:
            now: s, on the clock of the other calls.
            measured_position: (12,) rad. Where it is not finite, the last finite value replaces it and the legs damp.
        """
        command = self._command
        finite = np.isfinite(measured_position)
        measured = np.clip(np.where(finite, measured_position, self._position), self._legs.lower, self._legs.upper)
        reason = self._objection(now, command)
        if not reason and not finite.all():
            reason = "measured joint positions are not finite"
        if reason or command is None:
            self._position, self._open = measured, False
            return GateOutput(self._damping(measured), False, reason, "")
        _, _, wanted, warning = command
        start, elapsed = (self._position, max(now - self._applied, 0.0)) if self._open else (measured, 0.0)
        step = self._config.max_target_rate * elapsed
        self._position, self._open, self._applied = np.clip(wanted.position, start - step, start + step), True, now
        target = LegsTarget(self._position, wanted.velocity, wanted.effort, wanted.kp, wanted.kd)
        return GateOutput(target, True, "", warning)

    def _objection(self, now: float, command: Optional[Tuple[float, float, LegsTarget, str]]) -> str:
        """Why the legs must be damped at ``now`` (s); empty if the command may pass."""
        forbidden = self._invalid or self._permission.objection(now)
        if forbidden:
            return forbidden
        if command is None:
            return "no legs/command yet"
        if not is_fresh(now, command[0], command[1], self._config.command_timeout):
            return f"legs/command is missing for more than {self._config.command_timeout:g} s"
        return ""

    def _damping(self, position: Array) -> LegsTarget:
        zero = np.zeros(len(self._legs.names))
        return LegsTarget(position, zero, zero, zero + self._damp.kp, zero + self._damp.kd)
