"""Scores of the whole dog's picks, by hand."""

from xdog_learning.grasp.pick_scenarios import PickResult, PickScenario
from xdog_learning.grasp.pick_scoring import summarise_picks
from xdog_learning.report import wilson_interval


def test_shares_by_hand() -> None:
    def tried(support: str, outcome: str, lifted: bool, attempts: int) -> "tuple[PickScenario, PickResult]":
        return PickScenario("object_0", "ball", support, 0.0, 0.0), PickResult(outcome, "", attempts, lifted, 4.0)

    scores = summarise_picks(
        [
            tried("ground", "picked", True, 1),
            tried("ground", "picked", True, 3),
            tried("table", "picked", False, 1),
            tried("table", "missed", False, 3),
        ]
    )
    assert scores["pick_success"] == 0.5
    assert scores["pick_success_interval"] == wilson_interval(2, 4)
    assert (scores["pick_first_attempt"], scores["pick_false_claims"], scores["pick_seconds"]) == (0.25, 1, 4.0)
    assert scores["pick_outcomes"] == {"picked": 3, "missed": 1}
    assert scores["pick_by_support"]["table"] == {"success": 0.0, "interval": wilson_interval(0, 2), "count": 2}
