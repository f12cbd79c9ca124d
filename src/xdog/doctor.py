"""What is missing on this machine and how to fix it: ``./xdog doctor``.

Runs before anything is installed, so it imports the standard library only and is started as a file.
"""

import ctypes.util
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Mapping, Set
from urllib.parse import urlparse

OK, NOTE, MISSING = "ok", "note", "MISSING"
EXTRAS = {
    "robot": "running the robot and ./xdog teleop",
    "sim": "./xdog sim and demo",
    "train": "./xdog train, evaluate, record, replay and bench",
    "dev": "./xdog test and check",
}
DISK_NEEDED_GIB = 10.0
"""Measured on a bare Debian 12: packages 1.2, .venv 5.4 with torch's default (CUDA) build, 3 for pip's downloads."""


@dataclass(frozen=True)
class Finding:
    """One thing that was checked. ``remedy`` is a line to type or what to do; empty if all is well."""

    level: str
    what: str
    remedy: str = ""


def check_system(os_release: str) -> Finding:
    """Judge the text of /etc/os-release: the set-up is made for Debian 12."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    name = fields.get("PRETTY_NAME", "unknown system").strip('"')
    if fields.get("ID") == "debian" and fields.get("VERSION_ID", "").strip('"') == "12":
        return Finding(OK, name)
    remedy = "the set-up is for Debian 12; elsewhere: docker build -t xdog . or catkin_make"
    return Finding(NOTE, f"{name}, not Debian 12", remedy)


def check_packages(wanted: Set[str], installed: Set[str]) -> Finding:
    """Compare the Debian packages of requirements/debian.txt with those installed."""
    missing = sorted(wanted - installed)
    if not missing:
        return Finding(OK, f"{len(wanted)} Debian packages")
    line = "apt-get update && apt-get install -y --no-install-recommends " + " ".join(missing)
    return Finding(MISSING, f"{len(missing)} of {len(wanted)} Debian packages: {' '.join(missing)}", f"as root: {line}")


def check_environment(root: Path) -> Finding:
    """Look for the virtual environment, made for this folder by Debian's Python."""
    venv = root / ".venv"
    activate = venv / "bin" / "activate"
    if not (venv / "bin" / "python").exists() or not activate.is_file():
        return Finding(MISSING, "no virtual environment .venv", "./xdog setup robot")
    if str(venv) not in activate.read_text(encoding="utf-8"):
        return Finding(MISSING, ".venv was made in another folder", "./xdog setup robot")
    return Finding(OK, "virtual environment .venv")


def check_extra(root: Path, extra: str) -> Finding:
    """Compare the stamp of an extra with its lock file. Only what the robot itself needs counts as missing."""
    wanted = hashlib.sha256((root / "requirements" / f"{extra}.txt").read_bytes()).hexdigest()
    stamp = root / ".venv" / f".xdog-{extra}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8").split()[:1] == [wanted]:
        return Finding(OK, f"Python packages for {EXTRAS[extra]}")
    state = "out of date" if stamp.is_file() else "not installed yet"
    level = MISSING if extra == "robot" else NOTE
    return Finding(level, f"Python packages for {EXTRAS[extra]}: {state}", f"./xdog setup {extra}")


def check_build(root: Path, build_stamp: str) -> Finding:
    """Compare the stamp of the catkin build with that of its inputs, which ./xdog computes."""
    stamp = root / ".venv" / ".xdog-build"
    if not stamp.is_file() or not (root / "build" / "devel" / "setup.bash").is_file():
        return Finding(MISSING, "no catkin build", "./xdog setup robot")
    if stamp.read_text(encoding="utf-8").strip() != build_stamp.strip():
        return Finding(MISSING, "the catkin build is older than its sources", "./xdog setup robot")
    return Finding(OK, "catkin build, for any shell: source build/devel/setup.bash")


POLICIES = {
    "gait": ("xdog.locomotion.policy", "GaitPolicy", "./xdog train gait"),
    "grasp_state": ("xdog.grasp.policy", "GraspPolicy", "./xdog train grasp --observe state"),
}
"""The shipped policies that the graph runs: module and class that load one, and how to make it again."""


