"""The doctor's judgements, each on a machine in a known state."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest
from policy_files import contract_for, write_policy
from repository import ROOT

from xdog import doctor
from xdog.core.description import load_description
from xdog.core.paths import share_path
from xdog.doctor import MISSING, NOTE, OK


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose environment, robot packages and build are all up to date."""
    (tmp_path / "requirements").mkdir()
    for extra in doctor.EXTRAS:
        (tmp_path / "requirements" / f"{extra}.txt").write_text(f"{extra}==1.0\n")
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (venv / "bin" / "python").chmod(0o755)
    (venv / "bin" / "activate").write_text(f"VIRTUAL_ENV={venv}\n")
    (venv / ".xdog-robot").write_text(hashlib.sha256(b"robot==1.0\n").hexdigest() + "  -\n")
    (venv / ".xdog-build").write_text("abc  -\n")
    (tmp_path / "build" / "devel").mkdir(parents=True)
    (tmp_path / "build" / "devel" / "setup.bash").touch()
    return tmp_path


def test_debian_12_is_the_platform_and_others_are_told_what_to_do() -> None:
    debian = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
    assert doctor.check_system(debian) == doctor.Finding(OK, "Debian GNU/Linux 12 (bookworm)")
    other = doctor.check_system('PRETTY_NAME="Ubuntu 20.04.6 LTS"\nID=ubuntu\nVERSION_ID="20.04"\n')
    assert other.level == NOTE
    assert "Ubuntu 20.04.6 LTS" in other.what


def test_missing_packages_are_named_in_one_line_to_type() -> None:
    found = doctor.check_packages({"cmake", "catkin", "g++"}, {"cmake", "bash"})
    assert found.level == MISSING
    assert found.remedy.endswith("apt-get install -y --no-install-recommends catkin g++")
    assert doctor.check_packages({"cmake"}, {"cmake", "bash"}).level == OK


def test_environment_of_this_folder_is_fine_and_a_moved_one_is_not(checkout: Path) -> None:
    assert doctor.check_environment(checkout).level == OK
    moved = checkout.rename(checkout.with_name("elsewhere"))
    assert doctor.check_environment(moved).level == MISSING
    assert doctor.check_environment(moved / "nowhere").level == MISSING


def test_extra_is_current_until_its_lock_changes(checkout: Path) -> None:
    assert doctor.check_extra(checkout, "robot").level == OK
    assert doctor.check_extra(checkout, "train") == doctor.Finding(
        NOTE,
        "Python packages for ./xdog train, evaluate, record, replay and bench: not installed yet",
        "./xdog setup train",
    )
    (checkout / "requirements" / "robot.txt").write_text("robot==1.1\n")
    stale = doctor.check_extra(checkout, "robot")
    assert stale.level == MISSING
    assert stale.remedy == "./xdog setup robot"


def test_build_is_current_only_for_the_same_inputs(checkout: Path) -> None:
    assert doctor.check_build(checkout, "abc  -").level == OK
    assert doctor.check_build(checkout, "abd  -").level == MISSING
    (checkout / "build" / "devel" / "setup.bash").unlink()
    assert doctor.check_build(checkout, "abc  -").level == MISSING


