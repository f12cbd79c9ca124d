"""The video of the demo: right speed, format and content."""

from pathlib import Path
from typing import List

import imageio_ffmpeg
import numpy as np

from xdog_sim.demo import video
from xdog_sim.demo.recording import Recording


def frames_of(path: Path) -> List[np.ndarray]:
    reader = imageio_ffmpeg.read_frames(str(path))
    meta = next(reader)
    assert meta["codec"] == "h264"
    assert meta["pix_fmt"].startswith("yuv420p")
    assert meta["size"] == (video.WIDTH, video.HEIGHT)
    assert meta["fps"] == video.FRAME_RATE
    return [np.frombuffer(frame, np.uint8).reshape(video.HEIGHT, video.WIDTH, 3) for frame in reader]


def test_the_video_shows_the_robot_in_real_time(run: Recording, tmp_path: Path) -> None:
    path, shares = tmp_path / "demo.mp4", []
    video.save_video(run, path, shares.append, processes=1)
    frames = frames_of(path)
    assert len(frames) == 13  # 0.49 s at 25 frames a second, the first at 0
    assert shares == [1.0]
    red, green, blue = (frames[5][..., channel].astype(int) for channel in range(3))
    orange = (red > 120) & (red > 1.6 * green) & (green > blue)
    rows, columns = np.nonzero(orange)
    assert len(rows) > 300  # the robot's orange parts
    assert abs(np.median(columns) - video.WIDTH / 2) < 80  # the camera keeps it in the middle
    assert np.abs(frames[12].astype(int) - frames[0]).max() > 50
