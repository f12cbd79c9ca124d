"""Demonstrations come back as arrays, whatever LeRobot has done to the dataset in between."""

from pathlib import Path
from typing import Callable

import numpy as np
import pyarrow as pa
import pytest
from demonstrations import assert_same_episode, make_episode, write_dataset
from lerobot_layouts import LAYOUTS, edit_json, rewrite

from xdog_learning.dataset import DatasetError, DatasetWriter, load_dataset
from xdog_learning.dataset import reader as reader_module
from xdog_learning.dataset.episodes import set_columns

SIZE = (32, 48)
DATA = "data/*/*.parquet"


@pytest.mark.parametrize("in_memory", [10**9, 0], ids=["memory", "file"])
def test_images_come_back_at_their_frames(whole: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    monkeypatch.setattr(reader_module, "IN_MEMORY", in_memory)
    before = sorted(whole.rglob("*"))
    loaded = load_dataset(whole, images=True)
    assert isinstance(loaded.images, np.memmap) == (in_memory == 0)
    for number in range(3):
        assert_same_episode(loaded.episode(number), make_episode(number, 10 + number, SIZE))
    assert sorted(whole.rglob("*")) == before


def test_images_are_decoded_only_on_request(whole: Path) -> None:
    assert load_dataset(whole).images is None


def test_images_are_found_by_their_time_in_the_video(copy: Path) -> None:
    video = "videos/observation.images.wrist"
    begin, lengths = np.array([23, 12, 0]) / 25, np.array([10, 11, 12]) / 25
    values = {f"{video}/from_timestamp": begin, f"{video}/to_timestamp": begin + lengths}
    before = load_dataset(copy, images=True).images
    rewrite(copy, "meta/episodes/*/*.parquet", lambda table: set_columns(table, values))
    found = load_dataset(copy, images=True).images
    assert before is not None
    assert found is not None
    np.testing.assert_array_equal(found, np.concatenate([before[23:33], before[12:23], before[:12]]))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_dataset_of_lerobots_is_read(copy: Path, layout: str) -> None:
    LAYOUTS[layout](copy)
    loaded = load_dataset(copy, images=True)
    assert loaded.state.dtype == loaded.action.dtype == loaded.environment_state.dtype == np.float32
    for number in range(3):
        assert_same_episode(loaded.episode(number), make_episode(number, 10 + number, SIZE))


def test_features_of_others_are_ignored(copy: Path) -> None:
    rewrite(copy, DATA, lambda table: table.append_column("next.reward", pa.array([0.5] * 33)))
    reward = {"dtype": "float32", "shape": [1], "names": None}
    edit_json(copy / "meta/info.json", lambda info: info["features"].update({"next.reward": reward}))
    assert_same_episode(load_dataset(copy).episode(1), make_episode(1, 11))
    with pytest.raises(DatasetError, match=r"does not record: next\.reward\. Name a new folder, or remove them with"):
        DatasetWriter(copy)


def change_column(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    def edit(table: pa.Table) -> pa.Table:
        values = change(np.array(table[name].to_pylist()))
        return set_columns(table, {name: values.tolist()})

    return lambda folder: rewrite(folder, DATA, edit)


def shifted(values: np.ndarray) -> np.ndarray:
    return values + 1


def not_finite(values: np.ndarray) -> np.ndarray:
    values[3, 2] = np.nan
    return values


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change_column("index", shifted), "the column index does not fit the episodes in meta/: copy data/ and meta/"),
        (change_column("frame_index", shifted), "the column frame_index does not fit"),
        (change_column("timestamp", shifted), "the column timestamp does not fit"),
        (change_column("task_index", shifted), r"task_index names tasks that meta/tasks\.parquet lacks"),
        (change_column("observation.environment_state", not_finite), "environment_state holds numbers that are not"),
        (
            lambda folder: rewrite(folder, DATA, lambda table: table.drop_columns(["action"])),
            r"file-000\.parquet lacks the column action",
        ),
    ],
)
def test_frames_that_contradict_the_metadata_are_refused(
    copy: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(copy)
    for opened in (load_dataset, DatasetWriter):
        with pytest.raises(DatasetError, match=message):
            opened(copy)


def test_stamps_have_the_tolerance_of_lerobot(copy: Path) -> None:
    change_column("timestamp", lambda values: values + 0.9e-4)(copy)
    load_dataset(copy)
    change_column("timestamp", lambda values: values + 0.9e-4)(copy)
    with pytest.raises(DatasetError, match="timestamp"):
        load_dataset(copy)


def test_a_video_of_another_size_is_named(copy: Path) -> None:
    edit_json(
        copy / "meta/info.json",
        lambda info: info["features"]["observation.images.wrist"].update(shape=[48, 32, 3]),
    )
    with pytest.raises(DatasetError, match=r"mp4 holds images of \(32, 48, 3\), meta/info\.json says \(48, 32, 3\)"):
        load_dataset(copy, images=True)


def test_a_missing_dataset_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        load_dataset(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"holds no dataset: meta/info\.json is missing"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("number", [3, 99, -1])
def test_a_missing_episode_is_an_error(whole: Path, number: int) -> None:
    with pytest.raises(DatasetError, match=f"episodes 0 to 2, not {number}"):
        load_dataset(whole).episode(number)


def test_each_episode_has_its_own_task(tmp_path: Path) -> None:
    words = ["pick up the cube", "pick up the ball", "pick up the cube"]
    write_dataset(tmp_path / "a", [make_episode(seed, 5, task=task) for seed, task in enumerate(words)])
    assert load_dataset(tmp_path / "a").tasks == tuple(words)
