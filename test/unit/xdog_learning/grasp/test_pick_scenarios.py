"""Held-out placements become lanes of one scene."""

from pathlib import Path

import numpy as np
import pytest

from xdog_learning.grasp.pick_scenarios import LANE, write_scene
from xdog_sim.grasp.scenario import ScenarioSampler
from xdog_sim.scene import load_scene


def test_every_placement_is_a_lane_of_a_scene_that_loads(tmp_path: Path) -> None:
    sampler = ScenarioSampler()
    placements = list(sampler.draws(12, 1000, held_out=True))
    lanes = write_scene(placements, tmp_path / "new" / "scene.yaml")
    scene = load_scene(str(tmp_path / "new" / "scene.yaml"))
    assert [lane.y for lane in lanes] == pytest.approx([LANE * number for number in range(12)])
    assert len(scene.supports) == sum(placement.support != "ground" for placement in placements) == 8
    for lane, placement, item in zip(lanes, placements, scene.objects):
        assert (item.name, item.item) == (lane.name, placement.item)
        assert item.position == pytest.approx(tuple(placement.position + np.array([0.0, lane.y, 0.0])))
        if placement.support != "ground":
            support = scene.supports[f"{placement.support}_of_{lane.name}"]
            assert (support.kind, support.height, support.edge, support.y) == (
                placement.support,
                placement.surface,
                placement.edge,
                lane.y,
            )
