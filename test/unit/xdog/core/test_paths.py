"""Where data files are found: the environment variable, the checkout, the Python prefix, catkin's prefixes."""

import sys
from pathlib import Path

import pytest
from repository import ROOT

from xdog.core import paths
from xdog.core.paths import DataNotFoundError, share_path


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


def test_a_variable_that_names_no_data_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
