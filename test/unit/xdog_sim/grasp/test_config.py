"""sim/grasp_scenarios.yaml: every wrong entry is named."""

from pathlib import Path

import pytest

from xdog.core.paths import share_path
from xdog_sim.grasp.config import GraspConfigError, load_grasp_scenarios


def test_wrong_entries_of_the_file_are_named(tmp_path: Path) -> None:
    text = share_path("sim", "grasp_scenarios.yaml").read_text(encoding="utf-8")
    for old, new, message in (
        ("policy_period: 0.04", "policy_perod: 0.04", "missing entries: policy_period; unknown entries: policy_perod"),
        ("lift: 0.05", "lift: much", "success.lift is 'much'; it must be a number"),
        ("edge: [0.03, 0.06]", "edge: [0.06, 0.03]", "edge is .*; its low end lies above"),
    ):
        path = tmp_path / f"{len(message)}.yaml"
        path.write_text(text.replace(old, new))
        with pytest.raises(GraspConfigError, match=message):
            load_grasp_scenarios(path)


def test_the_shipped_file_describes_every_kind_of_object_and_support() -> None:
    config = load_grasp_scenarios()
    assert set(config.objects) == {"ball", "cube", "bottle", "cup"}
    assert set(config.supports) == {"ground", "table", "shelf"}
    assert all(len(pose) == 5 for pose in (config.camera.look_low, config.camera.look_high))
