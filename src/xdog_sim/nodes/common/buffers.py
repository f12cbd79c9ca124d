"""Stamped messages that wait for those of other topics."""

from typing import Any, Deque


def append_in_order(buffer: Deque[Any], message: Any) -> None:
    """Append a message. If it is stamped earlier than the last one, time has gone back: forget the others."""
    if buffer and message.header.stamp < buffer[-1].header.stamp:
        buffer.clear()
    buffer.append(message)
