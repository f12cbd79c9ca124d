"""One set-up for catkin and pip: name and version come from package.xml, everything else from pyproject.toml."""

import os
from pathlib import Path
from xml.etree import ElementTree

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
MANIFEST = ElementTree.parse(str(HERE / "package.xml")).getroot()


def data_files():
    """Data that the code loads, for share/xdog. Catkin's own install rules (CMakeLists.txt) copy it themselves."""
    if "CATKIN_BINARY_DIR" in os.environ:
        return []
    files = {}
    for folder in ("urdf", "launch", "sim", "policies"):
        for path in sorted((HERE / folder).rglob("*")):
            if path.is_file():
                relative = path.relative_to(HERE)
                files.setdefault(f"share/xdog/{relative.parent.as_posix()}", []).append(relative.as_posix())
    return sorted(files.items())


setup(
    name=MANIFEST.findtext("name"),
    version=MANIFEST.findtext("version"),
    license=MANIFEST.findtext("license"),
    packages=find_packages("src"),
    package_dir={"": "src"},
    data_files=data_files(),
)
