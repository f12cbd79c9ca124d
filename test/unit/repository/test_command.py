"""./xdog itself: its help, what it does with a word it does not know, and what it says without root."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from fake_master import FakeMaster, nobody
from repository import ROOT

NOBODY = 65534
COMMANDS = [
    "setup",
    "demo",
    "test",
    "check",
    "sim",
    "teleop",
    "arm",
    "train",
    "record",
    "replay",
    "evaluate",
    "bench",
    "doctor",
]


def run(*arguments: str, folder: Path = ROOT, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [str(folder / "xdog"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


@pytest.fixture
def bare_checkout() -> Iterator[Path]:
    """The command and its list of packages in a folder where nothing is installed and everybody may read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(ROOT / "xdog", folder)
        (folder / "requirements").mkdir()
        (folder / "bin").mkdir()
        (folder / "logs").mkdir(mode=0o777)
        for path in (folder, folder / "logs"):
            path.chmod(0o777)
        yield folder


def test_help_lists_the_commands() -> None:
    assert re.findall(r"^  ([a-z]+) ", run("help").stdout, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_without_doing_anything(command: str, bare_checkout: Path) -> None:
    explained = run(command, "--help", folder=bare_checkout)
    assert explained.returncode == 0
    assert explained.stdout.startswith(f"./xdog {command}")
    assert not list((bare_checkout / "logs").iterdir())


@pytest.mark.parametrize(
    "words", [["nonsense"], ["arm"], ["train"], ["train", "nonsense"], ["evaluate"], ["setup", "nonsense"]]
)
def test_unknown_word_prints_help_and_exits_2(words: List[str], bare_checkout: Path) -> None:
    refused = run(*words, folder=bare_checkout)
    assert refused.returncode == 2
    assert "./xdog" in refused.stderr


def test_a_misspelt_launch_argument_is_refused_with_those_that_there_are() -> None:
    refused = run("sim", "veiwer:=false")
    assert refused.returncode == 1
    assert "no argument 'veiwer': sim lockstep viewer" in refused.stderr


def sim(tmp_path: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run ./xdog sim with a roslaunch that only says on which address nodes would listen."""
    (tmp_path / "roslaunch").write_text('#!/bin/sh\necho "${ROS_IP:-}${ROS_HOSTNAME:-}"\n')
    (tmp_path / "roslaunch").chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if name not in ("ROS_IP", "ROS_HOSTNAME")}
    path = f"{tmp_path}:{os.environ['PATH']}"
    return run("sim", env={**inherited, "PATH": path, "ROS_MASTER_URI": nobody(), **environment})


@pytest.mark.parametrize(
    ("environment", "addresses"),
    [
        ({}, ("127.0.0.1", "localhost")),  # localhost where the machine has no name
        ({"ROS_IP": "10.0.0.2"}, ("10.0.0.2",)),
        ({"ROS_MASTER_URI": "http://dog.invalid:11311"}, ("", "localhost")),
    ],
)
def test_a_simulation_stays_on_the_loopback_interface_unless_the_user_says_otherwise(
    environment: Dict[str, str], addresses: Tuple[str, ...], tmp_path: Path
) -> None:
    assert sim(tmp_path, **environment).stdout.strip() in addresses


def test_a_simulation_does_not_replace_a_running_robot(tmp_path: Path) -> None:
    master = FakeMaster()
    master.nodes = {"/locomotion": master.uri}
    refused = sim(tmp_path, ROS_MASTER_URI=master.uri)
    master.close()
    assert refused.returncode == 1
    assert f"under the ROS master at {master.uri}: /locomotion on 127.0.0.1" in refused.stderr
    assert not refused.stdout


def test_without_root_the_missing_packages_are_printed_as_one_line(bare_checkout: Path) -> None:
    (bare_checkout / "requirements" / "debian.txt").write_text("# why\nno-such-package-b\ndpkg\nno-such-package-a\n")
    (bare_checkout / "bin" / "sudo").write_text("#!/bin/sh\nexit 1\n")  # a sudo that wants a password
    (bare_checkout / "bin" / "sudo").chmod(0o755)
    identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    environment = {"PATH": f"{bare_checkout}/bin:/usr/bin:/bin"}
    (bare_checkout / "requirements" / "robot.txt").touch()
    refused = run("setup", "robot", folder=bare_checkout, env=environment, **identity)
    assert refused.returncode == 1
    last = refused.stderr.splitlines()[-1]
    packages = "no-such-package-a no-such-package-b"
    assert last == f"apt-get update && apt-get install -y --no-install-recommends {packages}"
