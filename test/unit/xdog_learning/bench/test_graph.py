"""From what the probe of the running graph recorded to the metrics."""

import json

import pytest

from xdog_learning.bench.graph import graph_metrics


def test_metrics_of_the_graph() -> None:
    records = {"walking": [(1.0, 5.0), (1.021, 5.02), (1.04, 5.04)]}
    records.update(
        published=[(1.004, 0.5)], safe=[(0.99, 0.3), (1.01, 0.34)], states=[(1.012, 5.01)], commands=[(1.024, 5.01)]
    )
    metrics = graph_metrics(json.loads(json.dumps(records)), 0.02)
    assert metrics == pytest.approx(
        {"loop_jitter_p99_ms": 1.0, "command_latency_p95_ms": 20.0, "real_time_factor": 1.0}
    )
