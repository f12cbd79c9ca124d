"""Runs in LeRobot's environment, without XDog: writes and edits datasets with LeRobot's own tools, and reads them.

Usage: python lerobot_tools.py make FEATURES.json FOLDER    one dataset in FOLDER for each history of `HISTORIES`
       python lerobot_tools.py append FOLDER                an episode more, recorded by LeRobot
       python lerobot_tools.py delete FOLDER NEW            all episodes but the first, into a new folder
       python lerobot_tools.py read FOLDER...               what LeRobot reads, to FOLDER.npz
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pandas as pd
from lerobot.datasets.dataset_tools import (
    _keep_episodes_from_video_with_av,
    delete_episodes,
    merge_datasets,
    modify_tasks,
    split_dataset,
)
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.datasets.v30.convert_dataset_v21_to_v30 import convert_dataset

HISTORIES = ("created", "deleted", "split", "merged", "modified", "converted")
NAME = "xdog/check"
CAMERA = "observation.images.wrist"
LENGTHS = (10, 13, 8)
CHUNK = 8


def load(folder: Path, **options: Any) -> Any:
    return LeRobotDataset(NAME, root=folder, video_backend="pyav", **options)


def record(dataset: Any, number: int) -> None:
    """An episode of smooth joint angles, rad, and pictures that change with every frame."""
    for step in range(LENGTHS[number % len(LENGTHS)]):
        angles = (0.15 * np.sin(np.arange(6) + 0.1 * step + number)).astype(np.float32)
        frame = {
            "observation.state": angles,
            "action": angles + np.float32(0.01),
            "observation.environment_state": np.linspace(0.0, 1.0 + number, 8, dtype=np.float32),
            "task": f"pick up number {number % 2}",
        }
        if CAMERA in dataset.features:
            frame[CAMERA] = np.full(dataset.features[CAMERA]["shape"], (40 * number + 5 * step) % 256, np.uint8)
        dataset.add_frame(frame)
    dataset.save_episode()


def make(features_file: str, out: str) -> None:
    root = Path(out)
    listed: Dict[str, Any] = json.loads(Path(features_file).read_text())
    order = ["action", "observation.environment_state", "observation.state", CAMERA]  # not XDog's
    features = {name: {**listed[name], "shape": tuple(listed[name]["shape"])} for name in order if name in listed}
    for feature in features.values():
        feature.pop("info", None)
    options = {"root": root / "created", "robot_type": "xdog_so101", "use_videos": CAMERA in features}
    dataset = LeRobotDataset.create(NAME, 25, features, **options)
    for number in range(len(LENGTHS)):
        record(dataset, number)
    dataset.finalize()
    created = load(root / "created")
    delete_episodes(created, [1], output_dir=root / "deleted", repo_id=NAME)
    split_dataset(created, {"first": [0], "rest": [1, 2]}, output_dir=root / "parts")
    shutil.move(str(root / "parts" / "rest"), str(root / "split"))
    merge_datasets([created, created], NAME, output_dir=root / "merged")
    shutil.copytree(root / "created", root / "modified")
    modify_tasks(load(root / "modified"), new_task="pick up anything")
    write_v21(created, root / "converted")
    convert_dataset("converted", root=root, push_to_hub=False)


def write_v21(dataset: Any, root: Path) -> None:
    """The dataset as LeRobot wrote it before v3.0: a file an episode, no quantiles."""
    episodes = read_parquet(dataset.root, "meta/episodes")
    frames = read_parquet(dataset.root, "data")
    info = json.loads((dataset.root / "meta/info.json").read_text())
    del info["data_files_size_in_mb"], info["video_files_size_in_mb"]
    info.update(codebase_version="v2.1", total_chunks=1, total_videos=len(episodes) * len(dataset.meta.video_keys))
    info["data_path"] = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
    if dataset.meta.video_keys:
        info["video_path"] = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
    tasks = [{"task_index": number, "task": task} for number, task in enumerate(dataset.meta.tasks.index)]
    rows: List[Dict[str, Any]] = []
    statistics: List[Dict[str, Any]] = []
    for number, row in episodes.iterrows():
        rows.append({"episode_index": number, "tasks": list(row.tasks), "length": int(row.length)})
        statistics.append({"episode_index": number, "stats": episode_statistics(row)})
        path = root / f"data/chunk-000/episode_{number:06d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        frames[frames.episode_index == number].to_parquet(path, index=False)
        for key in dataset.meta.video_keys:
            video = root / f"videos/chunk-000/{key}/episode_{number:06d}.mp4"
            video.parent.mkdir(parents=True, exist_ok=True)
            begin = round(row[f"videos/{key}/from_timestamp"] * dataset.fps)
            source = dataset.root / dataset.meta.get_video_file_path(number, key)
            span = (begin, begin + int(row.length))
            _keep_episodes_from_video_with_av(source, video, [span], dataset.fps, "libx264")  # with B-frames
    (root / "meta").mkdir()
    (root / "meta/info.json").write_text(json.dumps(info))
    for name, lines in (("tasks", tasks), ("episodes", rows), ("episodes_stats", statistics)):
        (root / f"meta/{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))


def read_parquet(root: Path, folder: str) -> Any:
    parts = [pd.read_parquet(path) for path in sorted((root / folder).glob("*/*.parquet"))]
    return pd.concat(parts, ignore_index=True)


def episode_statistics(row: Any) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for column in row.index:
        if column.startswith("stats/") and not column.split("/")[2].startswith("q"):
            _, feature, name = column.split("/")
            found.setdefault(feature, {})[name] = as_lists(row[column])
    return found


def as_lists(value: Any) -> Any:
    return [as_lists(entry) for entry in value] if isinstance(value, np.ndarray) else value.item()


def read(folder: Path) -> None:
    """Every frame as LeRobot's training gets it, and the chunk of actions that follows it."""
    fps = json.loads((folder / "meta/info.json").read_text())["fps"]
    dataset = load(folder, delta_timestamps={"action": [step / fps for step in range(CHUNK)]})
    arrays: Dict[str, List[Any]] = {}
    for index in range(len(dataset)):
        item = dataset[index]
        for name in ("observation.state", "observation.environment_state", "action", "action_is_pad", "episode_index"):
            arrays.setdefault(name, []).append(item[name].numpy())
        arrays.setdefault("task", []).append(item["task"])
        if CAMERA in item:
            arrays.setdefault(CAMERA, []).append(255.0 * item[CAMERA].numpy().transpose(1, 2, 0))
    for name in ("mean", "std", "min", "max"):
        arrays[f"stats/action/{name}"] = dataset.meta.stats["action"][name]
    arrays["episodes"] = dataset.num_episodes
    np.savez(folder.with_name(folder.name + ".npz"), **{name: np.asarray(value) for name, value in arrays.items()})


def main(command: str, *arguments: str) -> None:
    if command == "make":
        make(*arguments)
    elif command == "append":
        dataset = load(Path(arguments[0]))
        record(dataset, 3)
        dataset.finalize()
    elif command == "delete":
        dataset = load(Path(arguments[0]))
        delete_episodes(dataset, list(range(1, dataset.num_episodes)), output_dir=Path(arguments[1]), repo_id=NAME)
    else:
        for folder in arguments:
            read(Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(0)  # threads of LeRobot's libraries sometimes abort an interpreter that ends
