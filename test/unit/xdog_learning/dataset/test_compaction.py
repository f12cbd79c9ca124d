"""Small files are joined if nothing is lost; files of other programs in other forms stay."""

import json
import shutil
from pathlib import Path
from typing import Dict, List

import numpy as np
import pytest
from demonstrations import assert_same_episode, make_episode, write_dataset
from hypothesis import given
from hypothesis import strategies as st
from lerobot_layouts import created, edit_json, edited, rewrite
from videos import write_by_libx264

from xdog_learning.dataset import DatasetError, DatasetWriter, load_dataset
from xdog_learning.dataset import compaction as compaction_module
from xdog_learning.dataset.compaction import compact, plan
from xdog_learning.dataset.layout import ChunkFile

SIZE = (32, 48)
VIDEO = "videos/observation.images.wrist/chunk-000"


def write_killed(folder: Path, episodes: int, size: tuple = SIZE) -> None:
    """A recording that ended without joining its files."""
    writer = DatasetWriter(folder)
    for seed in range(episodes):
        writer.add(make_episode(seed, 5 + seed, size))
    writer._held.close()


def assert_episodes(folder: Path, episodes: int) -> None:
    data = load_dataset(folder, images=True)
    assert len(data) == episodes
    for seed in range(episodes):
        assert_same_episode(data.episode(seed), make_episode(seed, 5 + seed, SIZE))


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    kinds=st.lists(st.integers(0, 1), min_size=12, max_size=12),
)
def test_a_plan_joins_neighbours_that_fit(sizes: List[int], kinds: List[int]) -> None:
    files = [ChunkFile(0, number) for number in range(len(sizes))]
    size: Dict[ChunkFile, int] = dict(zip(files, sizes))
    kind: Dict[ChunkFile, int] = dict(zip(files, kinds))
    groups = plan(files, lambda file: size[file], 100, lambda first, file: kind[first] == kind[file])
    assert [file for group in groups for file in group] == files
    for group in groups:
        assert sum(size[file] for file in group) <= 100 or len(group) == 1
        assert len({kind[file] for file in group}) == 1
    for before, after in zip(groups, groups[1:]):
        together = sum(size[file] for file in before) + size[after[0]]
        assert together > 100 or kind[before[0]] != kind[after[0]], "as few files as that allows"


def test_small_files_are_joined_and_statistics_made_exact(tmp_path: Path) -> None:
    write_killed(tmp_path / "a", 4)
    assert len(list((tmp_path / "a").glob("data/*/*.parquet"))) == 4
    compact(tmp_path / "a")
    for pattern in ("data/*/*.parquet", "meta/episodes/*/*.parquet", f"{VIDEO}/*.mp4"):
        assert [path.name[:8] for path in (tmp_path / "a").glob(pattern)] == ["file-000"]
    assert_episodes(tmp_path / "a", 4)
    actions = np.concatenate([make_episode(seed, 5 + seed).action for seed in range(4)]).astype(float)
    stats = json.loads((tmp_path / "a/meta/stats.json").read_text())
    np.testing.assert_allclose(stats["action"]["q10"], np.quantile(actions, 0.1, axis=0), atol=1e-9)


def test_videos_beyond_the_size_of_a_file_begin_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_killed(tmp_path / "a", 4)
    sizes = [path.stat().st_size for path in sorted((tmp_path / "a" / VIDEO).glob("*.mp4"))]
    monkeypatch.setattr(compaction_module, "VIDEO_FILE_MB", (sizes[0] + sizes[1] + 1) / 1e6)
    compact(tmp_path / "a")
    names = sorted(path.name for path in (tmp_path / "a" / VIDEO).glob("*.mp4"))
    assert names[:2] == ["file-000.mp4", "file-002.mp4"]
    assert len(list((tmp_path / "a").glob("data/*/*.parquet"))) == 1
    assert_episodes(tmp_path / "a", 4)


def test_columns_in_another_order_are_joined_by_name(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a", [make_episode(0, 5, SIZE)])
    created(tmp_path / "a")
    write_dataset(tmp_path / "a", [make_episode(1, 6, SIZE)])
    assert len(list((tmp_path / "a").glob("data/*/*.parquet"))) == 1
    assert_episodes(tmp_path / "a", 2)


def test_data_files_of_other_types_stay_as_they_are(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a", [make_episode(0, 5, SIZE)])
    edited(tmp_path / "a")
    before = (tmp_path / "a/data/chunk-000/file-000.parquet").read_bytes()
    write_dataset(tmp_path / "a", [make_episode(1, 6, SIZE), make_episode(2, 7, SIZE)])
    assert (tmp_path / "a/data/chunk-000/file-000.parquet").read_bytes() == before
    assert len(list((tmp_path / "a").glob("data/*/*.parquet"))) == 2
    assert_episodes(tmp_path / "a", 3)


def test_videos_whose_frames_refer_forwards_stay_as_they_are(tmp_path: Path) -> None:
    # As LeRobot's converter and its own recordings with h264 have them: joined packet by packet, their frames would
    # come out of order.
    write_killed(tmp_path / "a", 2)
    for seed in range(2):
        images = make_episode(seed, 5 + seed, SIZE).images
        assert images is not None
        write_by_libx264(tmp_path / "a" / VIDEO / f"file-00{seed}.mp4", images, 25)
    before = [path.read_bytes() for path in sorted((tmp_path / "a" / VIDEO).glob("*.mp4"))]
    write_dataset(tmp_path / "a", [make_episode(2, 7, SIZE)])
    assert [path.read_bytes() for path in sorted((tmp_path / "a" / VIDEO).glob("*.mp4"))][:2] == before
    assert_episodes(tmp_path / "a", 3)


def test_a_video_that_holds_more_than_its_episodes_stays_as_it_is(copy: Path) -> None:
    # LeRobot keeps a file that needs no new encoding; no episode uses its last 12 frames any more.
    rows = "meta/episodes/*/*.parquet"
    rewrite(copy, rows, lambda table: table.slice(0, 2))
    rewrite(copy, "data/*/*.parquet", lambda table: table.slice(0, 21))
    edit_json(copy / "meta/info.json", lambda info: info.update(total_episodes=2, total_frames=21))
    before = (copy / VIDEO / "file-000.mp4").read_bytes()
    write_dataset(copy, [make_episode(2, 12, SIZE), make_episode(3, 13, SIZE)])
    assert (copy / VIDEO / "file-000.mp4").read_bytes() == before
    assert sorted(path.name for path in (copy / VIDEO).glob("*.mp4")) == ["file-000.mp4", "file-001.mp4"]
    data = load_dataset(copy, images=True)
    for seed in range(4):
        assert_same_episode(data.episode(seed), make_episode(seed, 10 + seed, SIZE))


def test_a_join_that_would_not_open_is_not_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_killed(tmp_path / "a", 3)
    before = {path: path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.is_file()}

    def lossy(path: Path, parts: List[Path], fps: int) -> None:
        shutil.copy(parts[0], path)

    monkeypatch.setattr(compaction_module, "join_videos", lossy)
    with pytest.raises(DatasetError, match="holds 5 frames, its episodes need 18"):
        compact(tmp_path / "a")
    assert {path: path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.is_file()} == before
