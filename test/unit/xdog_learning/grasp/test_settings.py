"""policies/grasp_training.yaml: what cannot be trained is refused when it is read."""

from pathlib import Path

import pytest
from settings_files import refusal

from xdog.core.description import load_description
from xdog.core.paths import share_path
from xdog.grasp.observation import OBJECT_FEATURES
from xdog.grasp.policy import GraspPolicy
from xdog_learning.grasp.settings import load_grasp_settings


def test_the_shipped_settings_are_read() -> None:
    settings = load_grasp_settings()
    assert settings.policy("state").token == OBJECT_FEATURES
    assert not settings.state.act.vae


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("centre_z, ", "smell, ", "state: token is ['centre_x', 'centre_y', 'smell', "),
        ("centre_z, ", "centre_x, ", "state: token is ['centre_x', 'centre_y', 'centre_x', "),
        ("execute: 20", "execute: 99", "state: execute is 99; it must be from 1 to chunk, 32"),
        ("width: 128", "width: 130", "state.act: width is 130; it must be a multiple of heads, 4"),
        ("vae: false", "vae: 1", "state.act.vae is 1; it must be true or false"),
        (
            "demonstrations: 2500",
            "demonstrations: 1",
            "state.demonstrations is 1; it must be a whole number of 2 or above",
        ),
        ("keypoints: 32", "keypoints: 0", "image.act needs backbone_width and keypoints above 0"),
        ("shift: 0", "shift: 1.5", "state.noise.shift is 1.5; it must be a whole number of 0 or above"),
        (
            "learning_rate: 1.0e-3",
            "learning_rate: -1",
            "state.learning.learning_rate is -1; it must be a number above 0",
        ),
        ("validation: 0.1", "validation: 1.0", "validation is 1.0; it must be a number from 0.01 to 0.99"),
    ],
)
def test_invalid_settings_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    shipped = share_path("policies", "grasp_training.yaml")
    assert refusal(load_grasp_settings, shipped, old, new, tmp_path).startswith(complaint)


@pytest.mark.parametrize("observe", ["state", "image"])
def test_the_shipped_policy_is_that_of_the_settings(observe: str) -> None:
    contract = GraspPolicy(share_path("policies", f"grasp_{observe}.onnx"), load_description()).contract
    settings = load_grasp_settings().policy(observe)
    assert (contract.chunk, contract.execute) == (settings.chunk, settings.execute)
    assert contract.token == tuple(settings.token)
    assert contract.dataset["demonstrations"] == settings.demonstrations
    assert contract.scores["steps"] == settings.learning.steps
