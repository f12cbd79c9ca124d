"""From a terminal's bytes to keys."""

from typing import List, Optional

ESCAPE = 0x1B
SPACE = " "
ARROWS = {ord("A"): "up", ord("B"): "down", ord("C"): "right", ord("D"): "left"}
PASTE_KEYS = 4
"""A hand does not press this many different keys between two reads; pasted text contains more."""


class KeyDecoder:
    """Turns bytes into keys: single lower-case characters, or "up", "down", "left", "right".

    Escape sequences may arrive in pieces. Sequences other than the arrows are discarded whole, so that no letter
    inside them drives. A space counts in any position: it is the e-stop, and a needless stop is harmless.
    So do control characters, Ctrl-C among them.
    """

    def __init__(self) -> None:
        self._sequence: Optional[List[int]] = None  # bytes since an escape; None outside a sequence

    def feed(self, data: bytes) -> List[str]:
        """Keys that these bytes complete, in order."""
        return [key for key in map(self._byte, data) if key is not None]

    def _byte(self, byte: int) -> Optional[str]:
        if byte == ESCAPE:
            self._sequence = []
            return None
        if byte <= ord(SPACE):
            self._sequence = None
            return chr(byte)
        if self._sequence is None:
            return chr(byte).lower() if byte < 0x80 else None
        self._sequence.append(byte)
        if len(self._sequence) == 1:
            if byte not in b"[O":  # Alt and a key, not a control sequence
                self._sequence = None
            return None
        if 0x40 <= byte <= 0x7E:  # the final byte of a control sequence
            plain = len(self._sequence) == 2
            self._sequence = None
            return ARROWS.get(byte) if plain else None
        return None


def is_paste(keys: List[str]) -> bool:
    """Whether keys that arrived together are too many different ones to be typed: pasted text or garbage."""
    return len(set(keys)) >= PASTE_KEYS
