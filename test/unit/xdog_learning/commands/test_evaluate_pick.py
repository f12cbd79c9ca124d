"""`./xdog evaluate pick` as it is called: refusals before any graph starts, and what it prints."""

import json
from pathlib import Path
from typing import Any, List

import pytest

from xdog_learning.commands import evaluate_pick
from xdog_learning.commands.evaluate_pick import main
from xdog_learning.grasp.pick_scenarios import PickResult, PickScenario
from xdog_sim.ros_graph import GraphError


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["evaluate", *words])
    return main()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--placements", "0"], "--placements is 0; it must be 1 or more"),
        (["--placements=-3"], "--placements is -3; it must be 1 or more"),
        (["--seed", "999"], "--seed is 999; it must be 1000 or more: training and trials use lower seeds"),
        (["--policy", "gone[/1].onnx"], "--policy is gone[/1].onnx; there is no such file: train one with"),
        (["--output", __file__], "that is a file, not a folder"),
    ],
)
def test_bad_options_are_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, words: Any, message: str
) -> None:
    monkeypatch.setattr(evaluate_pick, "attempt_picks", lambda *_: pytest.fail("it starts a graph"))
    assert call(monkeypatch, *words) == 2
    assert message in capsys.readouterr().err


def test_what_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    picks = [
        (PickScenario("object_0", "ball", "ground", 0.0, 0.0), PickResult("picked", "lifted [/red]", 1, True, 4.0)),
        (PickScenario("object_1", "cup", "shelf", 2.0, 0.5), PickResult("missed", "not [bold] seen", 3, False, 9.0)),
    ]

    def attempt_picks(_policy: Path, _count: int, _seed: int, _output: Path, report: Any) -> List[Any]:
        for scenario, result in picks:
            report(scenario, result)
        return picks

    monkeypatch.setattr(evaluate_pick, "attempt_picks", attempt_picks)
    assert call(monkeypatch, "--json", "--output", str(tmp_path / "new")) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["pick_success"] == 0.5
    assert "  1 ball on ground at 0.00 m: picked, 4.0 s\n    lifted [/red]\n" in printed.err
    assert "  2 cup on shelf at 0.50 m: missed, 9.0 s\n    not [bold] seen\n" in printed.err


def test_a_graph_that_fails_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    def attempt_picks(*_: Any) -> None:
        raise GraphError("the ROS graph did not start [/1]")

    monkeypatch.setattr(evaluate_pick, "attempt_picks", attempt_picks)
    assert call(monkeypatch, "--output", str(tmp_path)) == 1
    assert capsys.readouterr().err == "xdog evaluate pick: the ROS graph did not start [/1]\n"
