"""Origin of a dataset's demonstrations: the content of meta/recording.json.

It lists ``sources``: who demonstrated (``by``), the ``seed`` of the expert's scenes, how many attempts were ``tried``,
and ``kept``: pairs of episode and attempt numbers, so that an episode's scene can be drawn again. The expert's attempts
also depend on the code: ``versions`` lists it (`present_version`), each from the attempt number ``from`` on.
"""

import hashlib
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from xdog.core.paths import share_path
from xdog_learning.dataset.layout import DatasetError

VERSION_KEYS = ("commit", "grasp_yaml")


def source_of(recording: Mapping[str, Any], by: str, seed: Optional[int]) -> Dict[str, Any]:
    """The entry of one demonstrator, or a new one."""
    for source in recording.get("sources", []):
        if (source["by"], source["seed"]) == (by, seed):
            return {**source, "kept": list(source["kept"])}
    return {"by": by, "seed": seed, "tried": 0, "kept": []}


def with_source(recording: Mapping[str, Any], source: Mapping[str, Any]) -> Dict[str, Any]:
    """The recording with this entry in place of its old one."""
    key = (source["by"], source["seed"])
    others: List[Any] = [s for s in recording.get("sources", []) if (s["by"], s["seed"]) != key]
    return {**recording, "sources": [*others, dict(source)]}


def unknown_episodes(recording: Mapping[str, Any], episodes: int) -> int:
    """Number of a dataset's episodes that no source lists: LeRobot's tools do not keep this file."""
    return episodes - sum(len(source["kept"]) for source in recording.get("sources", []))


def present_version() -> Dict[str, str]:
    """What the expert's attempts depend on besides their seed: the commit and a digest of sim/grasp_scenarios.yaml."""
    from xdog_learning.export import present_commit  # imports torch, which no worker needs

    digest = hashlib.sha256(share_path("sim", "grasp_scenarios.yaml").read_bytes()).hexdigest()[:12]
    return {"commit": present_commit(), "grasp_yaml": digest}


def version_of(source: Mapping[str, Any], attempt: int) -> Dict[str, str]:
    """The code version with which a demonstrator made an attempt; "unknown" if it is not recorded."""
    version = dict.fromkeys(VERSION_KEYS, "unknown")
    for entry in source.get("versions", []):
        if entry["from"] <= attempt:
            version = {name: entry[name] for name in version}
    return version


def version_text(version: Mapping[str, str]) -> str:
    """Text of a version."""
    return f"commit {version['commit']} with sim/grasp_scenarios.yaml {version['grasp_yaml']}"


def check_recording(recording: Mapping[str, Any], path: Path) -> None:
    """Check that every source has the entries that recording, replay and training need.

    Raises:
        DatasetError: an entry is missing or malformed; the message names it and the file.
    """
    remedy = "correct that entry, or move the file away: replay then has to guess the episodes' scenes"
    sources = recording.get("sources", [])
    if not isinstance(sources, list):
        raise DatasetError(f"{path}: sources is not a list: {remedy}")
    for number, source in enumerate(sources):
        problem = _problem(source)
        if problem:
            raise DatasetError(f"{path}: sources[{number}] {problem}: {remedy}")


def _problem(source: Any) -> str:
    """Why an entry cannot be used; empty if it can."""
    if not isinstance(source, dict):
        return "is not a mapping"
    missing = [name for name in ("by", "seed", "tried", "kept") if name not in source]
    if missing:
        return f"lacks {', '.join(missing)}"
    if not isinstance(source["tried"], int) or not _are_pairs(source["kept"]):
        return "must have a number as tried and a list of pairs of numbers as kept"
    versions = source.get("versions", [])
    if not isinstance(versions, list) or not all(
        isinstance(version, dict) and {*VERSION_KEYS} <= set(version) and isinstance(version.get("from"), int)
        for version in versions
    ):
        return "has versions without from, commit or grasp_yaml"
    return ""


def _are_pairs(kept: Any) -> bool:
    return isinstance(kept, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(number, int) for number in pair) for pair in kept
    )
