"""The simulated IMU and encoders against numbers worked out by hand."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog_sim.config import ImuConfig, LegsConfig, load_sim_config
from xdog_sim.sensors import ImuSample, SimulatedEncoders, SimulatedImu, apply_small_rotation

PERFECT = load_sim_config().perfect()


def sample(stamp: float, rate: float = 0.0) -> ImuSample:
    return ImuSample(stamp, np.array([1.0, 0.0, 0.0, 0.0]), np.full(3, rate), np.array([0.0, 0.0, 9.81]))


def make_imu(**settings: float) -> SimulatedImu:
    config: ImuConfig = dataclasses.replace(PERFECT.imu, **settings)
    return SimulatedImu(config, np.random.default_rng(3), sample(0.0))


def make_encoders(count: int, **settings: float) -> SimulatedEncoders:
    config: LegsConfig = dataclasses.replace(PERFECT.legs, **settings)
    return SimulatedEncoders(count, config, np.random.default_rng(3))


def test_a_small_rotation_about_one_axis() -> None:
    turned = apply_small_rotation(np.array([1.0, 0.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.01]))
    assert turned == pytest.approx([math.cos(0.005), 0.0, 0.0, math.sin(0.005)], abs=1e-7)
    # The rotation is in the quaternion's own frame: after a roll of 90 degrees its z axis is the world's -y.
    rolled = np.array([math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0])
    turned = apply_small_rotation(rolled, np.array([0.0, 0.0, 0.01]))
    half = math.sqrt(0.5) * math.sin(0.005)
    assert turned[2:] == pytest.approx([-half, half], abs=1e-7)


@given(st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=3), st.lists(st.floats(-1.0, 1.0), min_size=4, max_size=4))
def test_a_rotated_quaternion_has_unit_length(rotation: Any, quaternion: Any) -> None:
    length = float(np.linalg.norm(quaternion))
    if length > 0.1:
        assert np.linalg.norm(apply_small_rotation(np.array(quaternion) / length, np.array(rotation))) == pytest.approx(
            1
        )


def test_the_imu_outputs_the_latest_sample_that_is_old_enough() -> None:
    imu = make_imu(delay=0.01)
    for stamp in (0.005, 0.010, 0.015):
        imu.add(sample(stamp, rate=stamp))
    assert imu.read(0.014).stamp == 0.0  # the sample of 5 ms is only 9 ms old
    assert imu.read(0.016).stamp == 0.005
    assert imu.read(0.025).angular_velocity == pytest.approx([0.015] * 3)
    assert imu.read(9.0).stamp == 0.015


def test_a_restart_discards_pending_samples() -> None:
    imu = make_imu(delay=0.01)
    imu.add(sample(0.005))
    imu.restart(sample(0.1, rate=2.0))
    assert imu.read(5.0).stamp == 0.1
    assert imu.read(5.0).angular_velocity == pytest.approx([2.0] * 3)


def test_the_gyro_has_a_constant_bias_within_its_limit() -> None:
    imu = make_imu(gyro_bias=0.02)
    biases = []
    for stamp in (1.0, 2.0):
        imu.add(sample(stamp, rate=0.5))
        biases.append(imu.read(stamp).angular_velocity - 0.5)
    assert biases[0] == pytest.approx(biases[1])
    assert 0.0 < np.abs(biases[0]).max() <= 0.02


def test_the_accelerometer_has_the_noise_of_the_settings() -> None:
    imu = make_imu(accelerometer_noise=0.1)
    for k in range(500):
        imu.add(sample(float(k + 1)))
    measured = np.array([imu.read(float(k + 1)).linear_acceleration for k in range(500)])
    assert measured.mean(axis=0) == pytest.approx([0.0, 0.0, 9.81], abs=0.02)
    assert measured.std(axis=0) == pytest.approx([0.1] * 3, rel=0.15)


def test_encoders_without_noise_measure_the_truth_plus_their_offset() -> None:
    encoders = make_encoders(4, encoder_offset=0.01)
    truth = np.array([[0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
    measured = encoders.measure(*truth)
    assert measured[0] == pytest.approx(truth[0] + encoders.offset)
    assert np.array_equal(measured[1:], truth[1:])
    assert 0.0 < np.abs(encoders.offset).max() <= 0.01


def test_each_measurement_of_an_encoder_has_its_own_noise() -> None:
    encoders = make_encoders(6, position_noise=0.001, velocity_noise=0.1, effort_noise=0.5)
    measured = np.array([encoders.measure(np.zeros(6), np.zeros(6), np.zeros(6)) for _ in range(300)])
    assert measured.std(axis=(0, 2)) == pytest.approx([0.001, 0.1, 0.5], rel=0.1)
