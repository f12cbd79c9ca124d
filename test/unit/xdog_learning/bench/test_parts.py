"""The parts of the benchmark: each measures its metrics, and one that fails does not stop the others."""

from pathlib import Path
from typing import Any, Dict

import pytest
from bench_case import no_report
from policy_files import contract_for, write_policy

from xdog.core.description import load_description
from xdog_learning.bench import BenchError
from xdog_learning.bench.parts import METRICS, PARTS, Part, measure_part, measure_parts


def test_every_metric_belongs_to_a_part() -> None:
    assert {part for part, _, _ in METRICS.values()} == set(PARTS)


def test_a_part_that_fails_leaves_its_metrics_empty_and_the_others_go_on() -> None:
    def measure(part: Part) -> Dict[str, Any]:
        if part == "graph":
            raise BenchError("no graph")
        return {"policy_ms": 0.2}

    metrics, problems = measure_parts(("graph", "policy"), measure)
    assert metrics == {
        "loop_jitter_p99_ms": None, "command_latency_p95_ms": None, "real_time_factor": None, "policy_ms": 0.2,
    }  # fmt: skip
    assert problems == ["graph: no graph"]


def test_the_part_policy_measures_the_policy(tmp_path: Path) -> None:
    path = write_policy(tmp_path / "zero.onnx", contract_for(load_description()))
    assert list(measure_part("policy", path, 0, tmp_path, no_report)) == ["policy_ms"]


def test_an_unusable_policy_is_an_error_of_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"gone\.onnx"):
        measure_part("policy", tmp_path / "gone.onnx", 0, tmp_path, no_report)
