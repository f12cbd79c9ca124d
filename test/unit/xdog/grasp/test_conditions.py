"""What a policy has learned, as its file holds it."""

from typing import Any, Dict

import pytest

from xdog.core.config_file import ConfigError, Range, parse
from xdog.grasp.conditions import GraspWorkspace, Support, TrainingConditions, ViewPoses


def content() -> Dict[str, Any]:
    ground = {"height": [0, 0.1], "rise": [-0.1, -0.06], "pitch": [0.1, 0.26]}
    return {
        "workspace": {"supports": {"ground": ground}, "radius": [0.15, 0.4], "azimuth": [-0.7, 0.7]},
        "start_noise": 0.15,
    }


def test_conditions_are_read() -> None:
    ground = Support(Range(0.0, 0.1), Range(-0.1, -0.06), Range(0.1, 0.26))
    workspace = GraspWorkspace({"ground": ground}, Range(0.15, 0.4), Range(-0.7, 0.7))
    assert parse(TrainingConditions, content(), "file") == TrainingConditions(workspace, 0.15, None)
    with_views = {**content(), "view_poses": {"low": [0, 0, 0, 0, 0], "high": [1, 1, 1, 1, 1], "above": 0.05}}
    views = parse(TrainingConditions, with_views, "file").view_poses
    assert views == ViewPoses((0.0,) * 5, (1.0,) * 5, 0.05)


@pytest.mark.parametrize(
    ("part", "value", "complaint"),
    [
        ("start_noise", -0.1, "start_noise is -0.1; it must be a number of 0 or above"),
        ("workspace", {}, "workspace.supports is missing"),
        ("view_poses", {"low": [0], "high": [1] * 5, "above": 0.0}, "view_poses.low is .0.; it must be a list of 5"),
    ],
)
def test_wrong_conditions_are_named(part: str, value: Any, complaint: str) -> None:
    with pytest.raises(ConfigError, match=f"file: {complaint}"):
        parse(TrainingConditions, {**content(), part: value}, "file")


def test_the_view_pose_depends_on_the_objects_height_over_the_arm() -> None:
    views = ViewPoses((0.0,) * 5, (1.0,) * 5, 0.05)
    assert views.pose(0.05).tolist() == [0.0] * 5
    assert views.pose(0.051).tolist() == [1.0] * 5
