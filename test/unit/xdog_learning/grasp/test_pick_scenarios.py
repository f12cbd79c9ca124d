"""Held-out scenarios become picks of one scene."""

from pathlib import Path

import numpy as np
import pytest

from xdog_learning.grasp.pick_scenarios import SPACING, write_scene
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.scene import load_scene


def test_every_scenario_has_its_place_in_a_scene_that_loads(tmp_path: Path) -> None:
    sampler = ScenarioSampler()
    scenarios = list(sampler.draws(12, 1000, held_out=True))
    picks = write_scene(scenarios, tmp_path / "new" / "scene.yaml")
    scene = load_scene(str(tmp_path / "new" / "scene.yaml"))
    assert [pick.y for pick in picks] == pytest.approx([SPACING * number for number in range(12)])
    assert len(scene.supports) == sum(scenario.support != "ground" for scenario in scenarios) == 8
    for pick, scenario, placed in zip(picks, scenarios, scene.objects):
        assert (placed.name, placed.item) == (pick.name, scenario.item)
        assert placed.position == pytest.approx(tuple(scenario.position + np.array([0.0, pick.y, 0.0])))
        if scenario.support != "ground":
            piece = scene.supports[f"{scenario.support}_of_{pick.name}"]
            assert (piece.kind, piece.height, piece.edge, piece.y) == (
                scenario.support,
                scenario.surface,
                scenario.edge,
                pick.y,
            )
