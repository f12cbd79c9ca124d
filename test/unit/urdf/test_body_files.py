"""The body's files: readable by ROS, generated from the sources, without meshes."""

import shutil
import subprocess
import sys
from pathlib import Path

from repository import ROOT

URDF = ROOT / "urdf" / "xdog.urdf"


def generate(checkout: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    script = checkout / "scripts" / "generate_urdf"
    return subprocess.run([sys.executable, str(script), *options], capture_output=True, text=True, check=False)


def copied_sources(folder: Path) -> Path:
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "generate_urdf", folder / "scripts")
    shutil.copytree(ROOT / "urdf", folder / "urdf")
    return folder


def test_check_urdf_accepts_it() -> None:
    assert shutil.which("check_urdf"), "check_urdf is missing: apt-get install liburdfdom-tools"
    result = subprocess.run(["check_urdf", str(URDF)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "root Link: base_link" in result.stdout
    assert "rror" not in result.stdout + result.stderr


def test_committed_urdf_is_what_the_sources_expand_to() -> None:
    result = generate(ROOT, "--check")
    assert result.returncode == 0, result.stderr


def test_check_reports_a_changed_source_and_generating_mends_it(tmp_path: Path) -> None:
    checkout = copied_sources(tmp_path)
    leg = checkout / "urdf" / "leg.xacro"
    leg.write_text(leg.read_text().replace('name="thigh_length" value="0.150"', 'name="thigh_length" value="0.151"'))
    before = (checkout / "urdf" / "xdog.urdf").read_text()

    result = generate(checkout, "--check")
    assert result.returncode == 1
    assert "xdog.urdf differs from its xacro sources; run scripts/generate_urdf" in result.stderr
    assert (checkout / "urdf" / "xdog.urdf").read_text() == before

    assert generate(checkout).returncode == 0
    assert 'xyz="0 0 -0.151"' in (checkout / "urdf" / "xdog.urdf").read_text()
    assert generate(checkout, "--check").returncode == 0


def test_no_mesh_is_needed() -> None:
    assert "<mesh" not in URDF.read_text()
    assert {path.suffix for path in (ROOT / "urdf").iterdir()} == {".xacro", ".urdf"}
