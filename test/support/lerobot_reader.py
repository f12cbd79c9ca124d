"""Runs in LeRobot's environment, without XDog: loads a dataset with LeRobot and compares it with the true arrays.

Usage: python lerobot_reader.py DATASET EXPECTED.npz
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

CHUNK = 8


def main(folder: str, expected: str) -> None:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    truth = np.load(expected, allow_pickle=False)
    fps, starts = int(truth["fps"]), truth["starts"]
    dataset: Any = LeRobotDataset(
        "xdog/check",
        root=Path(folder),
        video_backend="pyav",
        delta_timestamps={"action": [step / fps for step in range(CHUNK)]},
    )
    assert len(dataset) == starts[-1], len(dataset)
    assert dataset.num_episodes == len(starts) - 1
    assert dataset.fps == fps
    worst = 0.0
    for index in range(len(dataset)):
        item = dataset[index]
        episode = int(np.searchsorted(starts, index, side="right")) - 1
        steps = np.minimum(index + np.arange(CHUNK), starts[episode + 1] - 1)
        np.testing.assert_array_equal(item["observation.state"].numpy(), truth["state"][index])
        np.testing.assert_array_equal(item["observation.environment_state"].numpy(), truth["environment"][index])
        np.testing.assert_array_equal(item["action"].numpy(), truth["action"][steps])
        padded = index + np.arange(CHUNK) >= starts[episode + 1]
        np.testing.assert_array_equal(item["action_is_pad"].numpy(), padded)
        assert item["task"] == str(truth["tasks"][episode]), item["task"]
        assert int(item["episode_index"]) == episode
        if "images" in truth:
            shown = 255.0 * item["observation.images.wrist"].numpy().transpose(1, 2, 0)
            worst = max(worst, float(np.abs(shown - truth["images"][index]).mean()))
    assert worst < 8.0, worst
    stats = dataset.meta.stats
    np.testing.assert_allclose(stats["action"]["mean"], truth["action"].mean(axis=0), atol=1e-5)
    print(
        f"LeRobot read {len(dataset)} frames of {dataset.num_episodes} episodes; "
        f"largest mean error of a picture {worst:.2f} of 255"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
