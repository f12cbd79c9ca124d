"""Where data files are found, how a node resolves a user's path, and whether a result can be written."""

import os
import sys
from pathlib import Path

import pytest
from repository import ROOT

from xdog.core import paths
from xdog.core.paths import DataNotFoundError, require_writable, share_path, user_path


def data_folder(folder: Path) -> Path:
    (folder / "urdf").mkdir(parents=True)
    (folder / "urdf" / "xdog.urdf").touch()
    return folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module in site-packages instead of a checkout, with no data anywhere yet."""
    module = tmp_path / "lib" / "site-packages" / "xdog" / "core" / "paths.py"
    monkeypatch.setattr(paths, "__file__", str(module))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.delenv("XDOG_SHARE", raising=False)
    monkeypatch.delenv("CMAKE_PREFIX_PATH", raising=False)
    return tmp_path


def test_a_checkout_is_its_own_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDOG_SHARE", raising=False)
    assert share_path("urdf", "xdog.urdf") == ROOT / "urdf" / "xdog.urdf"
    assert share_path() == ROOT


def test_the_environment_variable_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDOG_SHARE", str(data_folder(tmp_path)))
    assert share_path("policies") == tmp_path / "policies"


def test_a_variable_that_names_no_data_folder_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDOG_SHARE", str(tmp_path))
    assert share_path() == ROOT


def test_the_prefix_comes_before_catkin(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catkin = data_folder(installed / "ws" / "share" / "xdog")
    monkeypatch.setenv("CMAKE_PREFIX_PATH", f"{installed / 'elsewhere'}:{installed / 'ws'}")
    assert share_path() == catkin
    prefix = data_folder(installed / "prefix" / "share" / "xdog")
    assert share_path() == prefix


def test_no_data_is_one_message_with_the_remedy(installed: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"prefix/share/xdog\. Set XDOG_SHARE to the folder"):
        share_path("urdf")
    assert issubclass(DataNotFoundError, OSError)


@pytest.mark.parametrize(
    ("text", "path"),
    [("gait.onnx", "/somewhere/gait.onnx"), ("~/gait.onnx", "/of/mine/gait.onnx"), ("/a/gait.onnx", "/a/gait.onnx")],
)
def test_a_users_path_starts_in_the_users_working_directory(
    text: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PWD", "/somewhere")
    monkeypatch.setenv("HOME", "/of/mine")
    assert user_path(text) == Path(path)


@pytest.mark.parametrize("folder", ["", "somewhere"])
def test_a_relative_path_without_a_working_directory_is_refused(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PWD", folder)
    with pytest.raises(FileNotFoundError, match=r"gait\.onnx is a relative path.* give the whole path"):
        user_path("gait.onnx")


def test_a_result_needs_a_writable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_writable(tmp_path / "new" / "newer" / "gait.onnx", "--output")
    assert not (tmp_path / "new").exists()
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path)  # root may write anywhere
    with pytest.raises(PermissionError, match=rf"you may not write to {tmp_path}; name another place with --output"):
        require_writable(tmp_path / "new" / "gait.onnx", "--output")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PermissionError, match=r"^out/x .*; run the command in a folder of yours"):
        require_writable(Path("out/x"), "--output")


def test_a_file_is_not_a_folder_for_results(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    require_writable(tmp_path / "out", "--film")
    with pytest.raises(NotADirectoryError, match=rf"{tmp_path}/out is a file"):
        require_writable(tmp_path / "out" / "bench", "--output")
