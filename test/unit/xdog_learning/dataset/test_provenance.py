"""Origin and code version of episodes; a malformed record is named."""

import re
from pathlib import Path
from typing import Any

import pytest

from xdog_learning.dataset import provenance
from xdog_learning.dataset.layout import DatasetError
from xdog_learning.dataset.provenance import (
    check_recording,
    present_version,
    source_of,
    unknown_episodes,
    version_of,
    version_text,
    with_source,
)

VERSIONS = [
    {"from": 2, "commit": "abc", "grasp_yaml": "123"},
    {"from": 8, "commit": "abc", "grasp_yaml": "456"},
]
SOURCE = {"by": "expert", "seed": 1, "tried": 9, "kept": [[0, 1], [1, 4]], "versions": VERSIONS}
FILE = Path("meta/recording.json")


def test_a_source_is_found_by_demonstrator_and_seed_or_created() -> None:
    recording = {"sources": [SOURCE]}
    assert source_of(recording, "expert", 1) == SOURCE
    assert source_of(recording, "expert", 2) == {"by": "expert", "seed": 2, "tried": 0, "kept": []}
    assert source_of({}, "keyboard", None) == {"by": "keyboard", "seed": None, "tried": 0, "kept": []}
    source_of(recording, "expert", 1)["kept"].append([2, 7])
    assert SOURCE["kept"] == [[0, 1], [1, 4]], "a copy may be changed"


def test_a_source_takes_the_place_of_its_old_entry() -> None:
    other = {"by": "keyboard", "seed": None, "tried": 1, "kept": []}
    newer = {**SOURCE, "tried": 10}
    recording = with_source({"sources": [SOURCE, other], "note": "mine"}, newer)
    assert recording == {"sources": [other, newer], "note": "mine"}


def test_episodes_that_no_source_lists_are_counted() -> None:
    assert unknown_episodes({"sources": [SOURCE]}, 5) == 3
    assert unknown_episodes({}, 5) == 5


def test_the_version_of_an_attempt_is_the_last_that_began_before() -> None:
    assert [version_of(SOURCE, attempt)["grasp_yaml"] for attempt in (1, 2, 7, 8)] == ["unknown", "123", "123", "456"]
    assert version_text(version_of(SOURCE, 2)) == "commit abc with sim/grasp_scenarios.yaml 123"


def test_the_present_version_names_commit_and_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = present_version()
    assert re.fullmatch(r"[0-9a-f]{12}", before["grasp_yaml"])
    assert before["commit"]
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim/grasp_scenarios.yaml").write_text("another")
    monkeypatch.setattr(provenance, "share_path", tmp_path.joinpath)
    assert present_version()["grasp_yaml"] != before["grasp_yaml"]


def test_a_complete_record_is_accepted() -> None:
    check_recording({}, FILE)
    check_recording({"sources": [SOURCE], "note": "mine"}, FILE)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({}, r"recording\.json: sources is not a list: correct that entry, or move the file away"),
        (["me"], r"recording\.json: sources\[0\] is not a mapping"),
        ([SOURCE, {"by": "expert", "tried": 1, "kept": [[0, 0]]}], r"sources\[1\] lacks seed"),
        ([{**SOURCE, "kept": [0]}], r"sources\[0\] must have a number as tried and a list of pairs"),
        ([{**SOURCE, "tried": "many"}], r"sources\[0\] must have a number as tried"),
        ([{**SOURCE, "versions": [{"commit": "abc"}]}], "versions without from, commit or grasp_yaml"),
        ([{**SOURCE, "versions": [{**VERSIONS[0], "from": "a"}]}], "versions without from"),
    ],
)
def test_a_record_that_cannot_be_used_is_named(sources: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        check_recording({"sources": sources}, FILE)