def test_policy_that_is_absent_broken_or_of_another_body_is_found(checkout: Path) -> None:
    assert "no policies/gait.onnx" in doctor.check_policy(checkout, "gait").what
    (checkout / "policies").mkdir()
    (checkout / "policies" / "gait.onnx").write_bytes(b"not a model")
    broken = doctor.check_policy(checkout, "gait")
    assert broken.level == MISSING
    assert "policies/gait.onnx cannot be used: xdog.core.onnx_session.PolicyError" in broken.what
    robot = load_description()
    write_policy(checkout / "policies" / "gait.onnx", contract_for(robot, urdf_hash="0123456789abcdef"))
    foreign = doctor.check_policy(checkout, "gait")
    assert foreign.level == MISSING
    assert "trained on URDF 0123456789abcdef" in foreign.what
    write_policy(checkout / "policies" / "gait.onnx", contract_for(robot))
    assert doctor.check_policy(checkout, "gait") == doctor.Finding(OK, "policies/gait.onnx loads and fits this robot")
    (checkout / ".venv" / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # no packages
    assert doctor.check_policy(checkout, "gait").remedy == "./xdog setup robot"


def test_the_shipped_grasp_is_tried_too(checkout: Path) -> None:
    absent = doctor.check_policy(checkout, "grasp_state")
    assert (absent.level, absent.what) == (MISSING, "no policies/grasp_state.onnx")
    assert absent.remedy.endswith("./xdog train grasp --observe state")
    (checkout / "policies").mkdir()
    shutil.copy(share_path("policies", "grasp_state.onnx"), checkout / "policies")
    found = doctor.check_policy(checkout, "grasp_state")
    assert found == doctor.Finding(OK, "policies/grasp_state.onnx loads and fits this robot")


@pytest.mark.parametrize(
    ("barred", "ready", "levels", "words"),
    [
        ([], True, [OK], "can be written"),
        (["xdog"], True, [NOTE], "./xdog setup, test, check and a plain train need a checkout of yours"),
        (["xdog"], False, [MISSING], "nothing can be installed there"),
        (["xdog/.venv"], False, [MISSING], "xdog/.venv: nothing can be installed there"),
        (["here"], True, [NOTE], "here, where commands put out/ and runs/"),
        (["ros"], True, [NOTE], "ros, where ROS keeps its logs"),
        (["xdog", "here", "ros"], False, [MISSING, NOTE, NOTE], "nothing can be installed"),
    ],
)
def test_folders_that_cannot_be_written_are_reported(
    barred: List[str], ready: bool, levels: List[str], words: str
) -> None:
    closed = [Path(name) for name in barred]
    found = doctor.check_writing(Path("xdog"), ready, Path("here"), Path("ros"), lambda path: path not in closed)
    assert [finding.level for finding in found] == levels
    assert words in found[0].what


def test_a_folder_that_does_not_exist_can_be_made_where_its_parent_can_be_written(tmp_path: Path) -> None:
    assert doctor.may_write(tmp_path / "a" / "b")
    (tmp_path / "a").touch()
    assert not doctor.may_write(tmp_path / "a" / "b")


@pytest.mark.parametrize(
    ("environment", "levels"),
    [
        ({}, [OK]),
        ({"ROS_MASTER_URI": "http://dog:11311", "ROS_IP": "10.0.0.2"}, [OK]),
        ({"ROS_MASTER_URI": "http://dog:11311"}, [NOTE]),
        ({"ROS_MASTER_URI": "http://cat:11311", "ROS_IP": "10.0.0.2"}, [MISSING]),
        ({"ROS_MASTER_URI": "dog:11311", "ROS_IP": "10.0.0.2"}, [MISSING]),
        ({"ROS_MASTER_URI": "http://dog:port", "ROS_IP": "10.0.0.2"}, [MISSING]),
        ({"ROS_HOSTNAME": "cat"}, [MISSING]),
        ({"ROS_IP": "10.0.0.2", "ROS_HOSTNAME": "dog"}, [NOTE]),
    ],
)
def test_ros_network_names_must_be_known(
    environment: Dict[str, str], levels: List[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.socket, "gethostname", lambda: "laptop")
    known = {"localhost", "laptop", "dog", "10.0.0.2"}.__contains__
    assert [found.level for found in doctor.check_network(environment, known)] == levels


def test_machine_that_does_not_know_its_own_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.socket, "gethostname", lambda: "laptop")
    found = doctor.check_network({}, {"localhost"}.__contains__)
    assert [(one.level, "laptop" in one.what) for one in found] == [(NOTE, True)]


def test_disk_matters_only_while_something_is_to_be_installed() -> None:
    assert doctor.check_disk(1.0, everything_there=False).level == MISSING
    assert doctor.check_disk(1.0, everything_there=True).level == OK
    assert doctor.check_disk(50.0, everything_there=False).level == OK


def test_runs_as_a_file_without_any_package_and_fails_if_something_is_missing(checkout: Path) -> None:
    (checkout / "requirements" / "debian.txt").write_text("# comment\nno-such-package\n")
    command = [sys.executable, "-I", "-S", str(ROOT / "src" / "xdog" / "doctor.py"), str(checkout), "abc"]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 1
    assert "1 of 1 Debian packages: no-such-package" in run.stdout
    assert "# comment" not in run.stdout
    assert run.stdout.endswith("to fix.\n")
