"""Where XDog's data files (urdf/, launch/, sim/, policies/) are: a checkout or an installed share folder."""

import os
import sys
from pathlib import Path


class DataNotFoundError(FileNotFoundError):
    """XDog's data folder cannot be found."""


def share_path(*parts: str) -> Path:
    """Path of a data file or folder, for example ``share_path("urdf", "xdog.urdf")``.

    Looked for in this order: the folder that the environment variable ``XDOG_SHARE`` names, the checkout that this
    file belongs to, ``share/xdog`` under the Python prefix, and under every entry of ``CMAKE_PREFIX_PATH`` (catkin).

    Raises:
        DataNotFoundError: none of them holds ``urdf/xdog.urdf``.
    """
    roots = [Path(os.environ["XDOG_SHARE"])] if "XDOG_SHARE" in os.environ else []
    roots.append(Path(__file__).resolve().parents[3])
    roots.append(Path(sys.prefix) / "share" / "xdog")
    prefixes = os.environ.get("CMAKE_PREFIX_PATH", "").split(os.pathsep)
    roots.extend(Path(prefix) / "share" / "xdog" for prefix in prefixes if prefix)
    for root in roots:
        if (root / "urdf" / "xdog.urdf").is_file():
            return root.joinpath(*parts)
    looked = ", ".join(str(root) for root in roots)
    raise DataNotFoundError(
        f"XDog's data files are not in any of: {looked}. Set XDOG_SHARE to the folder that holds urdf/, launch/, "
        "sim/ and policies/ (the checkout, or share/xdog of an installation)."
    )


def user_path(text: str) -> Path:
    """The file that a user named in a node's parameter: ``~`` is their home, a relative path starts in their folder.

    roslaunch runs nodes in ~/.ros, but passes on the variable ``PWD`` of the shell that it was started in.

    Raises:
        FileNotFoundError: the path is relative and ``PWD`` is not set.
    """
    path, folder = Path(text).expanduser(), os.environ.get("PWD", "")
    if not path.is_absolute() and not os.path.isabs(folder):
        raise FileNotFoundError(f"{text} is a relative path, and PWD is not set: give the whole path, from / on")
    return Path(folder) / path


def require_writable(path: Path, option: str) -> None:
    """Check before any work that a file, or a folder and files in it, can be written.

    Args:
        path: the file or folder, which need not exist yet.
        option: of the command line, which sets another path.

    Raises:
        OSError: it cannot be written; the message gives the reason and the remedy.
    """
    place = path.absolute()
    while not place.exists():
        place = place.parent
    remedy = f"name another place with {option}"
    if not path.is_absolute():
        remedy = f"run the command in a folder of yours, or {remedy}"
    if place != path.absolute() and not place.is_dir():
        raise NotADirectoryError(f"{path} cannot be written: {place} is a file; {remedy}")
    if not os.access(place, os.W_OK | os.X_OK if place.is_dir() else os.W_OK):
        raise PermissionError(f"{path} cannot be written: you may not write to {place}; {remedy}")
