"""Episodes are added to datasets of any history; what does not fit is refused, and nothing is changed by it."""

import json
import shutil
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
import pytest
from demonstrations import assert_same_episode, make_episode, write_dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from lerobot_layouts import LAYOUTS, edit_json

from xdog_learning.dataset import DatasetError, DatasetWriter, journal, layout, load_dataset
from xdog_learning.dataset import writer as writer_module
from xdog_learning.dataset.episode import Episode
from xdog_learning.dataset.tasks import tasks_table

SIZE = (32, 48)


def contents(folder: Path) -> Dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@settings(max_examples=10)  # each writes and reads some datasets
@given(
    sessions=st.lists(
        st.lists(st.tuples(st.integers(2, 9), st.sampled_from("ab")), min_size=1, max_size=4), min_size=1, max_size=3
    ),
    histories=st.lists(st.sampled_from(["", *LAYOUTS]), min_size=3, max_size=3),
)
def test_episodes_added_in_several_sessions_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, sessions: List[List[Tuple[int, str]]], histories: List[str]
) -> None:
    """Between two sessions LeRobot may have rewritten the dataset."""
    folder = tmp_path_factory.mktemp("round") / "trip"
    written: List[Episode] = []
    for session, history in zip(sessions, histories):
        part = [make_episode(len(written) + i, length, task=task) for i, (length, task) in enumerate(session)]
        write_dataset(folder, part)
        written += part
        if history:
            LAYOUTS[history](folder)
    loaded = load_dataset(folder)
    assert len(loaded) == len(written)
    for number, episode in enumerate(written):
        assert_same_episode(loaded.episode(number), episode)


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "killed"])
@pytest.mark.parametrize("layout_name", LAYOUTS)
def test_images_are_added_to_a_dataset_of_lerobots(copy: Path, layout_name: str, closed: bool) -> None:
    LAYOUTS[layout_name](copy)
    writer = DatasetWriter(copy)
    for seed in (3, 4):
        writer.add(make_episode(seed, 10 + seed, SIZE))
    if closed:
        writer.close()
    else:
        writer._held.close()
    loaded = load_dataset(copy, images=True)
    for number in range(5):
        assert_same_episode(loaded.episode(number), make_episode(number, 10 + number, SIZE))
    statistics = json.loads((copy / "meta/stats.json").read_text())
    lacks_quantiles = {name for name, entry in statistics.items() if "q50" not in entry}
    assert lacks_quantiles == ({"observation.images.wrist"} if layout_name == "converted" else set()), (
        "those of numbers are computed again, those of images are not known"
    )
    assert statistics["action"]["count"] == [60]


def test_lerobots_entries_in_info_stay(copy: Path) -> None:
    extra = {"robot_type": "so101_follower", "license": "mine", "chunks_size": 500}
    edit_json(copy / "meta/info.json", lambda info: info.update(extra))
    write_dataset(copy, [make_episode(3, 13, SIZE)])
    info = json.loads((copy / "meta/info.json").read_text())
    assert {name: info[name] for name in extra} == extra
    assert (info["total_episodes"], info["total_frames"], info["splits"]) == (4, 46, {"train": "0:4"})


def test_unknown_image_statistics_stay_unknown(copy: Path) -> None:
    edit_json(copy / "meta/stats.json", lambda stats: stats.pop("observation.images.wrist"))
    edit_json(copy / "meta/stats.json", lambda stats: stats.pop("action"))
    write_dataset(copy, [make_episode(3, 13, SIZE)])
    stats = json.loads((copy / "meta/stats.json").read_text())
    assert "observation.images.wrist" not in stats, "those of the new episode alone would be wrong"
    assert stats["action"]["count"] == [46]


def test_provenance_is_kept_with_the_last_episode(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "a") as writer:
        writer.add(make_episode(0), {"seed": 7, "tried": 3})
        writer.add(make_episode(1), {"seed": 7, "tried": 5})
    with DatasetWriter(tmp_path / "a") as writer:
        assert writer.recording == {"seed": 7, "tried": 5}
        assert (writer.episodes, writer.frames) == (2, 40)
    assert load_dataset(tmp_path / "a").recording == {"seed": 7, "tried": 5}


def test_file_numbers_continue_in_the_next_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "FILES_PER_CHUNK", 2)
    writer = DatasetWriter(tmp_path / "a")
    for seed in range(5):
        writer.add(make_episode(seed, 4))
    assert (tmp_path / "a/data/chunk-002/file-000.parquet").exists()
    writer._held.close()
    assert_same_episode(load_dataset(tmp_path / "a").episode(4), make_episode(4, 4))


def test_an_unused_video_is_not_overwritten(copy: Path) -> None:
    folder = copy / "videos/observation.images.wrist/chunk-000"
    shutil.copy(folder / "file-000.mp4", folder / "file-001.mp4")
    before = (folder / "file-001.mp4").read_bytes()
    write_dataset(copy, [make_episode(3, 13, SIZE)])
    assert (folder / "file-001.mp4").read_bytes() == before


# What is not taken.


def test_other_features_are_refused_and_nothing_is_lost(copy: Path) -> None:
    before = contents(copy)
    with DatasetWriter(copy) as writer:
        with pytest.raises(DatasetError, match="25 fps, images of 48 x 32; the new episode has 25 fps, without images"):
            writer.add(make_episode(9))
        with pytest.raises(DatasetError, match="the new episode has 30 fps"):
            writer.add(make_episode(9, size=SIZE, fps=30))
        assert contents(copy) == before
        writer.add(make_episode(9, size=SIZE))
    assert len(load_dataset(copy)) == 4


def test_an_episode_after_which_the_dataset_would_not_open_is_not_added(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(copy)
    writer = DatasetWriter(copy)
    monkeypatch.setattr(writer_module, "tasks_table", lambda tasks: tasks_table(tasks[:-1]))
    message = r"the new episode does not fit and was not added: .*total_tasks is 2, but meta/ lists 1"
    with pytest.raises(DatasetError, match=message):
        writer.add(make_episode(9, size=SIZE, task="pick up the ball"))
    assert contents(copy) == before
    monkeypatch.undo()
    writer.add(make_episode(9, size=SIZE, task="pick up the ball"))
    writer.close()
    assert load_dataset(copy).tasks[-1] == "pick up the ball"


def test_images_are_checked_before_recording(copy: Path) -> None:
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


@pytest.mark.parametrize("hidden", [journal.PENDING, journal.COMMIT])
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


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(DatasetError, match=r"/a cannot be written to \(.*exists"):
        DatasetWriter(tmp_path / "a")


def test_an_episodes_own_statistics_are_exact(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "a") as writer:
        episode = make_episode(0, 20, SIZE)
        writer.add(episode)
        stats = json.loads((tmp_path / "a/meta/stats.json").read_text())
    np.testing.assert_allclose(stats["action"]["q10"], np.quantile(episode.action.astype(float), 0.1, axis=0))
