"""The robot's URDF with changes in it, as owners make them."""

import xml.etree.ElementTree as ET
from typing import Optional

from xdog.core.config_file import read
from xdog.core.description import RobotDescription, parse_description
from xdog.core.paths import share_path
from xdog.core.urdf import parse_body

URDF = share_path("urdf", "xdog.urdf").read_text()
HASH = parse_body(URDF, "urdf/xdog.urdf").hash()


def added(text: str) -> str:
    """The robot's URDF with more in it."""
    return URDF.replace("</robot>", f"{text}</robot>")


def changed(before: str, after: str) -> str:
    """The robot's URDF with the first of something replaced."""
    assert before in URDF
    return URDF.replace(before, after, 1)


def body_hash(urdf: str) -> str:
    return parse_body(urdf, "urdf/xdog.urdf").hash()


def fixed(child: str, parent: str = "base_link", origin: str = '<origin xyz="0 0 0.1"/>') -> str:
    return f'<joint name="{child}_joint" type="fixed"><parent link="{parent}"/><child link="{child}"/>{origin}</joint>'


MOUNT = '<link name="lidar_mount"/>' + fixed("lidar_mount")
LIDAR = (
    '<link name="lidar"><inertial><mass value="0.2"/>'
    '<inertia ixx="1e-4" ixy="0" ixz="0" iyy="1e-4" iyz="0" izz="1e-4"/></inertial></link>'
)


def robot_from(urdf: Optional[str] = None, without_collisions: str = "") -> RobotDescription:
    """The robot with another URDF, or with a link that has lost its collision shapes."""
    root = ET.fromstring(urdf or URDF)
    for link in root.findall(f"link[@name='{without_collisions}']"):
        for shape in link.findall("collision"):
            link.remove(shape)
    return parse_description(ET.tostring(root, encoding="unicode"), read(share_path("launch", "config", "robot.yaml")))
