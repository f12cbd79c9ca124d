import os
from pathlib import Path
from typing import List

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from xdog.core.description import load_description
from xdog_sim.demo import overlay, video
from xdog_sim.demo.metrics import compute_figures
from xdog_sim.demo.plot import save_plot
from xdog_sim.demo.recording import PhaseMark, PushMark, Recording


@pytest.fixture(scope="module")
def run() -> Recording:
    """Half a second in which the standing robot glides forward at 1 m/s and is pushed."""
    robot = load_description()
    time = np.arange(0.0, 0.5, 0.01)
    n = len(time)
    rows = np.ones((n, 1))
    return Recording(
        time=time,
        position=np.column_stack([time, np.zeros(n), np.full(n, 0.28)]),
        orientation=rows * [0.0, 0.0, 0.0, 1.0],
        velocity=rows * [1.0, 0.0, 0.0],
        angular_velocity=np.zeros((n, 3)),
        command=rows * [0.7, -0.2, 0.5],
        walking=np.ones(n, dtype=bool),
        joint_names=robot.legs.names + robot.arm.names,
        joints=rows * np.concatenate([robot.legs.poses["stand"], robot.arm.poses["stow"]]),
        odometry=np.column_stack([time, np.zeros((n, 2))]),
        phases=(PhaseMark(0.0, "forward"), PhaseMark(0.2, "pushed while walking")),
        pushes=(PushMark(0.3, np.array([0.0, 0.6, 0.0]), "pushed while walking"),),
        wall_time=1.0,
    )


def frames_of(path: Path) -> List[np.ndarray]:
    reader = imageio_ffmpeg.read_frames(str(path))
    meta = next(reader)
    assert meta["codec"] == "h264"
    assert meta["pix_fmt"].startswith("yuv420p")
    assert meta["size"] == (video.WIDTH, video.HEIGHT)
    assert meta["fps"] == video.FRAME_RATE
    return [np.frombuffer(frame, np.uint8).reshape(video.HEIGHT, video.WIDTH, 3) for frame in reader]


def test_the_film_shows_the_robot_at_its_own_speed(run: Recording, tmp_path: Path) -> None:
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


def test_no_renderer_is_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    with pytest.raises(video.RenderError, match="MUJOCO_GL=nonsense: install libegl1 or libosmesa6"):
        video.choose_renderer()


def test_the_renderer_is_found_without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "")
    assert video.choose_renderer() in ("egl", "osmesa")
    assert os.environ["MUJOCO_GL"] in ("egl", "osmesa")


def test_the_bars_show_command_and_measurement() -> None:
    grey = np.full((480, 640, 3), 128, np.uint8)
    command, measured = np.array([0.6, 0.0, 0.0]), np.array([0.6, -0.3, 0.0])
    drawn = overlay.Overlay().draw(grey, 1.0, "forward", command, measured, False).astype(int)
    assert np.array_equal(drawn[:300], grey[:300])  # only the lower left corner changes
    assert np.array_equal(drawn[:, 400:], grey[:, 400:])
    blue = (drawn[..., 2] > 180) & (drawn[..., 0] < 60)
    rows, columns = np.nonzero(blue)
    middle = overlay.MARGIN + 10 + 62 + overlay.BAR // 2
    forward, left = columns[rows < rows.mean()], columns[rows > rows.mean()]
    # Half of full scale is a quarter of the track: forward to the right, a negative "left" to the left.
    assert forward.max() == pytest.approx(middle + overlay.BAR / 4, abs=3)
    assert forward.min() >= middle
    assert left.min() == pytest.approx(middle - overlay.BAR / 4, abs=3)
    assert left.max() <= middle + 1


def test_the_plot_is_a_picture_of_three_rows(run: Recording, tmp_path: Path) -> None:
    path = tmp_path / "velocity.png"
    save_plot(run, compute_figures(run), path)
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert picture.shape == (990, 1350, 3)
    blue = (picture[..., 2] > 180) & (picture[..., 0] < 60)
    red = (picture[..., 0] > 180) & (picture[..., 2] < 70)
    thirds = np.array_split(np.arange(120, 860), 3)
    assert all(blue[third].any() and red[third].any() for third in thirds)
