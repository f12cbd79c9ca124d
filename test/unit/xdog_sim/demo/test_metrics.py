import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog_sim.demo import metrics as figures
from xdog_sim.demo.recording import CourseRecorder, PhaseMark, PushMark, Recording

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


@pytest.mark.parametrize("axis", ["x", "y"])
def test_tilt_is_the_angle_to_the_vertical_whatever_the_heading(axis: str) -> None:
    assert figures.tilt_angle(np.array([LEVEL, about("z", 2.0), about(axis, 0.7)])) == pytest.approx([0.0, 0.0, 0.7])


def test_yaw() -> None:
    assert figures.yaw_angle(np.array([LEVEL, about("z", 2.0), about("z", -0.5)])) == pytest.approx([0.0, 2.0, -0.5])


def test_falls_are_counted_once_each() -> None:
    assert figures.rising_edges(np.array([False, True, True, False, True])) == 2
    assert figures.rising_edges(np.array([True, True])) == 1
    assert figures.rising_edges(np.zeros(3, dtype=bool)) == 0


def test_samples_count_one_second_after_a_change_and_two_after_a_push() -> None:
    time = np.arange(10.0)
    command = np.zeros((10, 3))
    command[3:] = [0.5, 0.0, 0.0]
    walking = time >= 1.0
    counted = figures.counted_samples(time, command, walking, pushes=(6.0,))
    #                   0      1      2     3      4     5     6      7      8     9
    assert counted.tolist() == [False, False, True, False, True, True, False, False, True, True]


def test_rms_is_of_the_length_of_the_error() -> None:
    assert figures.rms(np.array([[3.0, 4.0], [0.0, 0.0]])) == pytest.approx(math.sqrt(12.5))
    assert figures.rms(np.array([1.0, -1.0, 1.0])) == pytest.approx(1.0)
    assert math.isnan(figures.rms(np.zeros((0, 2))))


def test_moving_average_by_hand() -> None:
    time = np.array([0.0, 1.0, 2.0, 3.0])
    values = np.array([[0.0], [3.0], [6.0], [0.0]])
    # A window of 2 s about each time holds its neighbours; at the ends only those that exist.
    assert figures.moving_average(time, values, 2.0)[:, 0] == pytest.approx([1.5, 3.0, 3.0, 3.0])


@given(st.floats(-5.0, 5.0), st.floats(0.01, 3.0))
def test_moving_average_keeps_a_constant(value: float, window: float) -> None:
    time = np.arange(0.0, 2.0, 0.1)
    assert figures.moving_average(time, np.full((20, 1), value), window) == pytest.approx(np.full((20, 1), value))


def test_recovery_is_the_first_instant_from_which_the_robot_stays_calm() -> None:
    time = np.arange(0.0, 4.0, 0.1)
    tilt, error = np.zeros(40), np.zeros((40, 2))
    error[(time > 0.95) & (time < 1.45)] = [0.0, 0.3]  # 1.0 to 1.4 s
    tilt[np.isclose(time, 1.7)] = 0.2  # and once more
    assert figures.recovery_time(time, tilt, error, push=1.0) == pytest.approx(0.8)
    assert figures.recovery_time(time, tilt, error, push=2.5) == pytest.approx(0.0)


def test_no_recovery_if_the_robot_lies_or_the_recording_ends_too_soon() -> None:
    time = np.arange(0.0, 3.0, 0.1)
    calm = np.zeros((30, 2))
    assert figures.recovery_time(time, np.full(30, 1.5), calm, push=1.0) is None
    assert figures.recovery_time(time, np.where(time < 2.65, 0.5, 0.0), calm, push=1.0) is None


def test_odometry_drift_does_not_depend_on_where_the_two_start() -> None:
    truth = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    # Starts elsewhere, turned by 90 degrees; walks 2.1 m in its own forward direction and turns by 0.1 rad.
    odometry = np.array([[5.0, 5.0, math.pi / 2], [5.0, 7.1, math.pi / 2 + 0.1]])
    assert figures.odometry_drift(truth, odometry) == (pytest.approx(0.1), pytest.approx(0.1))


def test_odometry_drift_across_the_seam_of_the_heading() -> None:
    truth = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -3.1]])
    odometry = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 3.1]])
    assert figures.odometry_drift(truth, odometry)[1] == pytest.approx(2.0 * math.pi - 6.2)


def test_figures_of_a_run_by_hand() -> None:
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
    result = figures.compute_figures(run)
    assert result.velocity_rmse == pytest.approx(0.1)
    assert result.yaw_rate_rmse == pytest.approx(0.05)
    assert result.falls == 0
    assert result.pushes == (figures.PushMetrics("pushed", pytest.approx(0.6), pytest.approx(0.3), pytest.approx(0.5)),)
    assert result.odometry_drift == pytest.approx(0.02 * 9.99)
    assert result.path_length == pytest.approx(0.4 * 9.99)
    assert result.duration == pytest.approx(9.99)
    assert result.real_time_factor == pytest.approx(9.99 / 4.0)
    assert result.succeeded


def test_a_fall_or_a_push_without_recovery_is_no_success() -> None:
    time = np.arange(0.0, 4.0, 0.01)
    fallen = np.array([about("y", 1.2 if t > 2.0 else 0.0) for t in time])
    push = PushMark(1.9, np.array([0.0, 0.6, 0.0]), "pushed")
    result = figures.compute_figures(make_run(time, orientation=fallen, pushes=(push,)))
    assert result.falls == 1
    assert result.pushes[0].recovery is None
    assert not result.succeeded


# Recording


def test_recorder_puts_all_tracks_on_one_clock() -> None:
    recorder = CourseRecorder()
    for k in range(11):  # ground truth every 0.1 s, moving at 1 m/s
        recorder.truth.add(5.0 + 0.1 * k, [0.1 * k, 0.0, 0.3, *LEVEL, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    recorder.add_joints(5.0, ["a", "b"], [0.0, 1.0])
    recorder.add_joints(6.0, ["b", "a"], [2.0, 1.0])  # another order of the same joints
    recorder.add_odometry(5.0, 0.0, 0.0, 3.1)
    recorder.add_odometry(6.0, 1.0, 0.0, -3.1)  # crosses pi
    recorder.commands.add(5.2, [0.5, 0.0, 0.0, 1.0])
    recorder.commands.add(5.65, [0.0, 0.0, 0.0, 0.0])
    recorder.commands.add(5.8, [0.0, 0.0, 0.0, 0.0])
    recorder.phases.append(PhaseMark(5.2, "forward"))
    run = recorder.finish(wall_time=2.0)
    assert run.time == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert run.command[:, 0] == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0])  # held, not blended
    assert run.walking.tolist() == [True] * 5 + [False] * 2
    assert run.position[:, 0] == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    assert run.joint_names == ("a", "b")
    assert run.joints[0] == pytest.approx([0.2, 1.2])
    assert run.odometry[3, 2] == pytest.approx(3.1 + 0.5 * (2.0 * math.pi - 6.2))
    assert run.phases == (PhaseMark(0.0, "forward"),)


def test_recorder_names_the_track_that_is_missing() -> None:
    recorder = CourseRecorder()
    recorder.truth.add(0.0, [0.0] * 13)
    with pytest.raises(ValueError, match="no joints"):
        recorder.finish(1.0)


def test_tracks_keep_time_in_order() -> None:
    recorder = CourseRecorder()
    recorder.commands.add(1.0, [1.0])
    recorder.commands.add(1.0, [2.0])
    recorder.commands.add(0.5, [3.0])
    assert recorder.commands.times == [1.0]
    assert recorder.commands.newest == [1.0]
