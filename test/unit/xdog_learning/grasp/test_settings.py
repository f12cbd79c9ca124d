"""policies/grasp_training.yaml: read, and refused by entry where it is malformed."""

import copy
import math
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from grasp_trainings import (
    RAW,
    ROBOT,
)

from xdog.core.paths import share_path
from xdog.grasp.observation import TOKEN_NAMES
from xdog.grasp.policy import GraspPolicy
from xdog_learning.grasp.settings import GraspSettingsError, load_grasp_settings, parse_grasp_settings


def test_the_shipped_settings_are_read() -> None:
    settings = load_grasp_settings()
    assert settings.state.token == TOKEN_NAMES
    assert not settings.state.act.vae


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda raw: raw.pop("seed"), "missing seed"),
        (lambda raw: raw.update(mood=1), "unknown mood"),
        (lambda raw: raw["state"].update(token=["centre_x", "smell"]), "state: token"),
        (lambda raw: raw["state"].update(execute=99), "execute is 99; it must lie between 1 and chunk"),
        (lambda raw: raw["state"]["act"].update(width=130), "no multiple of heads"),
        (lambda raw: raw["state"]["act"].update(vae=1), r"state: act\.vae is 1; it must be true or false"),
        (lambda raw: raw["image"]["act"].pop("keypoints"), "needs backbone_width and keypoints"),
        (lambda raw: raw["image"]["noise"].update(shift=1.5), r"shift is 1\.5; it must be a whole number"),
        (lambda raw: raw["state"]["learning"].update(learning_rate="fast"), "learning_rate is 'fast'"),
        (lambda raw: raw["state"]["learning"].update(learning_rate=math.nan), "learning_rate is nan"),
        (lambda raw: raw.update(validation=1.0), "validation is 1.0"),
        (lambda raw: raw.update(state=3), "state: expected a mapping"),
    ],
)
def test_malformed_settings_are_refused(spoil: Callable[[Dict[str, Any]], Any], message: str) -> None:
    raw = copy.deepcopy(RAW)
    spoil(raw)
    with pytest.raises(GraspSettingsError, match=message):
        parse_grasp_settings(raw)


def test_a_settings_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "grasp_training.yaml"
    path.write_text("{")
    with pytest.raises(GraspSettingsError, match="is not valid YAML"):
        load_grasp_settings(path)


@pytest.mark.parametrize("observe", ["state", "image"])
def test_the_shipped_policy_is_that_of_the_settings(observe: str) -> None:
    contract = GraspPolicy(share_path("policies", f"grasp_{observe}.onnx"), ROBOT).contract
    settings = load_grasp_settings().policy(observe)
    assert (contract.chunk, contract.execute) == (settings.chunk, settings.execute)
    assert contract.token == tuple(settings.token)
    assert contract.dataset["demonstrations"] == settings.demonstrations
    assert contract.scores["steps"] == settings.learning.steps
