"""Where XDog's data files (urdf/, launch/, sim/, policies/) lie: a checkout or an installed share folder."""

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
