"""Leg odometry from joint angles, foot contacts and the IMU."""

import math
from dataclasses import dataclass
from typing import List, Optional, Tuple

import numpy as np

from xdog.core.description import RobotDescription
from xdog.core.interfaces import LegsReading
from xdog.core.rotations import GRAVITY, euler_angles, quaternion_matrix, rotation_matrix
from xdog.locomotion.config import OdometryConfig
from xdog.locomotion.kinematics import LegKinematics

Array = np.ndarray

LONGEST_GAP = 0.5
"""s between two measurements; over a longer gap nothing is integrated."""
LONGEST_PREDICTION = 0.02
"""s for which the last acceleration is integrated when measurements are missing."""


@dataclass(frozen=True)
class Estimate:
    """The robot's pose and velocity. The odom frame is the footprint's pose at the first measurement.

    Attributes:
        stamp: s.
        x, y, yaw: of the footprint in the odom frame, m and rad.
        height: of the base above the ground, m.
        roll, pitch: of the base, rad.
        velocity: (3,) of the base along the footprint's axes, m/s.
        yaw_rate: rad/s.
        travelled: length of the path since the start, m.
    """

    stamp: float
    x: float
    y: float
    yaw: float
    height: float
    roll: float
    pitch: float
    velocity: Array
    yaw_rate: float
    travelled: float


class LegOdometry:
    """Integrates the base's velocity, measured by the standing feet.

    A sole on the ground does not move, so every standing foot gives the base's velocity. The estimate is the median,
    axis by axis, of those and of an inertial prediction from the previous step: one slipping foot is outvoted. Heading
    and tilt come from the IMU.
    """

    def __init__(self, robot: RobotDescription, config: OdometryConfig) -> None:
        self._config = config
        self._legs = LegKinematics(robot)
        self._radius = np.array([leg.foot_radius for leg in self._legs.legs])
        self._mount = robot.fixed_transform(robot.frames["imu"]).rotation
        self._stamp: Optional[float] = None
        self._heading = np.eye(3)
        self._stood = np.zeros(len(robot.feet), dtype=bool)
        self._velocity = np.zeros(3)
        self._position = np.zeros(2)
        self._travelled = 0.0

    def update(self, reading: LegsReading) -> Estimate:
        """Update the estimate with one measurement.

        Raises:
            ValueError: it contains numbers that are not finite, or no valid orientation; the estimate does not change.
        """
        values = (reading.position, reading.velocity, reading.angular_velocity, reading.linear_acceleration)
        if not all(np.all(np.isfinite(value)) for value in (*values, reading.orientation)):
            raise ValueError("legs/state contains numbers that are not finite: check joints and IMU")
        attitude = quaternion_matrix(reading.orientation) @ self._mount.T
        if self._stamp is None:
            self._heading = rotation_matrix(0.0, 0.0, -euler_angles(attitude)[2])
        attitude = self._heading @ attitude
        duration = 0.0 if self._stamp is None else reading.stamp - self._stamp
        duration = duration if 0.0 < duration <= LONGEST_GAP else 0.0
        spin = self._mount @ reading.angular_velocity
        standing = reading.contact & self._stood  # a foot that has just landed still moves
        soles, velocities = self._soles(reading, attitude, spin)
        acceleration = attitude @ self._mount @ reading.linear_acceleration - np.array([0.0, 0.0, GRAVITY])
        before = self._velocity
        self._velocity = self._fused(
            velocities[standing], before + min(duration, LONGEST_PREDICTION) * acceleration, duration
        )
        step = 0.5 * duration * (before + self._velocity)[:2]
        self._position = self._position + step
        self._travelled += float(np.hypot(*step))
        self._stood = np.asarray(reading.contact, dtype=bool)
        self._stamp = reading.stamp
        roll, pitch, yaw = euler_angles(attitude)
        return Estimate(
            stamp=reading.stamp,
            x=float(self._position[0]),
            y=float(self._position[1]),
            yaw=yaw,
            height=float(np.median(-soles[standing, 2]) if standing.any() else np.max(-soles[:, 2])),
            roll=roll,
            pitch=pitch,
            velocity=rotation_matrix(0.0, 0.0, yaw).T @ self._velocity,
            yaw_rate=float((attitude @ spin)[2]),
            travelled=self._travelled,
        )

    def _soles(self, reading: LegsReading, attitude: Array, spin: Array) -> Tuple[Array, Array]:
        """Soles relative to the base, and the base's velocity if that sole does not move; (4, 3) each, odom axes."""
        down = -attitude[2]
        soles: List[Array] = []
        velocities: List[Array] = []
        for leg, index, radius in zip(self._legs.legs, self._legs.index, self._radius):
            angles = reading.position[index]
            sole = leg.forward(angles) + radius * down
            moving = leg.jacobian(angles, radius * down) @ reading.velocity[index] + np.cross(spin, sole)
            soles.append(attitude @ sole)
            velocities.append(-(attitude @ moving))
        return np.array(soles), np.array(velocities)

    def _fused(self, votes: Array, predicted: Array, duration: float) -> Array:
        """The base's velocity (3,) from the standing feet's votes (k, 3) and the inertial prediction (3,)."""
        if duration == 0.0:
            return np.median(votes, axis=0) if len(votes) else np.zeros(3)
        alone = len(votes) == 1 and float(np.linalg.norm(votes[0] - predicted)) > self._config.slip_speed
        if alone or len(votes) == 0:
            faded: Array = predicted * math.exp(-duration / self._config.still_time)
            return faded
        median: Array = np.median(np.vstack([votes, predicted]), axis=0)
        return median

    def pose_covariance(self, estimate: Estimate) -> Array:
        """Covariance (36,) of x, y, z, roll, pitch, yaw of the footprint, row by row (REP 103)."""
        c, path = self._config, estimate.travelled
        drift, turn = c.drift_per_metre * path, c.yaw_per_metre * path
        sigmas = [c.height_sigma + drift, c.height_sigma + drift, c.height_sigma, c.angle_sigma, c.angle_sigma]
        return np.diag(np.square([*sigmas, c.angle_sigma + turn])).ravel()

    def twist_covariance(self) -> Array:
        """Covariance (36,) of the velocity and the angular velocity of the footprint, row by row."""
        c = self._config
        return np.diag(np.square([c.velocity_sigma] * 3 + [c.yaw_rate_sigma] * 3)).ravel()
