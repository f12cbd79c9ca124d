"""Buffers of stamped messages that wait for those of other topics."""

from typing import Any, Deque


def append_in_order(buffer: Deque[Any], message: Any) -> None:
    """Append a message. If its stamp is before the last one, time has jumped back: drop the others."""
    if buffer and message.header.stamp < buffer[-1].header.stamp:
        buffer.clear()
    buffer.append(message)
