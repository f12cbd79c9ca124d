"""What XDog writes follows the rules of LeRobotDataset v3.0: read back with pyarrow and av alone."""

import json
from pathlib import Path
from typing import Any, Dict, List

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from demonstrations import FPS, make_episode

from xdog_learning.dataset import DatasetWriter
from xdog_learning.dataset.episode import Episode

SIZE = (48, 64)
VIDEO = "observation.images.wrist"
STATISTICS = {"min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"}
LENGTHS = (20, 7, 31, 12)
TASKS = ("pick up the cube", "pick up the ball", "pick up the cube", "pick up the cup")


def episodes_to_write() -> List[Episode]:
    return [make_episode(seed, length, SIZE, task) for seed, (length, task) in enumerate(zip(LENGTHS, TASKS))]


@pytest.fixture(scope="module", params=["closed", "killed"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of four episodes, two sessions: closed each time, or never closed (a file an episode)."""
    folder = tmp_path_factory.mktemp("datasets") / request.param
    episodes = episodes_to_write()
    for part in (episodes[:3], episodes[3:]):
        writer = DatasetWriter(folder)
        for episode in part:
            writer.add(episode)
        if request.param == "closed":
            writer.close()
        else:
            writer._held.close()  # what the end of a process does
    return folder


def rows(folder: Path, pattern: str) -> Dict[str, List[Any]]:
    """All files as LeRobot reads them: in the order of their paths."""
    return pa.concat_tables([pq.ParquetFile(path).read() for path in sorted(folder.glob(pattern))]).to_pydict()


def info(folder: Path) -> Dict[str, Any]:
    return dict(json.loads((folder / "meta/info.json").read_text()))


def test_info_has_the_entries_that_lerobot_requires(folder: Path) -> None:
    content = info(folder)
    assert content["codebase_version"] == "v3.0"
    assert content["fps"] == FPS
    assert (content["total_episodes"], content["total_frames"], content["total_tasks"]) == (4, sum(LENGTHS), 3)
    assert content["splits"] == {"train": "0:4"}
    assert content["data_path"] == "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
    assert content["video_path"] == "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    assert (content["chunks_size"], content["data_files_size_in_mb"], content["video_files_size_in_mb"]) == (
        1000,
        100,
        200,
    )
    features = content["features"]
    assert features["action"] == {
        "dtype": "float32",
        "shape": [6],
        "names": ["shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper"],
    }
    assert features["observation.environment_state"]["shape"] == [8]
    assert (features[VIDEO]["dtype"], features[VIDEO]["shape"]) == ("video", [48, 64, 3])
    assert features["timestamp"] == {"dtype": "float32", "shape": [1], "names": None}
    for name in ("frame_index", "episode_index", "index", "task_index"):
        assert features[name] == {"dtype": "int64", "shape": [1], "names": None}


def test_data_files_have_lerobots_columns_and_types(folder: Path) -> None:
    for path in folder.glob("data/*/*.parquet"):
        schema = pq.ParquetFile(path).schema_arrow
        assert schema.field("observation.state").type == pa.list_(pa.float32(), 6)
        assert schema.field("observation.environment_state").type == pa.list_(pa.float32(), 8)
        assert schema.field("action").type == pa.list_(pa.float32(), 6)
        assert schema.field("timestamp").type == pa.float32()
        for name in ("frame_index", "episode_index", "index", "task_index"):
            assert schema.field(name).type == pa.int64()
        assert VIDEO not in schema.names


def test_frames_are_numbered_without_a_gap_and_stamped_exactly(folder: Path) -> None:
    table = rows(folder, "data/*/*.parquet")
    assert table["index"] == list(range(sum(LENGTHS)))
    assert table["episode_index"] == np.repeat(range(4), LENGTHS).tolist()
    steps = np.concatenate([np.arange(length) for length in LENGTHS])
    assert table["frame_index"] == steps.tolist()
    assert table["timestamp"] == [float(np.float32(step / FPS)) for step in steps]
    assert table["task_index"] == np.repeat([0, 1, 0, 2], LENGTHS).tolist()
    np.testing.assert_array_equal(table["action"], np.concatenate([e.action for e in episodes_to_write()]))


def test_episodes_locate_their_frames(folder: Path) -> None:
    table = rows(folder, "meta/episodes/*/*.parquet")
    assert table["episode_index"] == [0, 1, 2, 3]
    assert table["length"] == list(LENGTHS)
    assert table["dataset_from_index"] == [0, 20, 27, 58]
    assert table["dataset_to_index"] == [20, 27, 58, 70]
    assert table["tasks"] == [[task] for task in TASKS]
    for number, (chunk, file) in enumerate(zip(table["data/chunk_index"], table["data/file_index"])):
        data = pq.ParquetFile(folder / f"data/chunk-{chunk:03d}/file-{file:03d}.parquet").read().to_pydict()
        assert number in data["episode_index"]
    for number, (chunk, file) in enumerate(zip(table["meta/episodes/chunk_index"], table["meta/episodes/file_index"])):
        listed = pq.ParquetFile(folder / f"meta/episodes/chunk-{chunk:03d}/file-{file:03d}.parquet").read()
        assert number in listed["episode_index"].to_pylist()


def test_tasks_are_the_index_for_pandas(folder: Path) -> None:
    table = pq.ParquetFile(folder / "meta/tasks.parquet").read()
    assert table["task_index"].to_pylist() == [0, 1, 2]
    description = json.loads(table.schema.metadata[b"pandas"])
    (index,) = description["index_columns"]
    assert table[index].to_pylist() == ["pick up the cube", "pick up the ball", "pick up the cup"]
    assert {column["field_name"] for column in description["columns"]} == {"task_index", index}


def test_videos_are_continuous_and_show_each_episode_at_its_time(folder: Path) -> None:
    table = rows(folder, "meta/episodes/*/*.parquet")
    files: Dict[str, List[Any]] = {}
    for path in folder.glob(f"videos/{VIDEO}/*/*.mp4"):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.average_rate) == ("h264", FPS)
            frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(stream)]
        assert [time for time, _ in frames] == pytest.approx([i / FPS for i in range(len(frames))], abs=1e-9)
        files[path.relative_to(folder).as_posix()] = frames
    assert sum(len(frames) for frames in files.values()) == sum(LENGTHS)
    for number, episode in enumerate(episodes_to_write()):
        chunk, file = (table[f"videos/{VIDEO}/{key}_index"][number] for key in ("chunk", "file"))
        begin, end = (table[f"videos/{VIDEO}/{key}_timestamp"][number] for key in ("from", "to"))
        assert end - begin == pytest.approx(len(episode) / FPS, abs=1e-9)
        frames = files[f"videos/{VIDEO}/chunk-{chunk:03d}/file-{file:03d}.mp4"]
        for step, wanted in enumerate(episode.images if episode.images is not None else []):
            time, shown = frames[round((begin + step / FPS) * FPS)]
            assert abs(time - (begin + step / FPS)) < 1e-4  # LeRobot's tolerance
            assert np.abs(shown.astype(int) - wanted).mean() < 5.0, "the next frame differs by 12"


def test_statistics_agree_with_numpy(folder: Path) -> None:
    stats = json.loads((folder / "meta/stats.json").read_text())
    episodes = episodes_to_write()
    for name, attribute in (("observation.state", "state"), ("action", "action")):
        values = np.concatenate([getattr(episode, attribute) for episode in episodes]).astype(float)
        found = stats[name]
        assert found["count"] == [sum(LENGTHS)]
        for key in ("min", "max", "mean", "std"):
            np.testing.assert_allclose(found[key], getattr(values, key)(axis=0), rtol=1e-6, atol=1e-9)
        if folder.name == "closed":
            for key, share in {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}.items():
                np.testing.assert_allclose(found[key], np.quantile(values, share, axis=0), rtol=1e-6, atol=1e-9)
    pixels = np.concatenate([episode.images for episode in episodes if episode.images is not None]) / 255.0
    for key in ("min", "max", "mean", "std"):
        assert np.shape(stats[VIDEO][key]) == (3, 1, 1)
        np.testing.assert_allclose(np.ravel(stats[VIDEO][key]), getattr(pixels, key)(axis=(0, 1, 2)), rtol=1e-9)
    assert set(stats) == set(info(folder)["features"])
    assert all(set(entry) == STATISTICS for entry in stats.values())


def test_an_episodes_own_statistics_are_exact(folder: Path) -> None:
    table = rows(folder, "meta/episodes/*/*.parquet")
    for number, episode in enumerate(episodes_to_write()):
        np.testing.assert_allclose(
            table["stats/action/q10"][number], np.quantile(episode.action.astype(float), 0.1, axis=0), atol=1e-9
        )
        images = episode.images
        assert images is not None
        level = np.quantile(images[..., 0] / 255.0, 0.5, method="lower")
        assert table[f"stats/{VIDEO}/q50"][number][0][0][0] == pytest.approx(level)


def test_closing_joins_the_files(folder: Path) -> None:
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    count = 1 if folder.name == "closed" else 4  # but for meta/episodes, which each session writes as one table first
    metadata = ["info.json", "recording.json", "stats.json", "tasks.parquet"]
    assert files == sorted(
        [f"meta/{name}" for name in metadata]
        + [f"data/chunk-000/file-{n:03d}.parquet" for n in range(count)]
        + ["meta/episodes/chunk-000/file-000.parquet"]
        + [f"videos/{VIDEO}/chunk-000/file-{n:03d}.mp4" for n in range(count)]
    )
