"""Leg odometry against motions worked out by hand."""

import math
from typing import Any

import numpy as np
import pytest

from xdog.core.description import load_description
from xdog.core.interfaces import LegsReading
from xdog.core.rotations import euler_quaternion, rotation_matrix
from xdog.locomotion.config import load_locomotion_config
from xdog.locomotion.kinematics import LegKinematics
from xdog.locomotion.odometry import Estimate, LegOdometry

ROBOT = load_description()
CONFIG = load_locomotion_config().odometry
LEGS = LegKinematics(ROBOT)
STAND, LIE = ROBOT.legs.poses["stand"], ROBOT.legs.poses["lie"]
PERIOD = 0.005
ALL = np.ones(4, dtype=bool)
Array = np.ndarray


def reading(time: float, position: Array = STAND, contact: Array = ALL, **changes: Any) -> LegsReading:
    zero = np.zeros(12)
    values = {
        "velocity": zero,
        "orientation": np.array([0.0, 0.0, 0.0, 1.0]),
        "angular_velocity": np.zeros(3),
        "linear_acceleration": np.array([0.0, 0.0, 9.81]),
        **changes,
    }
    return LegsReading(
        stamp=time,
        position=position,
        effort=zero,
        temperature=zero,
        alarm=zero.astype(int),
        online=zero == 0.0,
        imu_stamp=time,
        contact=contact,
        **values,
    )


def joint_velocity(position: Array, foot_velocity: Array) -> Array:
    """Joint velocities that move the soles at (4, 3) m/s in the base frame."""
    velocity = np.zeros(12)
    for leg, index, wanted in zip(LEGS.legs, LEGS.index, foot_velocity):
        velocity[index] = np.linalg.solve(leg.jacobian(position[index], [0.0, 0.0, -leg.foot_radius]), wanted)
    return velocity


def hold(odometry: LegOdometry, seconds: float, start: float = 0.0, **values: Any) -> Estimate:
    for k in range(round(seconds / PERIOD) + 1):
        estimate = odometry.update(reading(start + k * PERIOD, **values))
    return estimate


def test_a_standing_robot_stays_where_it_is() -> None:
    estimate = hold(LegOdometry(ROBOT, CONFIG), 1.0)
    assert (estimate.x, estimate.y, estimate.yaw) == (0.0, 0.0, 0.0)
    assert estimate.height == pytest.approx(0.15 * (math.cos(0.65) + math.cos(0.60)) + 0.0205)
    np.testing.assert_array_equal(estimate.velocity, 0.0)


def test_feet_that_move_backwards_move_the_body_forwards() -> None:
    velocity = joint_velocity(STAND, np.tile([-0.3, 0.1, 0.0], (4, 1)))
    estimate = hold(LegOdometry(ROBOT, CONFIG), 1.0, velocity=velocity)
    np.testing.assert_allclose(estimate.velocity, [0.3, -0.1, 0.0], atol=1e-6)
    np.testing.assert_allclose([estimate.x, estimate.y], [0.3, -0.1], atol=0.005)
    assert estimate.travelled == pytest.approx(math.hypot(0.3, 0.1), abs=0.005)


def test_a_body_that_turns_on_the_spot_does_not_translate() -> None:
    # Standing feet seen from a body that spins at w: they move at -w x r.
    soles = LEGS.feet(STAND) - [0.0, 0.0, 0.0205]
    velocity = joint_velocity(STAND, -np.cross([0.0, 0.0, 0.8], soles))
    odometry = LegOdometry(ROBOT, CONFIG)
    for k in range(201):
        estimate = odometry.update(
            reading(
                k * PERIOD,
                velocity=velocity,
                angular_velocity=np.array([0.0, 0.0, 0.8]),
                orientation=euler_quaternion(0.0, 0.0, 0.5 + 0.8 * k * PERIOD),
            )
        )
    np.testing.assert_allclose([estimate.x, estimate.y], 0.0, atol=1e-9)
    assert estimate.yaw == pytest.approx(0.8)  # heading counts from the first measurement
    assert estimate.yaw_rate == pytest.approx(0.8)


def test_the_path_is_in_the_odom_frame() -> None:
    odometry = LegOdometry(ROBOT, CONFIG)
    velocity = joint_velocity(STAND, np.tile([-0.3, 0.0, 0.0], (4, 1)))
    odometry.update(reading(0.0, orientation=euler_quaternion(0.0, 0.0, 1.0)))
    turned = euler_quaternion(0.0, 0.0, 1.0 + math.pi / 2)
    estimate = hold(odometry, 1.0, PERIOD, velocity=velocity, orientation=turned)
    np.testing.assert_allclose([estimate.x, estimate.y], [0.0, 0.3], atol=0.005)
    np.testing.assert_allclose(estimate.velocity, [0.3, 0.0, 0.0], atol=1e-6)


def test_a_rolling_foot_counts() -> None:
    # Only the knees turn. Seen from the base the sole, 0.0205 m below the foot's centre, moves at w x (r + sole).
    knees = np.tile([0.0, 0.0, 1.0], 4)
    estimate = hold(LegOdometry(ROBOT, CONFIG), 0.1, velocity=knees)
    lever = 0.15 * math.cos(0.60) + 0.0205
    assert estimate.velocity[0] == pytest.approx(-lever, abs=1e-6)


