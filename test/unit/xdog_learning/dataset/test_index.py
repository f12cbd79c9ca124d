"""Inconsistent metadata are refused with the file's name and a remedy that keeps the dataset."""

import json
import re
import shutil
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lerobot_layouts import edit_json, rewrite

from xdog_learning.dataset import DatasetError, DatasetWriter, load_dataset
from xdog_learning.dataset.episodes import set_columns
from xdog_learning.dataset.index import read_index, read_json, runs
from xdog_learning.dataset.journal import Files
from xdog_learning.dataset.layout import ChunkFile

EPISODES = "meta/episodes/*/*.parquet"
DATA = "data/chunk-000/file-000.parquet"
VIDEO = "videos/observation.images.wrist"


def test_an_index_locates_everything(whole: Path) -> None:
    index = read_index(Files(whole))
    assert index.starts.tolist() == [0, 10, 21, 33]
    assert index.lengths.tolist() == [10, 11, 12]
    assert index.data == [ChunkFile(0, 0)] * 3
    assert index.video == [ChunkFile(0, 0)] * 3
    assert index.video_starts.tolist() == [0, 10, 21]
    assert index.video_episodes() == {ChunkFile(0, 0): [0, 1, 2]}
    assert (index.features.fps, index.features.image_size) == (25, (32, 48))
    assert index.tasks == ("pick up the cube",)


def test_runs_of_episodes_in_one_file() -> None:
    a, b = ChunkFile(0, 0), ChunkFile(0, 1)
    assert runs([a, a, b, a]) == [(a, 0, 2), (b, 2, 3), (a, 3, 4)]


@pytest.mark.parametrize(
    "name",
    [
        "meta/info.json",
        "meta/tasks.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        DATA,
        f"{VIDEO}/chunk-000/file-000.mp4",
    ],
)
@pytest.mark.parametrize("damage", ["cut", "empty", "gone"])
def test_a_damaged_file_is_named_when_reading_and_adding(copy: Path, name: str, damage: str) -> None:
    path = copy / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    with pytest.raises(DatasetError, match=Path(name).parts[0]) as caught:
        load_dataset(copy, images=True)
    assert "\n" not in str(caught.value).strip()
    if name != "meta/info.json" or damage != "gone":
        with pytest.raises(DatasetError, match=rf"{Path(name).parts[0]}.*copy this file again"):
            DatasetWriter(copy)


def set_columns_of(name: str, values: list) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder, EPISODES, lambda table: set_columns(table, {name: values}))


def drop_rows(folder: Path) -> None:
    path = folder / DATA
    pq.write_table(pq.ParquetFile(path).read().slice(0, 20), path)


def stray_file(folder: Path) -> None:
    shutil.copy(folder / DATA, folder / "data/chunk-000/file-001.parquet")


def set_info(key: str, value: Any) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / "meta/info.json", lambda info: info.update({key: value}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (set_info("codebase_version", "v2.1"), r"LeRobotDataset v2\.1, not v3\.0: .*convert_dataset_v21_to_v30 --repo"),
        (set_info("codebase_version", "v4.0"), r"LeRobotDataset v4\.0, not v3\.0: XDog reads no other version"),
        (set_info("total_frames", 34), r"info\.json: total_frames is 34, but meta/ lists 33: correct that number"),
        (set_info("total_episodes", 0), "has no episodes yet: name a new folder"),
        (set_info("fps", "soon"), r"info\.json: fps and features cannot be read from it .*soon"),
        (set_columns_of("episode_index", [0, 1, 3]), "the column episode_index does not number the episodes without"),
        (set_columns_of("dataset_to_index", [10, 21, 34]), "the column dataset_to_index does not number"),
        (set_columns_of(f"{VIDEO}/to_timestamp", [0.4, 0.8, 1.32]), "images of episode 1 last 10.0 frames, the"),
        (set_columns_of("length", [10, 11, 13]), "the column dataset_to_index does not number"),
        (drop_rows, r"file-000\.parquet holds 20 frames, its episodes have 33"),
        (stray_file, r"file-001\.parquet belongs to no episode: move it out of the dataset"),
    ],
)
def test_a_contradiction_is_named_when_reading_and_adding(
    copy: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(copy)
    for opened in (load_dataset, DatasetWriter):
        with pytest.raises(DatasetError, match=message) as caught:
            opened(copy)
        assert not re.search(r"record\w* .*again|delete|remove", str(caught.value)), "no advice gives the dataset up"


def test_the_converter_is_named_with_the_datasets_folder(copy: Path) -> None:
    set_info("codebase_version", "v2.1")(copy)
    with pytest.raises(DatasetError, match=rf"--repo-id copy --root {copy.parent} --push-to-hub false"):
        load_dataset(copy)


def move_images(folder: Path, begin: list) -> None:
    times = np.array(begin) / 25
    lengths = np.array([10, 11, 12]) / 25
    values = {f"{VIDEO}/from_timestamp": times, f"{VIDEO}/to_timestamp": times + lengths}
    rewrite(folder, EPISODES, lambda table: set_columns(table, values))


def test_images_that_two_episodes_share_are_refused(copy: Path) -> None:
    move_images(copy, [0, 9, 21])
    with pytest.raises(DatasetError, match="two episodes have the same images of"):
        load_dataset(copy)


def test_images_beyond_the_videos_end_are_refused(copy: Path) -> None:
    move_images(copy, [0, 10, 22])
    with pytest.raises(DatasetError, match="holds 33 frames, its episodes need 34"):
        load_dataset(copy)


def test_images_may_be_anywhere_in_their_video(copy: Path) -> None:
    move_images(copy, [23, 12, 0])
    assert read_index(Files(copy)).video_starts.tolist() == [23, 12, 0]


def test_statistics_are_not_needed_to_read(copy: Path) -> None:
    (copy / "meta/stats.json").unlink()
    assert len(load_dataset(copy)) == 3


@pytest.mark.parametrize(("text", "message"), [("[1]", "holds no JSON object"), ("{", "cannot be read")])
def test_malformed_json_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DatasetError, match=rf"a\.json {message}.*copy this file again"):
        read_json(tmp_path / "a.json")


def test_an_index_reads_a_prepared_change(copy: Path) -> None:
    from xdog_learning.dataset import journal

    with journal.change(copy) as change:
        info = json.loads((copy / "meta/info.json").read_text())
        change.path("meta/info.json").write_text(json.dumps({**info, "total_frames": 34}))
        with pytest.raises(DatasetError, match="total_frames is 34"):
            read_index(Files(copy, change))
        change.path("meta/info.json").write_text(json.dumps(info))
        change.delete(DATA)
        with pytest.raises(DatasetError, match=r"\.pending/data.*is missing"):
            read_index(Files(copy, change))
        change.path(DATA).write_bytes((copy / DATA).read_bytes())
    assert isinstance(pq.ParquetFile(copy / DATA).read(), pa.Table)
