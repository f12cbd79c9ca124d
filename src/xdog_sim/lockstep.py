"""Waiting for the controllers, so that what a simulated robot does depends on no machine's speed."""

import threading
import time
from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Sequence

POLL = 0.02
"""How often, while waiting, somebody looks whether the publishers are still connected; s of wall time."""


@dataclass
class _Channel:
    connected: Callable[[], bool]
    spoken: bool = False
    stamp: float = 0.0
    count: int = 0
    seen: int = 0


class Lockstep:
    """Knows which topics have a living publisher and what came in on them.

    A topic is waited for only if it has a publisher and has spoken since that publisher came. One that is connected
    but silent for ``patience`` seconds of wall time is given up, with a warning, until it speaks again.
    """

    def __init__(
        self, channels: Mapping[str, Callable[[], bool]], warn: Callable[[str], None], patience: float = 10.0
    ) -> None:
        """Args: for every topic a function that tells whether it has a publisher; a logger; patience in s."""
        self._channels: Dict[str, _Channel] = {name: _Channel(connected) for name, connected in channels.items()}
        self._warn, self._patience = warn, patience
        self._guests: List[str] = []
        self._news = threading.Condition()

    @property
    def guests(self) -> Sequence[str]:
        """Those who joined later."""
        return tuple(self._guests)

    def join(self, name: str, connected: Callable[[], bool]) -> None:
        """Add a channel to those given at the start, unless it is there. Called from any thread."""
        with self._news:
            if name not in self._channels:
                self._channels[name] = _Channel(connected)
                self._guests.append(name)

    def heard(self, name: str, stamp: float) -> None:
        """A message of topic ``name`` stamped ``stamp`` (s) came in. Called from any thread."""
        with self._news:
            channel = self._channels[name]
            # Who was given up and goes on saying the same time is not waited for again.
            channel.spoken = channel.spoken or stamp > channel.stamp or not stamp
            channel.stamp = max(channel.stamp, stamp)  # a late message with an old stamp takes nothing back
            channel.count += 1
            self._news.notify_all()

    def wait(self, oldest: Mapping[str, float]) -> bool:
        """Wait for news.

        Args:
            oldest: topics to wait for, each with the stamp (s) that its newest message must have reached;
                minus infinity asks for any message since the last `wait`.

        Returns:
            Whether there was anybody to wait for.
        """
        deadline = time.monotonic() + self._patience
        with self._news:
            for name in oldest:
                self._drop_if_gone(name)
            anybody = any(self._channels[name].spoken for name in oldest)
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
        return anybody

    @staticmethod
    def _is_late(channel: _Channel, stamp: float) -> bool:
        if not channel.spoken:
            return False
        return channel.count == channel.seen if stamp == float("-inf") else channel.stamp < stamp - 1e-6

    def _drop_if_gone(self, name: str) -> None:
        channel = self._channels[name]
        if channel.spoken and not channel.connected():
            channel.spoken = False

    def _give_up(self, late: list) -> None:
        for name in late:
            self._channels[name].spoken = False
        self._warn(f"silent for {self._patience:g} s, the simulation goes on without: {', '.join(late)}")
