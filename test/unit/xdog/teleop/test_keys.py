"""Bytes of a terminal become keys, however they are split."""

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.teleop.keys import KeyDecoder, is_paste


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"w", ["w"]),
        (b"W", ["w"]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1bOA", ["up"]),  # application cursor mode
        (b"\x1b[3~w", ["w"]),  # the Delete key
        (b"\x1b[1;5Aw", ["w"]),  # Ctrl and an arrow
        (b"\x1bww", ["w"]),  # Alt-w, then w
        (b"\xc3\xa9w", ["w"]),  # a letter outside ASCII
        (b"\x1b \x1b[ ", [" ", " "]),  # space stops even inside a sequence
        (b"\x1b\x03", ["\x03"]),
    ],
)
def test_bytes_become_keys(data: bytes, keys: List[str]) -> None:
    assert KeyDecoder().feed(data) == keys


@given(st.lists(st.sampled_from([b"w", b" ", b"\x1b[A", b"\x1b[3~", b"\x1bOB", b"1"]), max_size=20), st.data())
def test_keys_do_not_depend_on_how_bytes_are_split(pieces: List[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    cut = data.draw(st.integers(0, len(stream)))
    decoder = KeyDecoder()
    assert decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) == KeyDecoder().feed(stream)


@pytest.mark.parametrize(
    ("keys", "pasted"), [([], False), (["w"] * 30, False), (["w", "a", "s"], False), (["w", "a", "s", "d"], True)]
)
def test_four_different_keys_at_once_are_pasted_text(keys: List[str], pasted: bool) -> None:
    assert is_paste(keys) is pasted
