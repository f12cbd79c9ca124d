"""./xdog itself: its help, words that it does not know, work without root and in another user's checkout."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from fake_master import FakeMaster, refused_uri
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


IDENTITY: Dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
"""Of a process that may not write to the checkouts of these tests: another user, or this one if file modes bind it."""


def put_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def foreign_checkout() -> Iterator[Path]:
    """A checkout that its owner has set up and no other user may write to. Its Python only prints its arguments."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "xdog"
        for file in ("xdog", "CMakeLists.txt", "package.xml", "setup.py", "src/xdog/__init__.py"):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, folder / file)
        for file in ("requirements", "scripts", "msg", "srv", "action", ".venv/bin", "bin"):
            (folder / file).mkdir(parents=True)
        for extra in ("debian", "robot", "sim", "train", "dev"):
            (folder / "requirements" / f"{extra}.txt").write_text("# nothing\n")
        (folder / ".venv" / "bin" / "activate").write_text(f"VIRTUAL_ENV={folder}/.venv\n")
        put_program(folder / ".venv" / "bin" / "python", 'echo "$PWD: $*"')
        put_program(folder / "bin" / "cmake", f"mkdir -p {folder}/build/devel; : >{folder}/build/devel/setup.bash")
        (folder / "scripts" / "run_tests").touch()
        owner = {"PATH": f"{folder}/bin:/usr/bin:/bin"}
        assert run("setup", "robot", "sim", "train", "dev", folder=folder, env=owner).returncode == 0
        (folder / "build" / "devel" / "setup.bash").write_text(f"PATH={folder}/.venv/bin:$PATH\n")
        for path in [folder, *folder.rglob("*")]:
            path.chmod(path.stat().st_mode & 0o555)
        (Path(name) / "mine").mkdir()
        (Path(name) / "mine").chmod(0o777)
        yield folder
        for path in [folder, *folder.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)


def run_as_visitor(checkout: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    home = checkout.parent / "mine"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    return run(*arguments, folder=checkout, cwd=home, env=environment, **IDENTITY)


def contents(folder: Path) -> Dict[Path, float]:
    return {path: path.stat().st_mtime for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("words", "module"),
    [
        (["demo"], "xdog_sim.demo"),
        (["teleop"], "xdog.nodes.teleop_keyboard"),
        (["record", "--episodes", "2"], "xdog_learning.commands.record --episodes 2"),
        (["train", "gait"], "xdog_learning.commands.train_gait"),
    ],
)
def test_another_users_checkout_runs_in_the_current_folder(
    words: List[str], module: str, foreign_checkout: Path
) -> None:
    before = contents(foreign_checkout)
    started = run_as_visitor(foreign_checkout, *words)
    assert (started.stdout, started.stderr) == (f"{foreign_checkout.parent / 'mine'}: -m {module}\n", "")
    assert contents(foreign_checkout) == before


def test_missing_packages_of_another_users_checkout_are_left_to_its_owner(foreign_checkout: Path) -> None:
    lock = foreign_checkout / "requirements" / "train.txt"
    lock.chmod(0o644)
    lock.write_text("torch==9.0\n")
    assert run_as_visitor(foreign_checkout, "teleop").returncode == 0  # needs no torch
    refused = run_as_visitor(foreign_checkout, "train", "gait")
    assert refused.returncode == 1
    assert f"you may not write to {foreign_checkout}" in refused.stderr
    assert f"Ask the owner of {foreign_checkout} to run '{foreign_checkout}/xdog setup'" in refused.stderr


def test_tests_need_a_checkout_of_their_own(foreign_checkout: Path) -> None:
    refused = run_as_visitor(foreign_checkout, "test")
    assert refused.returncode == 1
    assert "clone XDog into a folder of your own" in refused.stderr


def test_an_environment_that_may_not_be_read_is_named(foreign_checkout: Path) -> None:
    (foreign_checkout / ".venv").chmod(0o700 if IDENTITY else 0)
    refused = run_as_visitor(foreign_checkout, "teleop")
    assert refused.returncode == 1
    venv = foreign_checkout / ".venv"
    assert refused.stderr == f"xdog: you may not read {venv}. Ask its owner to run: chmod -R a+rX {venv}\n"


def test_ros_logs_elsewhere_if_the_home_is_not_writable(foreign_checkout: Path) -> None:
    python = foreign_checkout / ".venv" / "bin" / "python"
    python.chmod(0o755)
    put_program(python, 'echo "$ROS_HOME"')
    home = foreign_checkout.parent / "mine"
    (home / ".ros").touch()
    logged = run_as_visitor(foreign_checkout, "teleop")
    assert logged.stderr == f"xdog: ROS logs go to {logged.stdout.strip()}, because {home}/.ros cannot be written\n"
    assert Path(logged.stdout.strip()).is_dir()
    Path(logged.stdout.strip()).rmdir()


def test_a_tilde_is_the_users_home_wherever_a_word_holds_a_path(foreign_checkout: Path) -> None:
    words = ["--out=~/a b", "~/c", "scene:=~/d", "policy:=e", "~f", "a~/g", "--task", "put ~/h down"]
    home = foreign_checkout.parent / "mine"
    passed = run_as_visitor(foreign_checkout, "record", *words).stdout.strip()
    assert passed.endswith(f"record --out={home}/a b {home}/c scene:={home}/d policy:=e ~f a~/g --task put ~/h down")


def test_help_lists_the_commands() -> None:
    assert re.findall(r"^  ([a-z]+) ", run("help").stdout, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_does_nothing_else(command: str, bare_checkout: Path) -> None:
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


def test_a_misspelt_launch_argument_is_refused_with_the_valid_ones() -> None:
    refused = run("sim", "veiwer:=false")
    assert refused.returncode == 1
    assert "no argument 'veiwer': sim lockstep viewer" in refused.stderr


def sim(tmp_path: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run ./xdog sim with a roslaunch that only prints the address on which nodes would listen."""
    (tmp_path / "roslaunch").write_text('#!/bin/sh\necho "${ROS_IP:-}${ROS_HOSTNAME:-}"\n')
    (tmp_path / "roslaunch").chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if name not in ("ROS_IP", "ROS_HOSTNAME")}
    path = f"{tmp_path}:{os.environ['PATH']}"
    return run("sim", env={**inherited, "PATH": path, "ROS_MASTER_URI": refused_uri(), **environment})


@pytest.mark.parametrize(
    ("environment", "addresses"),
    [
        ({}, ("127.0.0.1", "localhost")),  # localhost where the machine has no name
        ({"ROS_IP": "10.0.0.2"}, ("10.0.0.2",)),
        ({"ROS_MASTER_URI": "http://dog.invalid:11311"}, ("", "localhost")),
    ],
)
def test_a_simulation_stays_on_the_loopback_interface_by_default(
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
