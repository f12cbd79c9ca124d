"""Scoring picks of the whole dog: placements become lanes of one scene, shares by hand."""

from pathlib import Path

import numpy as np
import pytest

from xdog_learning.commands.evaluate_pick import summarise
from xdog_learning.grasp.pick_scenarios import LANE, PickResult, PickScenario, write_scene
from xdog_learning.report import wilson_interval
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.scene import load_scene


def test_every_placement_is_a_lane_of_a_scene_that_loads(tmp_path: Path) -> None:
    placer = ScenarioSampler()
    placements = list(placer.draws(12, 1000, held_out=True))
    lanes = write_scene(placements, tmp_path / "new" / "scene.yaml")
    scene = load_scene(str(tmp_path / "new" / "scene.yaml"))
    assert [lane.y for lane in lanes] == pytest.approx([LANE * number for number in range(12)])
    assert len(scene.furniture) == sum(placement.support != "ground" for placement in placements) == 8
    for lane, placement, thing in zip(lanes, placements, scene.things):
        assert (thing.name, thing.item) == (lane.name, placement.item)
        assert thing.position == pytest.approx(tuple(placement.position + np.array([0.0, lane.y, 0.0])))
        if placement.support != "ground":
            piece = scene.furniture[f"{placement.support}_of_{lane.name}"]
            assert (piece.kind, piece.height, piece.edge, piece.y) == (
                placement.support,
                placement.surface,
                placement.edge,
                lane.y,
            )


def test_shares_by_hand() -> None:
    def tried(support: str, outcome: str, lifted: bool, attempts: int) -> "tuple[PickScenario, PickResult]":
        return PickScenario("object_0", "ball", support, 0.0, 0.0), PickResult(outcome, "", attempts, lifted, 4.0)

    scores = summarise(
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
