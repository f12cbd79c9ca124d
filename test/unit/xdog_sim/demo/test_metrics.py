import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog_sim.demo import metrics
from xdog_sim.demo.recording import PhaseMark, PushMark, Recording

LEVEL = [0.0, 0.0, 0.0, 1.0]


def about(axis: str, angle: float) -> list:
    """Quaternion x, y, z, w of a turn about one axis."""
    quaternion = [0.0, 0.0, 0.0, math.cos(0.5 * angle)]
    quaternion["xyz".index(axis)] = math.sin(0.5 * angle)
    return quaternion


def make_run(time: np.ndarray, **changes: object) -> Recording:
    n = len(time)
    arrays = {
        "position": np.zeros((n, 3)),
        "orientation": np.tile(LEVEL, (n, 1)),
        "velocity": np.zeros((n, 3)),
        "angular_velocity": np.zeros((n, 3)),
        "command": np.zeros((n, 3)),
        "walking": np.ones(n, dtype=bool),
        "odometry": np.zeros((n, 3)),
        "phases": (PhaseMark(0.0, "walk"),),
        "pushes": (),
        "wall_time": 1.0,
    }
    return Recording(time=time, joint_names=(), joints=np.zeros((n, 0)), **{**arrays, **changes})  # type: ignore[arg-type]


def test_falls_are_counted_once_each() -> None:
    assert metrics.rising_edges(np.array([False, True, True, False, True])) == 2
    assert metrics.rising_edges(np.array([True, True])) == 1
    assert metrics.rising_edges(np.zeros(3, dtype=bool)) == 0


def test_samples_count_one_second_after_a_change_and_two_after_a_push() -> None:
    time = np.arange(10.0)
    command = np.zeros((10, 3))
    command[3:] = [0.5, 0.0, 0.0]
    walking = time >= 1.0
    counted = metrics.counted_samples(time, command, walking, pushes=(6.0,))
    #                   0      1      2     3      4     5     6      7      8     9
    assert counted.tolist() == [False, False, True, False, True, True, False, False, True, True]


def test_rms_is_of_the_length_of_the_error() -> None:
    assert metrics.rms(np.array([[3.0, 4.0], [0.0, 0.0]])) == pytest.approx(math.sqrt(12.5))
    assert metrics.rms(np.array([1.0, -1.0, 1.0])) == pytest.approx(1.0)
    assert math.isnan(metrics.rms(np.zeros((0, 2))))


def test_moving_average_by_hand() -> None:
    time = np.array([0.0, 1.0, 2.0, 3.0])
    values = np.array([[0.0], [3.0], [6.0], [0.0]])
    # A window of 2 s about each time holds its neighbours; at the ends only those that exist.
    assert metrics.moving_average(time, values, 2.0)[:, 0] == pytest.approx([1.5, 3.0, 3.0, 3.0])


@given(st.floats(-5.0, 5.0), st.floats(0.01, 3.0))
def test_moving_average_keeps_a_constant(value: float, window: float) -> None:
    time = np.arange(0.0, 2.0, 0.1)
    assert metrics.moving_average(time, np.full((20, 1), value), window) == pytest.approx(np.full((20, 1), value))


def test_recovery_ends_when_the_robot_stays_calm() -> None:
    time = np.arange(0.0, 4.0, 0.1)
    tilt, error = np.zeros(40), np.zeros((40, 2))
    error[(time > 0.95) & (time < 1.45)] = [0.0, 0.3]  # 1.0 to 1.4 s
    tilt[np.isclose(time, 1.7)] = 0.2  # and again
    assert metrics.recovery_time(time, tilt, error, push=1.0) == pytest.approx(0.8)
    assert metrics.recovery_time(time, tilt, error, push=2.5) == pytest.approx(0.0)


def test_no_recovery_if_the_robot_has_fallen_or_the_recording_ends_too_early() -> None:
    time = np.arange(0.0, 3.0, 0.1)
    calm = np.zeros((30, 2))
    assert metrics.recovery_time(time, np.full(30, 1.5), calm, push=1.0) is None
    assert metrics.recovery_time(time, np.where(time < 2.65, 0.5, 0.0), calm, push=1.0) is None


def test_odometry_drift_does_not_depend_on_the_start_poses() -> None:
    truth = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    # Starts elsewhere, turned by 90 degrees; walks 2.1 m in its own forward direction and turns by 0.1 rad.
    odometry = np.array([[5.0, 5.0, math.pi / 2], [5.0, 7.1, math.pi / 2 + 0.1]])
    assert metrics.odometry_drift(truth, odometry) == (pytest.approx(0.1), pytest.approx(0.1))


def test_odometry_drift_where_the_heading_wraps_around() -> None:
    truth = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -3.1]])
    odometry = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 3.1]])
    assert metrics.odometry_drift(truth, odometry)[1] == pytest.approx(2.0 * math.pi - 6.2)


def test_metrics_of_a_run_by_hand() -> None:
    time = np.arange(0.0, 10.0, 0.01)
    n = len(time)
    command = np.tile([0.5, 0.0, 0.2], (n, 1))
    velocity = np.tile([0.4, 0.0, 0.0], (n, 1))
    tilt = np.where((time > 4.9995) & (time < 5.5), 0.3, 0.0)
    run = make_run(
        time,
        command=command,
        velocity=velocity,
        angular_velocity=np.tile([0.0, 0.0, 0.25], (n, 1)),
        orientation=np.array([about("x", angle) for angle in tilt]),
        position=np.column_stack([0.4 * time, np.zeros(n), np.full(n, 0.28)]),
        odometry=np.column_stack([0.42 * time, np.zeros((n, 2))]),
        pushes=(PushMark(5.0, np.array([0.0, 0.6, 0.0]), "pushed"),),
        wall_time=4.0,
    )
    result = metrics.compute_metrics(run)
    assert result.velocity_rmse == pytest.approx(0.1)
    assert result.yaw_rate_rmse == pytest.approx(0.05)
    assert result.falls == 0
    assert result.pushes == (metrics.PushMetrics("pushed", pytest.approx(0.6), pytest.approx(0.3), pytest.approx(0.5)),)
    assert result.odometry_drift == pytest.approx(0.02 * 9.99)
    assert result.path_length == pytest.approx(0.4 * 9.99)
    assert result.duration == pytest.approx(9.99)
    assert result.real_time_factor == pytest.approx(9.99 / 4.0)
    assert result.succeeded


def test_a_fall_or_a_push_without_recovery_is_no_success() -> None:
    time = np.arange(0.0, 4.0, 0.01)
    fallen = np.array([about("y", 1.2 if t > 2.0 else 0.0) for t in time])
    push = PushMark(1.9, np.array([0.0, 0.6, 0.0]), "pushed")
    result = metrics.compute_metrics(make_run(time, orientation=fallen, pushes=(push,)))
    assert result.falls == 1
    assert result.pushes[0].recovery is None
    assert not result.succeeded
