"""The overlay of the video: bars as long as the velocities, and nothing outside its panel."""

import numpy as np
import pytest

from xdog_sim.demo import overlay


def test_bars_show_commanded_and_measured_velocity() -> None:
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


def test_a_push_turns_the_label_red() -> None:
    grey, zero = np.full((480, 640, 3), 128, np.uint8), np.zeros(3)
    plain, pushed = (
        overlay.Overlay().draw(grey, 0.0, "pushed", zero, zero, push).astype(int) for push in (False, True)
    )
    red = (pushed[..., 0] > 180) & (pushed[..., 2] < 90)
    assert red.sum() > 50
    assert not ((plain[..., 0] > 180) & (plain[..., 2] < 90)).any()


def test_a_velocity_beyond_full_scale_fills_its_half_of_the_track() -> None:
    grey, zero = np.full((480, 640, 3), 128, np.uint8), np.zeros(3)
    drawn = overlay.Overlay().draw(grey, 0.0, "", zero, np.array([9.0, 0.0, 0.0]), False).astype(int)
    columns = np.nonzero((drawn[..., 2] > 180) & (drawn[..., 0] < 60))[1]
    start = overlay.MARGIN + 10 + 62
    assert columns.max() == pytest.approx(start + overlay.BAR, abs=1)
