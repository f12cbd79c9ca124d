"""`./xdog evaluate gait` as it is called: refusals before any work, the table, and JSON as the last line."""

import json
from functools import partial
from pathlib import Path
from typing import Any, Dict

import pytest
from gait_episodes import make_episodes
from policy_files import contract_for, write_policy
from simulated_robots import CONFIG, ROBOT

from xdog_learning.commands import evaluate_gait
from xdog_learning.commands.evaluate_gait import GOALS, main
from xdog_learning.gait.contract import make_gait_contract


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["evaluate", *words])
    return main()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--episodes", "0"], "--episodes is 0; it must be 1 or more"),
        (["--episodes=-3"], "--episodes is -3; it must be 1 or more"),
        (["--seed", "999"], "--seed is 999; it must be 1000 or more"),
        (["--seed=-1"], "--seed is -1; it must be 1000 or more"),
        (["--policy", "gone[/1].onnx"], "--policy is gone[/1].onnx; there is no such file: train one with"),
        (["--settings", "gone.yaml"], "--settings is gone.yaml; there is no such file"),
        (["--output", __file__], "that is a file, not a folder"),
    ],
)
def test_bad_options_are_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, words: Any, message: str
) -> None:
    monkeypatch.setattr(evaluate_gait, "load_actor", lambda *_: pytest.fail("it begins"))
    assert call(monkeypatch, *words) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_a_file_without_a_policy_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "bad[/1].onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("nothing")
    assert call(monkeypatch, "--policy", str(path), "--output", str(tmp_path)) == 1
    assert capsys.readouterr().err.startswith(f"xdog evaluate gait: {path} is not an ONNX file")


def test_a_policy_of_other_settings_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path = write_policy(tmp_path / "p.onnx", contract_for(ROBOT))
    assert call(monkeypatch, "--policy", str(path), "--output", str(tmp_path)) == 1
    assert "the settings differ from the policy's contract in: observation" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
def test_the_scores_are_printed_and_the_last_line_is_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def evaluate_policy(_actor: Any, *arguments: Any) -> Any:
        *_, episodes, report = arguments
        report("tracking", 0.5)
        scores: Dict[str, Any] = dict.fromkeys(GOALS, 0.12345)
        scores.update(fall_rate_interval=(0.0, 0.5), standing_drift_cm=float("nan"), episodes=episodes, seed=1000)
        return scores, make_episodes(count=3)

    monkeypatch.setattr(evaluate_gait, "evaluate_policy", evaluate_policy)
    monkeypatch.setattr(evaluate_gait, "speed_curve", partial(pytest.fail, "no curve was asked for"))
    path = write_policy(tmp_path / "p[red].onnx", make_gait_contract(ROBOT, CONFIG, {}))
    output = tmp_path / "run[old]"
    assert call(monkeypatch, "--policy", str(path), "--output", str(output), "--no-curve", "--json") == 0
    printed = capsys.readouterr()
    scores = json.loads(printed.out)
    assert (scores["velocity_rmse"], scores["standing_drift_cm"], scores["episodes"]) == (0.1235, None, 100)
    assert "p[red].onnx: 100 episodes, seed 1000, physics at 1000 Hz" in printed.err
    assert "0.000 .. 0.500" in printed.err
    assert f"Plots: {output / 'tracking.png'}" in printed.err
    assert (output / "tracking.png").is_file()
