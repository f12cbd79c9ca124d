"""The demo's command: launch arguments, error messages and the table of metrics."""

import sys
from pathlib import Path

import pytest

from xdog_sim.demo.__main__ import launch_arguments, main, metrics_table
from xdog_sim.demo.metrics import CourseMetrics, PushMetrics


def test_a_screen_gives_viewer_and_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert launch_arguments(None) == {"sim": "true", "viewer": "false", "lockstep": "true"}
    monkeypatch.setenv("DISPLAY", ":0")
    assert launch_arguments(Path("/x/gait.onnx")) == {
        "sim": "true",
        "viewer": "true",
        "lockstep": "false",
        "policy": "/x/gait.onnx",
    }


def test_a_missing_course_gives_one_line_and_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    missing = tmp_path / "nowhere.yaml"
    monkeypatch.setattr("signal.signal", lambda *_: None)  # this process keeps its own
    monkeypatch.setattr(sys, "argv", ["demo", "--course", str(missing), "--out", str(tmp_path)])
    assert main() == 1
    assert capsys.readouterr().out.splitlines() == [
        f"the demo failed: [Errno 2] No such file or directory: '{missing}'"
    ]


@pytest.mark.parametrize("folder", ["run[/1]", "run[old]", ":dog:"])
def test_a_missing_policy_is_named_as_it_was_typed(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    policy = tmp_path / folder / "gait.onnx"
    monkeypatch.setattr("signal.signal", lambda *_: None)  # this process keeps its own
    monkeypatch.setattr(sys, "argv", ["demo", "--policy", str(policy), "--out", str(tmp_path / "out")])
    assert main() == 1
    assert f"the demo failed: there is no policy file {policy}" in capsys.readouterr().out


def test_the_table_shows_what_failed() -> None:
    metrics = CourseMetrics(0.1, 0.2, 1, (PushMetrics("pushed", 0.6, 0.3, None),), 0.05, 0.01, 12.0, 40.0, 2.0)
    cells = [cell for column in metrics_table(metrics).columns for cell in column.cells]
    assert "0.100 m/s and 0.200 rad/s" in cells
    assert "tilt 0.30 rad, not recovered" in cells
    assert not metrics.succeeded
