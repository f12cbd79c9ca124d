"""Files of figures: what is wrong in them is named with file and entry, in the reader's own kind of error."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from xdog.core.config_file import ConfigFile, is_number


class FileError(ValueError):
    """A reader's own kind."""


@dataclass(frozen=True)
class Speeds:
    fast: float
    slow: float


@dataclass(frozen=True)
class Whole:
    speeds: Speeds
    count: int


def read(path: Path, text: str) -> Whole:
    path.write_text(text)
    return ConfigFile(path, FileError).sections(Whole, count=3)


def test_sections_are_filled_by_name(tmp_path: Path) -> None:
    assert read(tmp_path / "a.yaml", "speeds: {fast: 2, slow: 0.5}") == Whole(Speeds(2.0, 0.5), 3)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("speeds: {fast: 2}", "a.yaml: speeds must hold exactly fast, slow; check slow"),
        ("speeds: {fast: 2, slow: 1, hasty: 3}", "check hasty"),
        ("speeds: {fast: 2, slow: 0}", "a.yaml: speeds.slow is 0; it must be a number above zero"),
        ("speeds: {fast: true, slow: 1}", "speeds.fast is True"),
        ("speed: {fast: 2, slow: 1}", "section 'speeds' is missing or no mapping"),
        ("speeds: [2, 1]", "section 'speeds' is missing or no mapping"),
        ("speeds: {", "a.yaml is not valid YAML"),
        ("- 1", "a.yaml: expected a mapping at the top"),
        ("speeds: {fast: 2, slow: 1, on: 3}", "check True"),
        (f"speeds: {{fast: 2, slow: 1{400 * '0'}}}", "speeds.slow is 10"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(FileError, match=complaint):
        read(tmp_path / "a.yaml", text)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"speeds: \xff")
    with pytest.raises(FileError, match=r"a.yaml is not valid YAML.*0xff"):
        ConfigFile(tmp_path / "a.yaml", FileError)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, True), (-0.5, True), (True, False), ("1", False), (None, False), (float("nan"), False), (float("inf"), False)],
)
def test_what_counts_as_a_number(value: Any, expected: bool) -> None:
    assert is_number(value) == expected
