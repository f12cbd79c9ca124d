"""`./xdog bench` as it is called: refusals, the table, JSON as the last line, and its exit status."""

import json
import math
from pathlib import Path
from typing import Any, Dict, List

import pytest

from xdog_learning.bench import BenchError
from xdog_learning.bench.parts import METRICS
from xdog_learning.commands import bench
from xdog_learning.commands.bench import main, metrics_table, value_text


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """Parts that were measured. "policy" takes 0.123456 ms, "graph" cannot be measured."""
    parts: List[str] = []

    def measure_part(part: str, *_: Any) -> Dict[str, Any]:
        parts.append(part)
        if part == "graph":
            raise BenchError("the graph [/red] did not start")
        return {"policy_ms": 0.123456} if part == "policy" else {}

    monkeypatch.setattr(bench, "measure_part", measure_part)
    return parts


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["bench", *words])
    return main()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed=-1"], "--seed is -1; it must be 0 or more"),
        (["--only"], "--only is empty; name at least one"),
        (["--output", __file__], "that is a file, not a folder"),
        (["--policy", "gone[/1].onnx"], "--policy is gone[/1].onnx; there is no such file: train one with"),
        (["--policy", "/"], "--policy is /; that is a folder, not a file"),
    ],
)
def test_bad_options_are_refused_before_any_work(
    measured: List[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, words: Any, message: str
) -> None:
    assert call(monkeypatch, *words) == 2
    assert message in capsys.readouterr().err
    assert not measured


def test_training_needs_no_policy(measured: List[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "--only", "training", "--policy", "gone.onnx") == 0
    assert measured == ["training"]


def test_missing_metrics_are_null_and_the_last_line_is_json(
    measured: List[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    assert call(monkeypatch, "--json", "--only", "policy", "graph", "--output", str(tmp_path)) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {
        "policy_ms": 0.1235,
        "loop_jitter_p99_ms": None,
        "command_latency_p95_ms": None,
        "real_time_factor": None,
    }
    assert "not measured: graph: the graph [/red] did not start" in printed.err
    assert call(monkeypatch, "--only", "policy") == 0


def test_the_table_has_a_row_for_every_metric_and_fault() -> None:
    metrics: Dict[str, Any] = dict.fromkeys(METRICS)
    metrics["fault_to_damping_by_fault"] = {"tilt": 60.0, "nan": 20.0}
    assert metrics_table(metrics).row_count == len(METRICS) + 1


@pytest.mark.parametrize(
    ("value", "text"), [(17234.4, "17234"), (0.6149, "0.615"), (None, "not measured"), (math.inf, "not measured")]
)
def test_numbers_are_shown_with_their_significant_digits(value: float, text: str) -> None:
    assert value_text(value) == text
