"""Demonstrations are written, added to and read back; what cannot be read or added gives one clear error."""

import json
import shutil
from pathlib import Path
from typing import Any, Callable, List, Tuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from demonstrations import make_episode
from hypothesis import given
from hypothesis import strategies as st

from xdog_learning.dataset import DatasetError, DatasetWriter, load_dataset
from xdog_learning.dataset import reader as reader_module
from xdog_learning.dataset.episode import Episode, EpisodeError

SIZE = (32, 48)


def write(folder: Path, episodes: List[Episode]) -> None:
    with DatasetWriter(folder) as writer:
        for episode in episodes:
            writer.add(episode)


def assert_same(found: Episode, wanted: Episode) -> None:
    for name in ("state", "environment_state", "action"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert (found.task, found.fps) == (wanted.task, wanted.fps)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset") / "whole"
    write(folder, [make_episode(seed, 10 + seed, SIZE) for seed in range(3)])
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


@given(
    sessions=st.lists(
        st.lists(st.tuples(st.integers(1, 9), st.sampled_from("ab")), min_size=1, max_size=4), min_size=1, max_size=3
    )
)
def test_what_was_added_in_any_sessions_comes_back(
    tmp_path_factory: pytest.TempPathFactory, sessions: List[List[Tuple[int, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("round") / "trip"
    written: List[Episode] = []
    for session in sessions:
        part = [make_episode(len(written) + i, length, task=task) for i, (length, task) in enumerate(session)]
        write(folder, part)
        written += part
    loaded = load_dataset(folder)
    assert len(loaded) == len(written)
    assert loaded.images is None
    assert loaded.state.dtype == loaded.action.dtype == loaded.environment_state.dtype == np.float32
    for number, episode in enumerate(written):
        assert_same(loaded.episode(number), episode)


@pytest.mark.parametrize("in_memory", [10**9, 0], ids=["memory", "file"])
def test_images_come_back_at_their_frames(whole: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    monkeypatch.setattr(reader_module, "IN_MEMORY", in_memory)
    before = sorted(whole.rglob("*"))
    loaded = load_dataset(whole, images=True)
    assert isinstance(loaded.images, np.memmap) == (in_memory == 0)
    for number in range(3):
        found, wanted = loaded.episode(number), make_episode(number, 10 + number, SIZE)
        assert found.images is not None
        assert wanted.images is not None
        assert np.abs(found.images.astype(int) - wanted.images).mean() < 8.0
        assert_same(found, wanted)
    assert sorted(whole.rglob("*")) == before


def test_images_are_not_decoded_unless_asked_for(whole: Path) -> None:
    assert load_dataset(whole).images is None


def test_how_it_was_recorded_is_kept_with_the_last_episode(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "a") as writer:
        writer.add(make_episode(0), {"seed": 7, "tried": 3})
        writer.add(make_episode(1), {"seed": 7, "tried": 5})
    with DatasetWriter(tmp_path / "a") as writer:
        assert writer.recording == {"seed": 7, "tried": 5}
        assert (writer.episodes, writer.frames) == (2, 40)
    assert load_dataset(tmp_path / "a").recording == {"seed": 7, "tried": 5}


def test_videos_beyond_the_size_of_a_file_begin_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xdog_learning.dataset.compaction.VIDEO_FILE_MB", 0.006)
    episodes = [make_episode(seed, 10, SIZE) for seed in range(5)]
    write(tmp_path / "a", episodes[:3])
    write(tmp_path / "a", episodes[3:])
    assert len(list((tmp_path / "a").glob("videos/*/*/*.mp4"))) > 1
    assert len(list((tmp_path / "a").glob("data/*/*.parquet"))) == 1
    loaded = load_dataset(tmp_path / "a", images=True)
    for number, episode in enumerate(episodes):
        images = loaded.episode(number).images
        assert images is not None
        assert episode.images is not None
        assert np.abs(images.astype(int) - episode.images).mean() < 8.0


def test_file_numbers_go_on_in_the_next_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("layout.FILES_PER_CHUNK", "index.PER_CHUNK"):
        monkeypatch.setattr(f"xdog_learning.dataset.{module}", 2)
    writer = DatasetWriter(tmp_path / "a")
    for seed in range(5):
        writer.add(make_episode(seed, 4))
    assert (tmp_path / "a/data/chunk-002/file-000.parquet").exists()
    writer._held.close()
    assert_same(load_dataset(tmp_path / "a").episode(4), make_episode(4, 4))


# What is not taken.


def test_other_features_are_refused_and_nothing_is_lost(copy: Path) -> None:
    with DatasetWriter(copy) as writer:
        with pytest.raises(DatasetError, match="25 fps, images of 48 x 32; the new episode has 25 fps, without images"):
            writer.add(make_episode(9))
        with pytest.raises(DatasetError, match="the new episode has 30 fps"):
            writer.add(make_episode(9, size=SIZE, fps=30))
        writer.add(make_episode(9, size=SIZE))
    assert len(load_dataset(copy)) == 4


def test_images_are_asked_for_before_anything_is_recorded(copy: Path) -> None:
    with DatasetWriter(copy) as writer:
        writer.check_images(True)
        with pytest.raises(DatasetError, match="has images: name another folder with --out, or give --images"):
            writer.check_images(False)


def test_two_programs_do_not_write_to_one_dataset(copy: Path) -> None:
    with DatasetWriter(copy):
        with pytest.raises(DatasetError, match=r"in use by another process.*stop it"):
            DatasetWriter(copy)
        with pytest.raises(DatasetError, match=r"in use by another process.*being recorded"):
            load_dataset(copy)
    load_dataset(copy)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(DatasetError, match=r"thesis\.tex but no dataset"):
        DatasetWriter(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("hidden", [".pending", ".commit"])
def test_hidden_folders_of_another_program_are_left_alone(tmp_path: Path, hidden: str) -> None:
    thesis = tmp_path / hidden / "thesis.tex"
    thesis.parent.mkdir()
    thesis.write_text("precious")
    with pytest.raises(DatasetError, match=rf"holds \{hidden} but no dataset"):
        DatasetWriter(tmp_path)
    with pytest.raises(DatasetError, match="holds no dataset"):
        load_dataset(tmp_path)
    assert thesis.read_text() == "precious"


def test_a_recording_without_episodes_leaves_nothing(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "empty"):
        pass
    assert not (tmp_path / "empty").exists()


def test_there_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        load_dataset(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"holds no dataset: meta/info\.json is missing"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "meta/info.json",
        "meta/stats.json",
        "meta/tasks.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        "data/chunk-000/file-000.parquet",
        "videos/observation.images.wrist/chunk-000/file-000.mp4",
    ],
)
@pytest.mark.parametrize("damage", ["cut", "empty", "gone"])
def test_a_dataset_cut_short_gives_one_clear_error(copy: Path, name: str, damage: str) -> None:
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
        with pytest.raises(DatasetError, match=Path(name).parts[0]):
            DatasetWriter(copy)


def set_info(folder: Path, key: str, value: Any) -> None:
    info = json.loads((folder / "meta/info.json").read_text())
    info[key] = value
    (folder / "meta/info.json").write_text(json.dumps(info))


def set_joints(folder: Path) -> None:
    info = json.loads((folder / "meta/info.json").read_text())
    info["features"]["action"]["names"][0] = "main_shoulder_pan"
    (folder / "meta/info.json").write_text(json.dumps(info))


def drop_feature(folder: Path) -> None:
    info = json.loads((folder / "meta/info.json").read_text())
    del info["features"]["observation.environment_state"]
    (folder / "meta/info.json").write_text(json.dumps(info))


def drop_statistics(folder: Path, name: str, key: str = "") -> None:
    path = folder / "meta/stats.json"
    content = json.loads(path.read_text())
    del (content[name] if key else content)[key or name]
    path.write_text(json.dumps(content))


def set_recording(folder: Path, sources: Any) -> None:
    (folder / "meta/recording.json").write_text(json.dumps({"sources": sources}))


def shift_column(folder: Path, name: str) -> None:
    path = folder / "data/chunk-000/file-000.parquet"
    table = pq.ParquetFile(path).read()
    shifted = pa.array(table[name].to_numpy() + 1, table.schema.field(name).type)
    pq.write_table(table.set_column(table.column_names.index(name), name, shifted), path)


def drop_rows(folder: Path) -> None:
    path = folder / "data/chunk-000/file-000.parquet"
    pq.write_table(pq.ParquetFile(path).read().slice(0, 20), path)


def stray_file(folder: Path) -> None:
    shutil.copy(folder / "data/chunk-000/file-000.parquet", folder / "data/chunk-000/file-001.parquet")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: set_info(folder, "codebase_version", "v2.1"), r"LeRobotDataset v2\.1, wanted v3\.0"),
        (lambda folder: set_info(folder, "total_frames", 34), "tells of 3 episodes, 34 frames, 1 tasks, but"),
        (lambda folder: set_info(folder, "fps", "soon"), "soon"),
        (set_joints, r"action holds \['main_shoulder_pan'"),
        (drop_feature, r"lack 'observation\.environment_state'"),
        (lambda folder: shift_column(folder, "index"), "column index does not fit"),
        (lambda folder: shift_column(folder, "timestamp"), "column timestamp does not fit"),
        (lambda folder: shift_column(folder, "task_index"), r"tasks that meta/tasks\.parquet lacks"),
        (drop_rows, "holds 20 frames, its episodes have 33"),
        (stray_file, r"file-001\.parquet belongs to no episode"),
    ],
)
def test_a_dataset_that_contradicts_itself_is_refused(copy: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(copy)
    with pytest.raises(DatasetError, match=message):
        load_dataset(copy)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: set_info(folder, "fps", 0), r"info\.json: its fps is 0; it must be above zero"),
        (lambda folder: drop_statistics(folder, "action"), r"stats\.json lacks action\. It was"),
        (lambda folder: drop_statistics(folder, "timestamp", "q50"), r"stats\.json lacks timestamp/q50"),
        (
            lambda folder: set_recording(folder, [{"by": "expert", "tried": 1, "kept": [[0, 0]]}]),
            r"recording\.json: sources\[0\] lacks seed",
        ),
        (lambda folder: set_recording(folder, {}), r"recording\.json: sources is no list"),
        (lambda folder: set_recording(folder, ["me"]), r"recording\.json: sources\[0\] is no mapping"),
        (
            lambda folder: set_recording(folder, [{"by": "expert", "seed": 1, "tried": 1, "kept": [0]}]),
            "kept a list of pairs",
        ),
        (
            lambda folder: set_recording(
                folder, [{"by": "expert", "seed": 1, "tried": 1, "kept": [], "versions": [{"commit": "abc"}]}]
            ),
            "its versions lack from, commit or grasp_yaml",
        ),
    ],
)
def test_metadata_that_lack_something_are_neither_read_nor_added_to(
    copy: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(copy)
    with pytest.raises(DatasetError, match=message):
        load_dataset(copy)
    with pytest.raises(DatasetError, match=message):
        DatasetWriter(copy)


def test_an_episode_that_is_not_there(whole: Path) -> None:
    with pytest.raises(DatasetError, match="episodes 0 to 2, not 3"):
        load_dataset(whole).episode(3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": np.zeros((4, 5), np.float32)}, r"state is \(4, 5\)"),
        ({"action": np.zeros((3, 6), np.float32)}, r"action is \(3, 6\)"),
        ({"action": np.zeros((4, 6))}, "float64"),
        ({"action": np.full((4, 6), np.nan, np.float32)}, r"action\[0, 0\] is nan"),
        ({"images": np.zeros((4, 8, 8), np.uint8)}, r"wanted \(4, H, W, 3\)"),
        ({"images": np.zeros((4, 7, 8, 3), np.uint8)}, "even sides"),
        ({"task": " "}, "task is empty"),
        ({"fps": 0}, "fps is 0"),
        ({"state": np.zeros((0, 6), np.float32)}, "at least one frame"),
    ],
)
def test_an_episode_checks_what_it_holds(changes: Any, message: str) -> None:
    episode = make_episode(0, 4)
    fields = {name: getattr(episode, name) for name in episode.__dataclass_fields__}
    with pytest.raises(EpisodeError, match=message):
        Episode(**{**fields, **changes})


def test_another_object_token_is_refused(tmp_path: Path) -> None:
    episode = make_episode(0, 4)
    other = Episode(episode.state, episode.state, episode.action, None, "grasp", 25)
    with DatasetWriter(tmp_path / "a") as writer, pytest.raises(DatasetError, match="6 numbers a frame; the object"):
        writer.add(other)
