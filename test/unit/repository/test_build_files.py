"""The lock files, the lists of messages and the programs of the catkin package."""

import re

from repository import ROOT


def test_locks_agree_with_each_other_and_pin_everything() -> None:
    pins = {}
    for extra in ("robot", "sim", "train", "dev"):
        for line in (ROOT / "requirements" / f"{extra}.txt").read_text().splitlines():
            if line.startswith("#"):
                continue
            match = re.fullmatch(r"([a-z0-9-]+)==([0-9][^;+ ]*)", line)
            assert match, f"{extra}.txt: {line} is no plain pin"
            assert pins.setdefault(match[1], match[2]) == match[2], f"{match[1]} has two versions"
    assert "torch" in pins
    robot = (ROOT / "requirements" / "robot.txt").read_text()
    assert "torch" not in robot
    assert "mujoco" not in robot


def test_every_message_is_built() -> None:
    listed = (ROOT / "CMakeLists.txt").read_text()
    for path in [*(ROOT / "msg").glob("*.msg"), *(ROOT / "srv").glob("*.srv")]:
        assert re.search(rf"^\s*{re.escape(path.name)}$", listed, re.MULTILINE), (
            f"CMakeLists.txt does not list {path.name}"
        )


def test_every_program_is_executable_python() -> None:
    for path in (ROOT / "scripts").iterdir():
        assert path.read_text().startswith("#!/usr/bin/env python3\n"), path.name
        assert path.stat().st_mode & 0o111, f"{path.name} is not executable"
