"""LeRobot itself loads what XDog writes. Needs the environment that scripts/check_lerobot makes."""

import os
import subprocess
from pathlib import Path
from typing import Optional, Tuple

import numpy as np
import pytest
from demonstrations import FPS, make_episode
from repository import ROOT

from xdog_learning.dataset import DatasetWriter

PYTHON = ROOT / "build" / "lerobot-venv" / "bin" / "python"
INSTALLED = ROOT / "build" / "lerobot-venv" / "installed"


@pytest.mark.skipif(not INSTALLED.exists(), reason="LeRobot is not installed: .venv/bin/python scripts/check_lerobot")
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "killed"])
@pytest.mark.parametrize("size", [None, (48, 64)], ids=["state", "images"])
def test_lerobot_loads_it(tmp_path: Path, size: Optional[Tuple[int, int]], closed: bool) -> None:
    episodes = [make_episode(seed, 12 + 5 * seed, size, f"pick up number {seed % 2}") for seed in range(4)]
    writer = DatasetWriter(tmp_path / "dataset")
    for episode in episodes:
        writer.add(episode)
    if closed:
        writer.close()
    else:
        writer._held.close()
    arrays = {
        "state": np.concatenate([episode.state for episode in episodes]),
        "environment": np.concatenate([episode.environment_state for episode in episodes]),
        "action": np.concatenate([episode.action for episode in episodes]),
        "starts": np.cumsum([0, *map(len, episodes)]),
        "tasks": np.array([episode.task for episode in episodes]),
        "fps": np.array(FPS),
    }
    if size is not None:
        arrays["images"] = np.concatenate([episode.images for episode in episodes if episode.images is not None])
    np.savez(tmp_path / "expected.npz", **arrays)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment.update(HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "huggingface"))
    command = [PYTHON, Path(__file__).with_name("lerobot_reader.py"), tmp_path / "dataset", tmp_path / "expected.npz"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert run.returncode == 0, run.stderr
    print(run.stdout)
