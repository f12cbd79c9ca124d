"""May anything move? The safety supervisor's last heartbeat, and whether it is recent enough to count."""

from typing import Optional, Tuple

UNSUPERVISED = "no heartbeat from the safety supervisor yet"
"""Reason where no heartbeat has ever been received. The supervisor recognises a new gate by it."""


def is_fresh(now: float, arrival: float, stamp: float, timeout: float) -> bool:
    """Whether a message still counts at ``now``: neither its arrival nor its stamp is further away than ``timeout``.

    All times are in s on one clock. The stamp reveals a message that was delayed on its way. After a clock has jumped,
    forward or back, whatever was received before the jump is too old.
    """
    return abs(now - arrival) <= timeout and abs(now - stamp) <= timeout


class SafetyPermission:
    """Keeps the newest safety/state. Motion is allowed only while that is recent and allows it.

    Not tied to a thread: each heartbeat is stored by a single assignment.

    Args:
        timeout: s, the age above which a heartbeat no longer allows motion; see safety.yaml.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._heartbeat: Optional[Tuple[float, float, bool, str]] = None

    def update(self, now: float, stamp: float, motion_allowed: bool, reason: str) -> None:
        """Store a heartbeat.

        Args:
            now: s, when it was received.
            stamp: s on the same clock, the legs/state (or arm/state) that it takes into account. Where stamps belong to
                another clock, pass ``now``.
            motion_allowed, reason: as in SafetyState.msg, reasons joined.
        """
        self._heartbeat = (now, stamp, motion_allowed, reason)

    @property
    def refusal(self) -> str:
        """Why the newest heartbeat does not allow motion, whatever its age; empty if it does."""
        if self._heartbeat is None:
            return UNSUPERVISED
        _, _, allowed, reason = self._heartbeat
        return "" if allowed else f"motion not allowed: {reason or 'no reason given'}"

    def is_recent(self, now: float) -> bool:
        """Whether a heartbeat is recent at ``now`` (s), whether or not it allows motion."""
        heartbeat = self._heartbeat
        return heartbeat is not None and is_fresh(now, heartbeat[0], heartbeat[1], self._timeout)

    def objection(self, now: float) -> str:
        """Why motion is not allowed at ``now`` (s); empty if it is."""
        if self._heartbeat is None or self.is_recent(now):
            return self.refusal
        return f"the safety supervisor's heartbeat is missing for more than {self._timeout:g} s: is it running?"
