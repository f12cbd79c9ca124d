"""Lockstep: the simulation waits for the controllers, so that results do not depend on the speed of the machine."""

import threading
import time
from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Sequence

POLL = 0.02
"""s of wall time between checks, while waiting, whether the publishers are still connected."""


@dataclass
class _Channel:
    connected: Callable[[], bool]
    active: bool = False
    stamp: float = 0.0
    count: int = 0
    seen: int = 0


class Lockstep:
    """Tracks which topics have a publisher and which messages arrived on them.

    Lockstep waits for a topic only after the first message from its current publisher. If a connected publisher sends
    nothing for ``patience`` seconds of wall time, lockstep logs a warning and ignores the topic until the next message.
    """

    def __init__(
        self, channels: Mapping[str, Callable[[], bool]], warn: Callable[[str], None], patience: float = 10.0
    ) -> None:
        """Args: for each topic a function that returns whether it has a publisher; a logger; patience in s."""
        self._channels: Dict[str, _Channel] = {name: _Channel(connected) for name, connected in channels.items()}
        self._warn, self._patience = warn, patience
        self._clients: List[str] = []
        self._changed = threading.Condition()

    @property
    def clients(self) -> Sequence[str]:
        """Names of the channels that joined later."""
        return tuple(self._clients)

    def join(self, name: str, connected: Callable[[], bool]) -> None:
        """Add a channel to those given at the start; ignored if it exists. Called from any thread."""
        with self._changed:
            if name not in self._channels:
                self._channels[name] = _Channel(connected)
                self._clients.append(name)

    def received(self, name: str, stamp: float) -> None:
        """Register a message of topic ``name`` with its stamp (s). Called from any thread."""
        with self._changed:
            channel = self._channels[name]
            # A publisher that was given up and repeats the same stamp is still ignored.
            channel.active = channel.active or stamp > channel.stamp or not stamp
            channel.stamp = max(channel.stamp, stamp)  # messages may arrive out of order
            channel.count += 1
            self._changed.notify_all()

    def wait(self, oldest: Mapping[str, float]) -> bool:
        """Wait until the given topics are up to date.

        Args:
            oldest: topics to wait for, each with the stamp (s) that its latest message must have reached;
                minus infinity accepts any message since the last `wait`.

        Returns:
            Whether any of the topics was active.
        """
        deadline = time.monotonic() + self._patience
        with self._changed:
            for name in oldest:
                self._drop_if_gone(name)
            any_active = any(self._channels[name].active for name in oldest)
            while True:
                late = [name for name, stamp in oldest.items() if self._is_late(self._channels[name], stamp)]
                if not late:
                    break
                if time.monotonic() > deadline:
                    self._give_up(late)
                    break
                self._changed.wait(POLL)
                for name in late:
                    self._drop_if_gone(name)
            for channel in self._channels.values():
                channel.seen = channel.count
        return any_active

    @staticmethod
    def _is_late(channel: _Channel, stamp: float) -> bool:
        if not channel.active:
            return False
        return channel.count == channel.seen if stamp == float("-inf") else channel.stamp < stamp - 1e-6

    def _drop_if_gone(self, name: str) -> None:
        channel = self._channels[name]
        if channel.active and not channel.connected():
            channel.active = False

    def _give_up(self, late: list) -> None:
        for name in late:
            self._channels[name].active = False
        self._warn(f"no message for {self._patience:g} s, the simulation continues without: {', '.join(late)}")
