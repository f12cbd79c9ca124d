"""Recordings of the demo: time series, resampled to common timestamps."""

import math

import pytest

from xdog_sim.demo.recording import CourseRecorder, PhaseMark

LEVEL = [0.0, 0.0, 0.0, 1.0]


def test_all_tracks_are_resampled_to_the_ground_truth() -> None:
    recorder = CourseRecorder()
    for k in range(11):  # ground truth every 0.1 s, moving at 1 m/s
        recorder.truth.add(5.0 + 0.1 * k, [0.1 * k, 0.0, 0.3, *LEVEL, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    recorder.add_joints(5.0, ["a", "b"], [0.0, 1.0])
    recorder.add_joints(6.0, ["b", "a"], [2.0, 1.0])  # the same joints in another order
    recorder.add_odometry(5.0, 0.0, 0.0, 3.1)
    recorder.add_odometry(6.0, 1.0, 0.0, -3.1)  # crosses pi
    recorder.commands.add(5.2, [0.5, 0.0, 0.0, 1.0])
    recorder.commands.add(5.65, [0.0, 0.0, 0.0, 0.0])
    recorder.commands.add(5.8, [0.0, 0.0, 0.0, 0.0])
    recorder.phases.append(PhaseMark(5.2, "forward"))
    run = recorder.finish(wall_time=2.0)
    assert run.time == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert run.command[:, 0] == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0])  # held, not interpolated
    assert run.walking.tolist() == [True] * 5 + [False] * 2
    assert run.position[:, 0] == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    assert run.joint_names == ("a", "b")
    assert run.joints[0] == pytest.approx([0.2, 1.2])
    assert run.odometry[3, 2] == pytest.approx(3.1 + 0.5 * (2.0 * math.pi - 6.2))
    assert run.phases == (PhaseMark(0.0, "forward"),)


def test_a_missing_track_is_named() -> None:
    recorder = CourseRecorder()
    recorder.truth.add(0.0, [0.0] * 13)
    with pytest.raises(ValueError, match="no joints"):
        recorder.finish(1.0)


def test_a_track_ignores_rows_that_are_not_newer() -> None:
    recorder = CourseRecorder()
    recorder.commands.add(1.0, [1.0])
    recorder.commands.add(1.0, [2.0])
    recorder.commands.add(0.5, [3.0])
    assert recorder.commands.times == [1.0]
    assert recorder.commands.latest == [1.0]
