"""Waiting for the controllers, so that what a simulated robot does depends on no machine's speed."""

import threading
import time
from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Sequence

POLL = 0.02
"""How often, while waiting, the publishers' connections are checked; s of wall time."""


@dataclass
class _Channel:
    connected: Callable[[], bool]
    active: bool = False
    stamp: float = 0.0
    count: int = 0
    seen: int = 0


class Lockstep:
    """Knows which topics have a publisher and what was received on them.

    A topic is waited for only while it has a publisher, from its first message. One whose publisher is connected but
    silent for ``patience`` seconds of wall time is given up, with a warning, until its next message.
    """

    def __init__(
        self, channels: Mapping[str, Callable[[], bool]], warn: Callable[[str], None], patience: float = 10.0
    ) -> None:
        """Args: for every topic a function that returns whether it has a publisher; a logger; patience in s."""
        self._channels: Dict[str, _Channel] = {name: _Channel(connected) for name, connected in channels.items()}
        self._warn, self._patience = warn, patience
        self._clients: List[str] = []
        self._news = threading.Condition()

    @property
    def clients(self) -> Sequence[str]:
        """The channels that joined later."""
        return tuple(self._clients)

    def join(self, name: str, connected: Callable[[], bool]) -> None:
        """Add a channel to those given at the start, unless it is there. Called from any thread."""
        with self._news:
            if name not in self._channels:
                self._channels[name] = _Channel(connected)
                self._clients.append(name)

    def received(self, name: str, stamp: float) -> None:
        """A message of topic ``name`` stamped ``stamp`` (s) was received. Called from any thread."""
        with self._news:
            channel = self._channels[name]
            # One that was given up and repeats the same time is not waited for again.
            channel.active = channel.active or stamp > channel.stamp or not stamp
            channel.stamp = max(channel.stamp, stamp)  # a late message with an old stamp takes nothing back
            channel.count += 1
            self._news.notify_all()

    def wait(self, oldest: Mapping[str, float]) -> bool:
        """Wait for new messages.

        Args:
            oldest: topics to wait for, each with the stamp (s) that its newest message must have reached;
                minus infinity asks for any message since the last `wait`.

        Returns:
            Whether there was any channel to wait for.
        """
        deadline = time.monotonic() + self._patience
        with self._news:
            for name in oldest:
                self._drop_if_gone(name)
            waited = any(self._channels[name].active for name in oldest)
            while True:
                late = [name for name, stamp in oldest.items() if self._is_late(self._channels[name], stamp)]
                if not late:
                    break
                if time.monotonic() > deadline:
                    self._give_up(late)
                    break
                self._news.wait(POLL)
                for name in late:
                    self._drop_if_gone(name)
            for channel in self._channels.values():
                channel.seen = channel.count
        return waited

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
        self._warn(f"silent for {self._patience:g} s, the simulation goes on without: {', '.join(late)}")
