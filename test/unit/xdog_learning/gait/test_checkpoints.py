"""Content of a gait's checkpoint; a restored model continues where the old one stopped."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List

import pytest
import torch
from gait_learners import make_learner
from simulated_robots import CONFIG, ROBOT

from xdog.core.config_file import Range
from xdog_learning.gait import checkpoints
from xdog_learning.gait.checkpoints import GaitProgress, make_checkpoint, restore_checkpoint, training_inputs
from xdog_learning.run_folder import NEWEST, CheckpointError, RunFolder, fitting
from xdog_sim.config import load_sim_config
from xdog_sim.randomization import load_ranges


def test_every_input_of_a_run_counts_except_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = training_inputs(ROBOT, CONFIG, load_ranges())

    def changed(robot: Any = ROBOT, config: Any = CONFIG, ranges: Any = None) -> List[str]:
        others = training_inputs(robot, config, ranges or load_ranges())
        return [name for name in inputs if others[name] != inputs[name]]

    assert changed(config=replace(CONFIG, reward={**CONFIG.reward, "slip": -0.1})) == ["the settings"]
    assert changed(robot=replace(ROBOT, urdf_hash="0123456789abcdef")) == ["the robot's body or stand pose"]
    assert changed(ranges=replace(load_ranges(), friction=Range(0.1, 0.2))) == ["sim/randomization.yaml"]
    assert changed(config=replace(CONFIG, ppo=replace(CONFIG.ppo, total_steps=1))) == []
    monkeypatch.setattr(checkpoints, "load_sim_config", lambda: load_sim_config().perfect())
    assert changed() == ["legs.ramp of sim/hardware.yaml"]


def test_a_restored_model_continues_where_the_other_stopped(tmp_path: Path) -> None:
    folder, first = RunFolder(tmp_path), make_learner(tmp_path, 2)
    first.learn(2 * 8)
    progress = GaitProgress(12.5, {"total": 3.0}, first.num_timesteps, first._n_updates, first.rate)
    folder.save(make_checkpoint(first, {"a": "b"}, progress), is_best=False)
    second = make_learner(tmp_path, 2)
    with torch.no_grad():
        second.policy.log_std += 1.0  # type: ignore[operator]
    assert restore_checkpoint(second, folder.read(NEWEST)) == progress
    assert (second.num_timesteps, second._n_updates, second.rate) == (16, 1, first.rate)
    for name, weights in first.policy.state_dict().items():
        assert torch.equal(second.policy.state_dict()[name], weights)
    old, new = (model.policy.optimizer.state_dict()["state"] for model in (first, second))
    assert old
    assert all(torch.equal(new[key]["exp_avg"], old[key]["exp_avg"]) for key in old)


@pytest.mark.parametrize(
    "change",
    [
        {"progress": None},
        {"progress": {"steps": 3}},
        {"progress": {"seconds": "long", "best": {}, "steps": 1, "updates": 1, "rate": 1.0}},
        {"progress": {"seconds": 1.0, "best": [], "steps": 1, "updates": 1, "rate": 1.0}},
        {"network": {}},
        {"network": [1]},
        {"optimizer": {}},
    ],
)
def test_content_that_does_not_fit_is_one_message(tmp_path: Path, change: Dict[str, Any]) -> None:
    model = make_learner(tmp_path, 2)
    content = {**make_checkpoint(model, {}, GaitProgress()), **change}
    with pytest.raises(CheckpointError, match="run does not fit this training"), fitting(Path("run")):
        restore_checkpoint(model, content)


def test_the_first_check_is_the_best_so_far() -> None:
    assert GaitProgress().best == {"total": math.inf}
