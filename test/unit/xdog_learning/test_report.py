"""Intervals as published, scores by hand, and values that are always JSON."""

import json
import math
from typing import Tuple

import numpy as np
import pytest

from xdog_learning.report import (
    bootstrap_interval,
    interval_text,
    make_table,
    print_json,
    root_mean,
    success_by,
    success_rate,
    to_json,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("successes", "trials", "interval"),
    [
        (0, 10, (0.0, 0.2775)),  # Newcombe 1998, Statistics in Medicine 17, table I: methods compared, Wilson's score
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_intervals_as_published(successes: int, trials: int, interval: Tuple[float, float]) -> None:
    assert wilson_interval(successes, trials) == pytest.approx(interval, abs=1e-4)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 2)])
def test_no_rate_is_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        wilson_interval(successes, trials)


def test_bootstrap_interval_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    low, high = bootstrap_interval(values)
    error = values.std() / math.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.04)
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval(np.full(7, 2.0)) == (2.0, 2.0)


def test_root_mean_weighs_episodes_by_their_samples() -> None:
    assert root_mean(np.array([[4.0, 1.0], [0.0, 3.0]])) == 1.0
    assert root_mean(np.array([9.0, 16.0])) == pytest.approx(math.sqrt(12.5))


def test_rates_of_groups_by_hand() -> None:
    assert success_rate([True, False, True, True]) == (0.75, wilson_interval(3, 4))
    assert success_by(["b", "a", "b", "a"], [True, False, True, True], "trials") == {
        "a": {"success": 0.5, "interval": wilson_interval(1, 2), "trials": 2},
        "b": {"success": 1.0, "interval": wilson_interval(2, 2), "trials": 2},
    }


def test_numbers_are_rounded_and_what_is_not_finite_is_null(capsys: pytest.CaptureFixture) -> None:
    values = {
        "rate": np.float32(0.123456),
        "interval": (0.25, math.inf),
        "falls": 3,
        "none": None,
        "name": "policy[1]",
        "curve": [{"speed": np.float64(math.nan)}],
        "row": np.array([1.0, 2.00004]),
    }
    expected = {
        "rate": 0.1235,
        "interval": [0.25, None],
        "falls": 3,
        "none": None,
        "name": "policy[1]",
        "curve": [{"speed": None}],
        "row": [1.0, 2.0],
    }
    assert to_json(values) == expected
    print_json(values)
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert json.loads(printed) == expected


def test_a_table_has_its_rows() -> None:
    table = make_table("score", "value", title="scores", rows=[["a", interval_text((0.5, 0.75))], ["b", "2"]])
    assert [list(column.cells) for column in table.columns] == [["a", "b"], ["0.500 .. 0.750", "2"]]
