"""The demo's command line."""

from pathlib import Path

import pytest

from xdog_sim.demo.__main__ import main


@pytest.mark.parametrize("folder", ["run[/1]", "run[old]", ":dog:"])
def test_a_missing_policy_is_named_as_it_was_typed(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    policy = tmp_path / folder / "gait.onnx"
    monkeypatch.setattr("sys.argv", ["demo", "--policy", str(policy), "--out", str(tmp_path / "out")])
    assert main() == 1
    assert f"the demo failed: there is no policy file {policy}" in capsys.readouterr().out
