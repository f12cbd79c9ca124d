"""Videos at an exact rate, joined without encoding again, read by the time of their frames."""

from pathlib import Path

import numpy as np
import pytest
from demonstrations import make_episode
from videos import write_by_libx264

from xdog_learning.dataset.layout import DatasetError
from xdog_learning.dataset.video import frame_count, join_videos, joinable, read_video, write_video

FPS = 25
SIZE = (32, 48)


def images(seed: int, frames: int = 9) -> np.ndarray:
    found = make_episode(seed, frames, SIZE).images
    assert found is not None
    return found


def assert_shows(path: Path, expected: np.ndarray) -> None:
    found = dict(read_video(path, FPS))
    assert sorted(found) == list(range(len(expected)))
    for number, picture in enumerate(expected):
        assert np.abs(found[number].astype(int) - picture).mean() < 5.0, "the next frame differs by 12"


def test_frames_come_back_at_their_numbers(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", images(0), FPS)
    assert frame_count(tmp_path / "a.mp4") == 9
    assert_shows(tmp_path / "a.mp4", images(0))


def test_frames_of_another_encoder_come_back_too(tmp_path: Path) -> None:
    write_by_libx264(tmp_path / "a.mp4", images(0), FPS)
    assert_shows(tmp_path / "a.mp4", images(0))


def test_a_number_is_a_frames_time_not_its_count(tmp_path: Path) -> None:
    write_by_libx264(tmp_path / "a.mp4", images(0), FPS)
    assert [number for number, _ in read_video(tmp_path / "a.mp4", 2 * FPS)] == list(range(0, 18, 2))


def test_joined_videos_show_one_after_the_other(tmp_path: Path) -> None:
    parts = []
    for seed in range(3):
        parts.append(tmp_path / f"{seed}.mp4")
        write_video(parts[-1], images(seed), FPS)
    assert all(joinable(parts[0], part) for part in parts)
    join_videos(tmp_path / "joined.mp4", parts, FPS)
    assert frame_count(tmp_path / "joined.mp4") == 27
    assert_shows(tmp_path / "joined.mp4", np.concatenate([images(seed) for seed in range(3)]))


def test_videos_that_refer_forwards_or_differ_are_not_joined(tmp_path: Path) -> None:
    write_video(tmp_path / "ours.mp4", images(0), FPS)
    write_by_libx264(tmp_path / "forwards.mp4", images(0), FPS)
    write_by_libx264(tmp_path / "plain.mp4", images(0), FPS, bf="0", preset="slow", refs="4")
    assert not joinable(tmp_path / "forwards.mp4", tmp_path / "forwards.mp4")
    assert not joinable(tmp_path / "ours.mp4", tmp_path / "plain.mp4")


@pytest.mark.parametrize("content", [None, b"", b"no video"])
def test_a_file_that_is_no_video_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    for use in (frame_count, lambda file: list(read_video(file, FPS)), lambda file: joinable(file, file)):
        with pytest.raises(DatasetError, match=r"a\.mp4 cannot be read as a video .*: copy this file again"):
            use(path)
