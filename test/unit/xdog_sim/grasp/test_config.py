"""sim/grasp_scenarios.yaml: every wrong entry is named."""

from pathlib import Path

import pytest
from settings_files import refusal

from xdog.core.paths import share_path
from xdog_sim.grasp.config import load_grasp_scenarios


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("  ball: {", "  sphere: {", "a key of objects is 'sphere'; it must be one of ball, cube, bottle, cup"),
        ("  table: {", "  desk: {", "a key of supports is 'desk'; it must be one of ground, table, shelf"),
        ("width: 128", "width: 128.5", "camera.width is 128.5; it must be a whole number above 0"),
    ],
)
def test_wrong_entries_of_the_file_are_named(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    shipped = share_path("sim", "grasp_scenarios.yaml")
    assert refusal(load_grasp_scenarios, shipped, old, new, tmp_path) == complaint


def test_what_policies_learn_is_what_the_file_says() -> None:
    config = load_grasp_scenarios()
    state, image = config.conditions(by_image=False), config.conditions(by_image=True)
    assert dict(state.workspace.supports) == dict(config.supports)
    assert (state.workspace.radius, state.workspace.azimuth) == (config.place.radius, config.place.azimuth)
    assert (state.start_noise, state.view_poses) == (config.start.pose_noise, None)
    assert image.start_noise == config.camera.look_noise
    assert image.view_poses is not None
    assert image.view_poses.pose(config.camera.high + 0.01).tolist() == list(config.camera.look_high)
    assert image.view_poses.pose(config.camera.high - 0.01).tolist() == list(config.camera.look_low)


def test_the_shipped_file_describes_every_kind_of_object_and_support() -> None:
    config = load_grasp_scenarios()
    assert set(config.objects) == {"ball", "cube", "bottle", "cup"}
    assert set(config.supports) == {"ground", "table", "shelf"}
