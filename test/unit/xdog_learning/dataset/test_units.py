"""Numbers in degrees, in percent or at another rate are refused before an arm or a training gets them."""

from pathlib import Path
from typing import Callable

import numpy as np
import pyarrow as pa
import pytest
from demonstrations import make_episode, write_dataset
from hypothesis import given
from hypothesis import strategies as st
from lerobot_layouts import edit_json, rewrite

from xdog.core.description import load_description
from xdog_learning.dataset import DatasetWriter, load_dataset
from xdog_learning.dataset.episode import Episode
from xdog_learning.dataset.units import TOLERANCE, UnitsError, check_angles, check_rate, policy_rate

ARM = load_description().arm
GRIPPER = 5


@given(share=st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6), off=st.floats(-TOLERANCE, TOLERANCE))
def test_every_angle_within_the_range_is_accepted(share: list, off: float) -> None:
    angles = ARM.lower + np.array(share) * (ARM.upper - ARM.lower) + 0.999 * off
    check_angles(angles[None, :], "action", "here")


@pytest.mark.parametrize("joint", range(6))
@pytest.mark.parametrize("side", [-1, 1])
def test_an_angle_beyond_the_tolerance_names_joint_frame_and_range(joint: int, side: int) -> None:
    angles = np.tile(np.array(ARM.poses["home"]), (4, 1))
    angles[2, joint] = (ARM.upper if side > 0 else ARM.lower)[joint] + side * (TOLERANCE + 0.01)
    message = rf"here: action of {ARM.names[joint]} is {angles[2, joint]:.4g} in frame 2; .*calibrate it again"
    with pytest.raises(UnitsError, match=message):
        check_angles(angles, "action", "here")


def degrees(angles: np.ndarray) -> np.ndarray:
    """As lerobot 0.4.4 records an SO101 (use_degrees): zero in the middle of the range, the gripper in percent."""
    found = np.degrees(angles)
    found[:, GRIPPER] = percent(angles)[:, GRIPPER]
    return found


def percent(angles: np.ndarray) -> np.ndarray:
    """As lerobot 0.4.4 records an SO101 with use_degrees false: -100 to 100 of each range, the gripper 0 to 100."""
    found = 200.0 * (angles - ARM.lower) / (ARM.upper - ARM.lower) - 100.0
    found[:, GRIPPER] = 0.5 * (found[:, GRIPPER] + 100.0)
    return found


def convert_back(values: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """The remedy of the message."""
    found = values * factor
    found[:, GRIPPER] = ARM.lower[5] + values[:, GRIPPER] / 100.0 * (ARM.upper[5] - ARM.lower[5])
    return found


@pytest.mark.parametrize("unit", [degrees, percent])
def test_degrees_and_percent_are_recognised(unit: Callable[[np.ndarray], np.ndarray]) -> None:
    angles = make_episode(0, 20).state.astype(float)
    with pytest.raises(UnitsError, match=r"seem to be degrees or percent, as LeRobot .*Convert them to radians"):
        check_angles(unit(angles), "observation.state", "here")


def test_the_remedy_restores_the_angles() -> None:
    angles = make_episode(0, 20).state.astype(float)
    np.testing.assert_allclose(convert_back(degrees(angles), np.pi / 180.0), angles, atol=1e-9)
    middle = 0.5 * (ARM.lower + ARM.upper)  # up to 0.05 rad off where a range is not symmetric
    back = convert_back(percent(angles), ARM.upper / 100.0)
    np.testing.assert_allclose(back[:, :5], angles[:, :5], atol=2.0 * np.abs(middle[:5]).max() + 1e-9)
    np.testing.assert_allclose(back[:, 5], angles[:, 5], atol=1e-9)


def test_frames_are_one_policy_period_apart() -> None:
    assert policy_rate() == 25  # policy_period is 0.04 s
    check_rate(25, "here")
    with pytest.raises(UnitsError, match=r"here: 30 frames a second, but policies run at 25 .*Resample"):
        check_rate(30, "here")


def set_action(folder: Path, unit: Callable[[np.ndarray], np.ndarray]) -> None:
    def change(table: pa.Table) -> pa.Table:
        angles = np.array(table["action"].to_pylist())
        number = table.column_names.index("action")
        return table.set_column(number, "action", pa.array(unit(angles).tolist(), pa.list_(pa.float32())))

    rewrite(folder, "data/*/*.parquet", change)


@pytest.mark.parametrize("unit", [degrees, percent])
def test_a_dataset_in_other_units_is_neither_read_nor_added_to(
    copy: Path, unit: Callable[[np.ndarray], np.ndarray]
) -> None:
    set_action(copy, unit)
    message = r"chunk-000/file-000\.parquet: action of \w+ is .*degrees or percent"
    with pytest.raises(UnitsError, match=message):
        load_dataset(copy)
    with pytest.raises(UnitsError, match=message):
        DatasetWriter(copy)


@pytest.mark.parametrize("fps", [30, 50])
def test_a_dataset_at_another_rate_is_neither_read_nor_added_to(copy: Path, fps: int) -> None:
    edit_json(copy / "meta/info.json", lambda info: info.update(fps=fps))

    def change(table: pa.Table) -> pa.Table:
        frames = table["frame_index"].to_numpy()
        number = table.column_names.index("timestamp")
        return table.set_column(number, "timestamp", pa.array(frames / fps, pa.float32()))

    def retime(table: pa.Table) -> pa.Table:
        for name in ("from_timestamp", "to_timestamp"):
            column = f"videos/observation.images.wrist/{name}"
            number = table.column_names.index(column)
            table = table.set_column(number, column, pa.array(table[column].to_numpy() * 25 / fps))
        return table

    rewrite(copy, "data/*/*.parquet", change)
    rewrite(copy, "meta/episodes/*/*.parquet", retime)
    for opened in (load_dataset, DatasetWriter):
        with pytest.raises(UnitsError, match=rf"meta/info\.json: {fps} frames a second, but policies run at 25"):
            opened(copy)


def test_an_episode_in_other_units_or_at_another_rate_is_not_added(tmp_path: Path) -> None:
    good = make_episode(0, 9)
    wrong = Episode(good.state, good.environment_state, 60.0 * good.action, None, good.task, good.fps)
    with DatasetWriter(tmp_path / "a") as writer:
        with pytest.raises(UnitsError, match="the new episode: action of"):
            writer.add(wrong)
        with pytest.raises(UnitsError, match="the new episode: 30 frames a second"):
            writer.add(make_episode(0, 9, fps=30))
        writer.add(good)
    write_dataset(tmp_path / "a", [good])
    assert len(load_dataset(tmp_path / "a")) == 2
