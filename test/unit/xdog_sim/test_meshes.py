"""Meshes that a URDF names: found through packages, left out with a warning, or refused with link, file and remedy."""

import struct
from pathlib import Path
from typing import Optional

import mujoco
import numpy as np
import pytest
import yaml

from xdog.core.description import DescriptionError, RobotDescription, load_description, parse_description
from xdog.core.paths import share_path
from xdog_sim import meshes
from xdog_sim.meshes import find_package, resolve_mesh, urdf_with_meshes
from xdog_sim.world import WorldOptions, build_model

ROBOT = load_description()
CONFIG = yaml.safe_load(share_path("launch", "config", "robot.yaml").read_text())
CORNERS = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]], dtype="<f4")


def write_stl(path: Path) -> None:
    """A tetrahedron in binary STL."""
    faces = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
    rows = [np.concatenate([np.zeros(3, "<f4"), *CORNERS[list(face)]]).tobytes() + b"\0\0" for face in faces]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(80) + struct.pack("<I", len(rows)) + b"".join(rows))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ROS workspace with a package 'rex' that holds a mesh."""
    package = tmp_path / "src" / "robots" / "rex_robot"
    write_stl(package / "meshes" / "shell.stl")
    (package / "package.xml").write_text("<package><name>rex</name></package>")
    monkeypatch.setenv("ROS_PACKAGE_PATH", f"{tmp_path / 'none'}:{tmp_path / 'src'}")
    return package


def robot_with(tag: str, mesh: str, urdf: Optional[str] = None) -> RobotDescription:
    shape = f'<{tag}><geometry><mesh filename="{mesh}"/></geometry></{tag}>'
    text = (urdf or ROBOT.urdf).replace('<link name="imu_link"/>', f'<link name="imu_link">{shape}</link>')
    return parse_description(text, CONFIG)


def test_the_robots_own_urdf_is_left_alone() -> None:
    assert urdf_with_meshes(ROBOT.urdf) is ROBOT.urdf


def test_packages_are_found_by_their_names(workspace: Path) -> None:
    assert find_package("rex") == workspace
    assert find_package("xdog") == share_path()
    assert find_package("rex_robot") is None  # that is its folder
    assert resolve_mesh("package://rex/meshes/shell.stl") == workspace / "meshes" / "shell.stl"
    assert resolve_mesh(f"file://{workspace}/meshes/shell.stl") == workspace / "meshes" / "shell.stl"


def test_a_visual_mesh_is_shown(workspace: Path) -> None:
    model = build_model(WorldOptions(sensors=False), robot_with("visual", "package://rex/meshes/shell.stl"))
    assert model.nmesh == 1
    plain = build_model(WorldOptions(sensors=False), ROBOT)
    assert model.ngeom == plain.ngeom + 1
    np.testing.assert_array_equal(model.body_mass, plain.body_mass)


def test_a_collision_mesh_counts(workspace: Path) -> None:
    options = WorldOptions(sensors=False, visuals=False)
    model = build_model(options, robot_with("collision", "package://rex/meshes/shell.stl"))
    assert mujoco.mjtGeom.mjGEOM_MESH in model.geom_type[model.geom_contype > 0]


@pytest.mark.parametrize(
    ("mesh", "reason"),
    [
        ("package://rex/meshes/lost.stl", "there is no file "),
        ("package://max/meshes/shell.stl", "there is no package 'max' on ROS_PACKAGE_PATH: source the workspace"),
        ("shell.stl", "there is no file "),
        ("package://rex/meshes/broken.stl", "MuJoCo cannot load "),
        ("package://rex/meshes/shell.dae", "convert it to .stl or .obj"),
    ],
)
def test_without_a_usable_file_a_visual_is_left_out_and_a_collision_refused(
    workspace: Path, capsys: pytest.CaptureFixture, mesh: str, reason: str
) -> None:
    for name in ("broken.stl", "shell.dae"):
        (workspace / "meshes" / name).write_text("no mesh")
    options = WorldOptions(sensors=False)
    model = build_model(options, robot_with("visual", mesh))
    assert model.nmesh == 0
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1
    assert f"the mesh '{mesh}' of a visual of link 'imu_link': " in warning
    assert reason in warning
    with pytest.raises(DescriptionError, match="of a collision of link 'imu_link'") as caught:
        build_model(options, robot_with("collision", mesh))
    assert reason in str(caught.value)


def test_a_package_without_a_name_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "package.xml").write_text("<package/>")
    assert meshes._package_name(tmp_path) == ""
