"""From faults to damping: what the script of the safety rules' tests prints, and errors."""

import re
from pathlib import Path

import pytest
from repository import ROOT

from xdog_learning.bench import BenchError
from xdog_learning.bench.faults import TIMEOUT, measure_faults


def fault_script(folder: Path, body: str) -> Path:
    path = folder / "faults.py"
    path.write_text(f"import sys\n{body}\n")
    return path


def test_the_faults_get_the_time_that_their_tests_may_take() -> None:
    tests = ROOT / "test" / "ros"
    limits = [
        float(limit)
        for name in ("safety_faults", "safety_stops")
        for limit in re.findall(r'time-limit="(\d+)"', (tests / f"{name}.test").read_text(encoding="utf-8"))
    ]
    assert len(limits) == 2
    assert sum(limits) < TIMEOUT


def test_largest_time_over_the_faults(tmp_path: Path) -> None:
    script = fault_script(
        tmp_path, "print('noise'); print('{\"' + sys.argv[2].split('/')[-1] + '\": 150, \"nan\": 20.5}')"
    )
    metrics = measure_faults(script, tmp_path / "p.onnx")
    assert metrics == {"fault_to_damping_ms": 150.0, "fault_to_damping_by_fault": {"p.onnx": 150.0, "nan": 20.5}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit('no graph')", "failed: no graph"),
        ("print('fine')", "printed 'fine' instead of"),
        ("print('[1]')", "instead of"),
        ("print('{}')", "measured no time"),
        ("print('{\"tilt\": NaN}')", "measured no time"),
        ("print('{\"tilt\": null}')", "instead of"),
    ],
)
def test_faults_that_cannot_be_measured(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=message):
        measure_faults(fault_script(tmp_path, body), tmp_path / "p.onnx")


def test_missing_fault_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"faults\.py is missing"):
        measure_faults(tmp_path / "faults.py", tmp_path / "p.onnx")
