"""Time of one step of the policy."""

from pathlib import Path

import pytest
from bench_case import no_report
from policy_files import contract_for, write_policy

from xdog.core.description import load_description
from xdog_learning.bench import BenchError
from xdog_learning.bench.inference import measure_policy

ROBOT = load_description()


def test_policy_is_timed_in_ms(tmp_path: Path) -> None:
    path = write_policy(tmp_path / "zero.onnx", contract_for(ROBOT))
    assert 0.001 < measure_policy(path, 0, no_report, steps=20)["policy_ms"] < 1000.0


def test_unusable_policy_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_text("nothing")
    with pytest.raises(BenchError, match=r"bad\.onnx is not an ONNX file"):
        measure_policy(tmp_path / "bad.onnx", 0, no_report)
