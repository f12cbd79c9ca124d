"""The rules of the house: who may import whom, how long a file may be, what the repository may not mention."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator, Set

import pytest
from repository import ROOT

SOURCES = sorted((ROOT / "src").rglob("*.py"))
LONGEST_FILE = 500
ROS = {"rospy", "roslib", "rosgraph", "roslaunch", "rostest", "rosbag", "actionlib", "tf2_ros", "message_filters"}
FOREIGN = {
    "xdog": {"xdog_sim", "xdog_learning", "torch", "mujoco", "stable_baselines3", "gymnasium", "matplotlib"},
    "xdog_sim": {"xdog_learning", "stable_baselines3"},
    "xdog_learning": set(),
}
ROBOT_MAY_IMPORT = {"numpy", "onnxruntime", "scservo_sdk", "serial", "yaml", "xdog"}


def imported(source: str) -> Set[str]:
    """Top-level names that a module imports anywhere in its text, inside functions too."""
    names: Set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def tracked() -> Iterator[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    return (ROOT / name for name in listing.decode().split("\0") if name and (ROOT / name).is_file())


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


ROBOT_CORE = [path for path in SOURCES if re.match(r"src/xdog/(?!nodes/)", relative(path))]


def test_imports_are_seen_wherever_they_stand() -> None:
    source = "import a.b\nfrom c.d import e\nfrom . import f\ndef g():\n    import h\n"
    assert imported(source) == {"a", "c", "h"}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_package_imports_what_lies_above_it(path: Path) -> None:
    package = path.relative_to(ROOT / "src").parts[0]
    assert not imported(path.read_text()) & FOREIGN[package]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_ros_appears_in_nodes_only(path: Path) -> None:
    parts = path.relative_to(ROOT / "src").parts
    in_nodes = parts[1] == "nodes"
    assert in_nodes or not imported(path.read_text()) & ROS


@pytest.mark.parametrize("path", ROBOT_CORE, ids=relative)
def test_robot_needs_only_what_its_lock_installs(path: Path) -> None:
    assert imported(path.read_text()) - set(sys.stdlib_module_names) <= ROBOT_MAY_IMPORT


def test_demo_and_nodes_start_without_what_only_training_installs() -> None:
    modules = ["xdog_sim.demo.__main__", "xdog_sim.nodes.bridge", "xdog.nodes.locomotion", "xdog.nodes.teleop_keyboard"]
    training = ["torch", "stable_baselines3", "gymnasium", "onnx", "tensorboard", "tyro"]
    code = f"import sys; sys.modules.update(dict.fromkeys({training})); import {', '.join(modules)}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", [p for p in tracked() if p.suffix == ".py" or "scripts" in p.parts], ids=relative)
def test_files_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


def test_no_tracked_file_names_a_machine() -> None:
    machine = re.compile(r"(?<![\w.~])/(?:work|root|tmp|home|opt(?!/ros/))/[A-Za-z]")
    allowed = {"Dockerfile", relative(Path(__file__))}
    found = []
    for path in tracked():
        if relative(path) in allowed or path.stat().st_size > 1_000_000:
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{relative(path)}: {match.group()}" for match in machine.finditer(text)]
    assert not found


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