def check_policy(root: Path, name: str) -> Finding:
    """Load a shipped policy as its node does, contract and all, if the environment is there."""
    module, kind, training = POLICIES[name]
    path = root / "policies" / f"{name}.onnx"
    remedy = f"git checkout policies/{path.name}, or {training}"
    if not path.is_file():
        return Finding(MISSING, f"no policies/{path.name}", remedy)
    python = root / ".venv" / "bin" / "python"
    if not python.exists():
        return Finding(NOTE, f"policies/{path.name}: not checked, there is no .venv", "./xdog setup robot")
    code = (
        "import pathlib, sys; from xdog.core.description import load_description; "
        f"from {module} import {kind}; {kind}(pathlib.Path(sys.argv[1]), load_description())"
    )
    run = subprocess.run([str(python), "-c", code, str(path)], stderr=subprocess.PIPE, check=False)
    if run.returncode == 0:
        return Finding(OK, f"policies/{path.name} loads and fits this robot")
    reason = (run.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"])[-1]
    if reason.startswith("ModuleNotFoundError"):
        return Finding(NOTE, f"policies/{path.name}: not checked, {reason}", "./xdog setup robot")
    return Finding(MISSING, f"policies/{path.name} cannot be used: {reason}", remedy)


def resolvable(host: str) -> bool:
    """Whether this machine knows an address for ``host``."""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True


def check_network(environment: Mapping[str, str], known: Callable[[str], bool] = resolvable) -> List[Finding]:
    """ROS calls nodes by host name: every name that it will use must be known to this machine.

    Args:
        environment: holds ROS_MASTER_URI, ROS_IP, ROS_HOSTNAME, all optional.
        known: whether a host name has an address.
    """
    findings = []
    uri = environment.get("ROS_MASTER_URI", "http://localhost:11311")
    try:
        master, port = urlparse(uri).hostname, urlparse(uri).port
    except ValueError:
        master = port = None
    if not uri.startswith("http://") or not master or not port:
        findings.append(
            Finding(MISSING, f"ROS_MASTER_URI={uri} is not a valid address", "export ROS_MASTER_URI=http://HOST:11311")
        )
    elif not known(master):
        findings.append(Finding(MISSING, f"ROS_MASTER_URI={uri}: {master} is not known", f"add {master} to /etc/hosts"))
    for variable in ("ROS_IP", "ROS_HOSTNAME"):
        own = environment.get(variable, "")
        if own and not known(own):
            findings.append(Finding(MISSING, f"{variable}={own} is not known to this machine", f"unset {variable}"))
    named = environment.get("ROS_IP") or environment.get("ROS_HOSTNAME")
    if environment.get("ROS_IP") and environment.get("ROS_HOSTNAME"):
        findings.append(Finding(NOTE, "ROS_IP and ROS_HOSTNAME are both set: ROS_HOSTNAME wins", "unset ROS_IP"))
    if not named and not known(socket.gethostname()):
        remedy = "export ROS_HOSTNAME=localhost (./xdog does so itself)"
        findings.append(Finding(NOTE, f"this machine's own name, {socket.gethostname()}, is not known", remedy))
    if not named and master not in (None, "localhost", "127.0.0.1", socket.gethostname()):
        remedy = "export ROS_IP=THIS_MACHINE'S_ADDRESS"
        findings.append(
            Finding(
                NOTE,
                "the ROS master is on another machine but ROS_IP is not set: it may not reach back",
                remedy,
            )
        )
    return findings or [Finding(OK, f"ROS network, master at {uri}")]


def may_write(path: Path) -> bool:
    """Whether this user may write to a folder, or make it where it does not exist yet."""
    while not path.exists():
        path = path.parent
    return path.is_dir() and os.access(str(path), os.W_OK | os.X_OK)


def may_read(folder: Path) -> bool:
    """Whether this user may list a folder and read what is in it."""
    return os.access(str(folder), os.R_OK | os.X_OK)


def check_writing(
    root: Path, ready: bool, here: Path, ros_home: Path, allowed: Callable[[Path], bool] = may_write
) -> List[Finding]:
    """Check the folders that commands write to: another user's checkout will do where nothing has to be installed.

    Args:
        root: the checkout.
        ready: whether what running the robot needs is installed.
        here: where the user stands; results go there.
        ros_home: where nodes run and log.
        allowed: whether this user may write to a folder.
    """
    findings = []
    barred = [path for path in (root, root / "build", root / "logs", root / ".venv") if not allowed(path)]
    if barred and ready:
        what = f"you may not write to {barred[0]}: ./xdog setup, test, check and a plain train need a checkout of yours"
        findings.append(Finding(NOTE, what, "to develop, clone XDog into a folder of yours"))
    elif barred:
        remedy = f"ask its owner to run {root}/xdog setup, or clone XDog into a folder of yours"
        findings.append(Finding(MISSING, f"you may not write to {barred[0]}: nothing can be installed there", remedy))
    if not allowed(here):
        remedy = f"go to a folder of yours and run {root}/xdog there"
        findings.append(Finding(NOTE, f"you may not write to {here}, where commands put out/ and runs/", remedy))
    if not allowed(ros_home):
        remedy = "export ROS_HOME=A_FOLDER_OF_YOURS (./xdog takes a temporary one itself)"
        findings.append(Finding(NOTE, f"you may not write to {ros_home}, where ROS keeps its logs", remedy))
    return findings or [Finding(OK, "folders for results, logs and set-up can be written")]


def check_disk(free_gib: float, everything_there: bool) -> Finding:
    """Judge the free space, in GiB, of the disk that holds the checkout."""
    if everything_there or free_gib >= DISK_NEEDED_GIB:
        return Finding(OK, f"{free_gib:.0f} GiB of free disk")
    return Finding(MISSING, f"{free_gib:.1f} GiB of free disk; a set-up needs {DISK_NEEDED_GIB:.0f}", "free some space")


def check_screen(environment: Mapping[str, str]) -> List[Finding]:
    """Say whether there is a screen for the viewer, and a library that renders without one."""
    if environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        screen = Finding(OK, "a screen: MuJoCo's viewer opens")
    else:
        screen = Finding(OK, "no screen: videos and plots are written to files")
    if ctypes.util.find_library("OSMesa") or ctypes.util.find_library("EGL"):
        return [screen, Finding(OK, "software rendering")]
    return [screen, Finding(MISSING, "no library renders without a screen", "as root: apt-get install -y libosmesa6")]


def installed_packages() -> Set[str]:
    """Names of the Debian packages on this machine; none where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        return set()
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\\n"]
    lines = subprocess.run(query, stdout=subprocess.PIPE, check=True).stdout.decode("utf-8").splitlines()
    return {line.split()[1] for line in lines if line.startswith("installed ")}


def findings(root: Path, build_stamp: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check everything, in the order in which it would be installed.

    Args:
        root: the checkout.
        build_stamp: the hash of the catkin build's inputs.
        environment: the environment variables.
    """
    os_release = Path("/etc/os-release")
    yield check_system(os_release.read_text(encoding="utf-8") if os_release.is_file() else "")
    wanted = (root / "requirements" / "debian.txt").read_text(encoding="utf-8").splitlines()
    yield check_packages({line for line in wanted if line and not line.startswith("#")}, installed_packages())
    closed = [str(path) for path in (root / ".venv", root / "build") if path.is_dir() and not may_read(path)]
    if closed:
        yield Finding(
            MISSING, f"you may not read {closed[0]}", f"ask its owner to run: chmod -R a+rX {' '.join(closed)}"
        )
        installed = []
    else:
        installed = [check_environment(root), *(check_extra(root, extra) for extra in EXTRAS)]
        installed.append(check_build(root, build_stamp))
        yield from installed
        for name in POLICIES:
            yield check_policy(root, name)
    yield from check_network(environment)
    ready = all(part.level != MISSING for part in installed)
    ros_home = environment.get("ROS_HOME") or os.path.expanduser("~/.ros")
    yield from check_writing(root, ready, Path.cwd(), Path(ros_home))
    everything = all(part.level == OK for part in installed)
    yield check_disk(shutil.disk_usage(str(root)).free / 2**30, everything)
    yield from check_screen(environment)


def show(found: Iterable[Finding]) -> int:
    """Print findings as they come; returns how many are missing."""
    missing = 0
    for finding in found:
        missing += finding.level == MISSING
        print(f"{finding.level:>7}  {finding.what}", flush=True)
        if finding.remedy:
            print(f"         -> {finding.remedy}", flush=True)
    return missing


def main() -> int:
    """Print the findings for the checkout named by the first argument; 1 if something needed is missing."""
    root, build_stamp = Path(sys.argv[1]), sys.argv[2]
    missing = show(findings(root, build_stamp, os.environ))
    print("XDog can run here." if not missing else f"{missing} to fix.")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
