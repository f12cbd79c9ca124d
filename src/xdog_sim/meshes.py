"""Mesh files that a URDF names, found for MuJoCo: package:// as ROS resolves it, without ROS."""

import os
import re
import sys
import xml.etree.ElementTree as ET
from functools import lru_cache
from pathlib import Path
from typing import Iterator, Optional

import mujoco

from xdog.core.description import DescriptionError
from xdog.core.paths import share_path

ADVICE = "put the file there, correct the name, or remove the element"


def find_package(name: str) -> Optional[Path]:
    """The folder of a ROS package: XDog's own data, or a package on ``ROS_PACKAGE_PATH``; None if there is none."""
    if name == "xdog":
        return share_path()
    roots = [Path(entry) for entry in os.environ.get("ROS_PACKAGE_PATH", "").split(os.pathsep) if entry]
    return next((path for root in roots for path in _packages(root) if _package_name(path) == name), None)


def _packages(root: Path) -> Iterator[Path]:
    """Folders with a package.xml at a root of ROS_PACKAGE_PATH: itself, its children, and theirs."""
    for pattern in ("package.xml", "*/package.xml", "*/*/package.xml"):
        yield from (found.parent for found in sorted(root.glob(pattern)))


def _package_name(folder: Path) -> str:
    match = re.search(r"<name>\s*([^<\s]+)\s*</name>", (folder / "package.xml").read_text("utf-8", "replace"))
    return match[1] if match else ""


def resolve_mesh(name: str) -> Path:
    """The file of a mesh.

    Args:
        name: as in the URDF: package://PACKAGE/FILE, file:///FILE, an absolute path, or one from the urdf folder on.

    Raises:
        FileNotFoundError: there is none; the message says why and what to do.
        ValueError: MuJoCo cannot load it.
    """
    match = re.fullmatch(r"package://([^/]+)/(.+)", name)
    if match:
        package = find_package(match[1])
        if package is None:
            raise FileNotFoundError(
                f"there is no package '{match[1]}' on ROS_PACKAGE_PATH: source the workspace that holds it, or correct "
                "the name"
            )
        path = package / match[2]
    else:
        path = share_path("urdf") / re.sub(r"^file://", "", name)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}: {ADVICE}")
    _check_loadable(path)
    return path


@lru_cache(maxsize=None)
def _check_loadable(path: Path) -> None:
    """Raises ValueError if MuJoCo cannot load a mesh."""
    spec = mujoco.MjSpec()
    spec.add_mesh(name="mesh", file=str(path.absolute()))
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="mesh", contype=0, conaffinity=0)
    try:
        spec.compile()
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"MuJoCo cannot load {path} ({reason}): convert it to .stl or .obj") from error


@lru_cache(maxsize=None)
def urdf_with_meshes(urdf: str) -> str:
    """A URDF whose mesh files MuJoCo finds. A visual without a usable file is left out with a warning.

    Raises:
        DescriptionError: a collision shape without a usable file; the message names link, file and remedy.
    """
    root = ET.fromstring(urdf)
    if root.find("link/*/geometry/mesh") is None:
        return urdf
    for link in root.findall("link"):
        for shape in [*link.findall("collision"), *link.findall("visual")]:
            mesh = shape.find("geometry/mesh")
            if mesh is None:
                continue
            name = mesh.get("filename", "")
            try:
                mesh.set("filename", str(resolve_mesh(name).absolute()))
            except (FileNotFoundError, ValueError) as error:
                text = f"urdf/xdog.urdf: the mesh '{name}' of a {shape.tag} of link '{link.get('name')}': {error}"
                if shape.tag == "collision":
                    raise DescriptionError(text) from error
                print(f"xdog: warning: {text}. It is not shown.", file=sys.stderr)
                link.remove(shape)
    options = root.find("mujoco")
    options = ET.SubElement(root, "mujoco") if options is None else options
    compiler = options.find("compiler")
    compiler = ET.SubElement(options, "compiler") if compiler is None else compiler
    compiler.set("strippath", "false")
    return ET.tostring(root, encoding="unicode")
