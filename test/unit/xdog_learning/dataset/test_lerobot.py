"""LeRobot 0.4.4 itself reads what XDog writes, and XDog adds to what LeRobot wrote or edited.

Needs the environment that scripts/check_lerobot makes.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, List, Optional, Tuple

import numpy as np
import pytest
from demonstrations import FPS, make_episode, write_dataset
from repository import ROOT

from xdog_learning.dataset import DatasetWriter, load_dataset
from xdog_learning.dataset.features import Features

VENV = ROOT / "build" / "lerobot-venv"
TOOLS = ROOT / "test" / "support" / "lerobot_tools.py"
CAMERA = "observation.images.wrist"
HISTORIES = ("created", "deleted", "split", "merged", "modified", "converted")
SIZE = (64, 64)

pytestmark = pytest.mark.skipif(
    not (VENV / "installed").exists(), reason="LeRobot is not installed: .venv/bin/python scripts/check_lerobot"
)
sizes = pytest.mark.parametrize("size", [None, SIZE], ids=["state", "images"], scope="module")


def lerobot(folder: Path, *arguments: Any) -> None:
    """Run lerobot_tools.py in LeRobot's environment."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment.update(HF_HUB_OFFLINE="1", HF_HOME=str(folder / "huggingface"), SVT_LOG="0")
    command = [VENV / "bin" / "python", TOOLS, *arguments]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
    assert run.returncode == 0, run.stderr[-3000:]


def read_by_lerobot(folder: Path, *datasets: Path) -> List[Any]:
    lerobot(folder, "read", *datasets)
    return [np.load(dataset.with_name(dataset.name + ".npz")) for dataset in datasets]


def assert_read_alike(dataset: Path, found: Any) -> None:
    """XDog and LeRobot read the same."""
    data = load_dataset(dataset, images=True)
    np.testing.assert_array_equal(found["observation.state"], data.state)
    np.testing.assert_array_equal(found["observation.environment_state"], data.environment_state)
    np.testing.assert_array_equal(found["action"][:, 0], data.action)
    assert found["task"].tolist() == np.repeat(data.tasks, np.diff(data.starts)).tolist()
    assert found["episodes"] == len(data)
    chunk = found["action"].shape[1]
    last = data.starts[1:][found["episode_index"].ravel()] - 1
    steps = np.arange(len(data.state))[:, None] + np.arange(chunk)
    np.testing.assert_array_equal(found["action"], data.action[np.minimum(steps, last[:, None])])
    np.testing.assert_array_equal(found["action_is_pad"], steps > last[:, None])
    for name in ("mean", "std", "min", "max"):
        expected = getattr(data.action.astype(float), name)(axis=0)
        np.testing.assert_allclose(found[f"stats/action/{name}"], expected, atol=1e-5)
    assert (CAMERA in found) == (data.images is not None)
    if data.images is not None:
        off = np.abs(found[CAMERA] - data.images).mean(axis=(1, 2, 3))
        assert off.max() < 3.0, "of 255; the next frame differs by 5, the decoders' rounding by 1"


@sizes
def test_lerobot_reads_what_xdog_wrote(tmp_path: Path, size: Optional[Tuple[int, int]]) -> None:
    episodes = [make_episode(seed, 12 + 5 * seed, size, f"pick up number {seed % 2}") for seed in range(4)]
    write_dataset(tmp_path / "closed", episodes)
    writer = DatasetWriter(tmp_path / "killed")
    for episode in episodes:
        writer.add(episode)
    writer._held.close()
    for folder, found in zip(("closed", "killed"), read_by_lerobot(tmp_path, tmp_path / "closed", tmp_path / "killed")):
        assert_read_alike(tmp_path / folder, found)
        np.testing.assert_array_equal(found["observation.state"], np.concatenate([e.state for e in episodes]))


@pytest.fixture(scope="module")
def histories(size: Optional[Tuple[int, int]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One dataset for each of HISTORIES, written and edited by LeRobot."""
    folder = tmp_path_factory.mktemp("lerobot")
    (folder / "features.json").write_text(json.dumps(Features(FPS, size).table()))
    lerobot(folder, "make", folder / "features.json", folder)
    return folder


@sizes
def test_xdog_reads_and_adds_to_what_lerobot_wrote(
    histories: Path, tmp_path: Path, size: Optional[Tuple[int, int]]
) -> None:
    folders = [Path(shutil.copytree(histories / name, tmp_path / name)) for name in HISTORIES]
    for folder, found in zip(folders, read_by_lerobot(tmp_path, *folders)):
        assert_read_alike(folder, found)
        before = load_dataset(folder, images=True)
        for seed in (7, 8):
            write_dataset(folder, [make_episode(seed, 9 + seed, size, "pick up the new")])
        after = load_dataset(folder, images=True)
        assert len(after) == len(before) + 2
        np.testing.assert_array_equal(after.state[: len(before.state)], before.state)
        if before.images is not None:
            assert after.images is not None
            np.testing.assert_array_equal(after.images[: len(before.images)], before.images)
    for folder, found in zip(folders, read_by_lerobot(tmp_path, *folders)):
        assert_read_alike(folder, found)


@sizes
def test_lerobots_tools_work_on_a_dataset_of_both(
    histories: Path, tmp_path: Path, size: Optional[Tuple[int, int]]
) -> None:
    folder = tmp_path / "both"
    write_dataset(folder, [make_episode(1, 9, size)])
    lerobot(tmp_path, "append", folder)
    write_dataset(folder, [make_episode(2, 9, size)])
    lerobot(tmp_path, "append", folder)
    (found,) = read_by_lerobot(tmp_path, folder)
    assert found["episodes"] == 4
    assert_read_alike(folder, found)
    shutil.copytree(histories / "converted", tmp_path / "converted")
    write_dataset(tmp_path / "converted", [make_episode(1, 9, size)])
    for name in ("both", "converted"):
        lerobot(tmp_path, "delete", tmp_path / name, tmp_path / f"{name}_deleted")
        (found,) = read_by_lerobot(tmp_path, tmp_path / f"{name}_deleted")
        assert_read_alike(tmp_path / f"{name}_deleted", found)