def test_one_slipping_foot_is_outvoted() -> None:
    feet = np.tile([-0.3, 0.0, 0.0], (4, 1))
    odometry = LegOdometry(ROBOT, CONFIG)
    hold(odometry, 0.1, velocity=joint_velocity(STAND, feet))
    feet[2] = [0.9, 0.5, 0.0]
    pair = np.array([False, True, True, False])
    for start, contact in ((0.105, ALL), (0.21, pair)):
        estimate = hold(odometry, 0.1, start, velocity=joint_velocity(STAND, feet), contact=contact)
        assert estimate.velocity[0] == pytest.approx(0.3, abs=0.02)


def test_a_single_foot_that_slips_is_not_used() -> None:
    feet, alone = np.tile([0.9, 0.0, 0.0], (4, 1)), np.array([True, False, False, False])
    odometry = LegOdometry(ROBOT, CONFIG)
    hold(odometry, 0.1)
    estimate = hold(odometry, 0.2, 0.105, velocity=joint_velocity(STAND, feet), contact=alone)
    assert estimate.velocity[0] == pytest.approx(0.0, abs=1e-9)


def test_a_foot_that_has_just_landed_waits_one_measurement() -> None:
    landing = joint_velocity(STAND, np.tile([0.0, 0.0, 0.3], (4, 1)))
    odometry = LegOdometry(ROBOT, CONFIG)
    odometry.update(reading(0.0, contact=~ALL))
    estimate = odometry.update(reading(PERIOD, velocity=landing, contact=ALL))
    np.testing.assert_array_equal(estimate.velocity, 0.0)


def test_velocity_fades_while_no_foot_stands() -> None:
    odometry = LegOdometry(ROBOT, CONFIG)
    hold(odometry, 0.1, velocity=joint_velocity(STAND, np.tile([-0.3, 0.0, 0.0], (4, 1))))
    estimate = hold(odometry, CONFIG.still_time - PERIOD, 0.105, contact=~ALL)
    assert estimate.velocity[0] == pytest.approx(0.3 / math.e, rel=0.02)


def test_lying_the_height_is_that_of_the_lowest_sole() -> None:
    estimate = hold(LegOdometry(ROBOT, CONFIG), 0.1, position=LIE, contact=~ALL)
    assert estimate.height == pytest.approx(float(-np.min(LEGS.feet(LIE)[:, 2])) + 0.0205)


def test_tilt_comes_from_the_imu_and_does_not_move_the_body() -> None:
    position = LEGS.joints(LEGS.feet(STAND) @ rotation_matrix(0.1, 0.2, 0.0))
    attitude = rotation_matrix(0.1, 0.2, 0.0)
    values = {
        "position": position,
        "orientation": euler_quaternion(0.1, 0.2, 0.0),
        "linear_acceleration": attitude.T @ [0.0, 0.0, 9.81],
    }
    estimate = hold(LegOdometry(ROBOT, CONFIG), 0.5, **values)
    np.testing.assert_allclose([estimate.roll, estimate.pitch, estimate.yaw], [0.1, 0.2, 0.0], atol=1e-9)
    assert estimate.height == pytest.approx(-LEGS.feet(STAND)[0, 2] + 0.0205, abs=1e-9)
    np.testing.assert_allclose([estimate.x, estimate.y], 0.0, atol=1e-9)


def test_a_gap_in_time_is_not_integrated() -> None:
    odometry = LegOdometry(ROBOT, CONFIG)
    velocity = joint_velocity(STAND, np.tile([-0.3, 0.0, 0.0], (4, 1)))
    before = hold(odometry, 0.1, velocity=velocity)
    after = odometry.update(reading(5.0, velocity=velocity))
    assert after.x == before.x


def test_invalid_measurements_change_nothing() -> None:
    odometry = LegOdometry(ROBOT, CONFIG)
    hold(odometry, 0.1)
    for bad in ({"velocity": np.full(12, math.nan)}, {"orientation": np.zeros(4)}):
        with pytest.raises(ValueError, match=r"not finite|no length"):
            odometry.update(reading(0.105, **bad))
    assert odometry.update(reading(0.11)).x == 0.0


def test_covariances_grow_with_the_distance() -> None:
    odometry = LegOdometry(ROBOT, CONFIG)
    still = odometry.pose_covariance(odometry.update(reading(0.0))).reshape(6, 6)
    velocity = joint_velocity(STAND, np.tile([-0.5, 0.0, 0.0], (4, 1)))
    walked = odometry.pose_covariance(hold(odometry, 1.0, PERIOD, velocity=velocity)).reshape(6, 6)
    assert still[0, 0] == pytest.approx(CONFIG.height_sigma**2)
    assert math.sqrt(walked[0, 0]) == pytest.approx(CONFIG.height_sigma + 0.5 * CONFIG.drift_per_metre, rel=0.02)
    assert walked[5, 5] > still[5, 5]
    assert np.count_nonzero(walked) == 6
    assert odometry.twist_covariance().shape == (36,)
