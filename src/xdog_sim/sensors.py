"""The simulated IMU and encoders: delay, noise, constant errors."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Deque

import numpy as np

from xdog_sim.config import ImuConfig, LegsConfig

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class ImuSample:
    """stamp in s; orientation (4,) w, x, y, z; angular_velocity (3,) rad/s; linear_acceleration (3,) m/s^2."""

    stamp: float
    orientation: Array
    angular_velocity: Array
    linear_acceleration: Array


def turn_slightly(orientation: Array, rotation: Array) -> Array:
    """A quaternion w, x, y, z turned by a small rotation vector (3,) rad in its own frame; unit length."""
    w, x, y, z = orientation.tolist()
    a, b, c = (0.5 * rotation).tolist()
    turned = np.array(
        [w - x * a - y * b - z * c, x + w * a + y * c - z * b, y + w * b + z * a - x * c, z + w * c + x * b - y * a]
    )
    return turned / math.sqrt(turned @ turned)


class SimulatedImu:
    """Turns true samples into measured ones: late, biased and noisy."""

    def __init__(self, config: ImuConfig, random: np.random.Generator, first: ImuSample) -> None:
        self._config, self._random = config, random
        self._bias = random.uniform(-1.0, 1.0, 3) * config.gyro_bias
        self._waiting: Deque[ImuSample] = deque()
        self._shown = self._measure(first)

    def restart(self, sample: ImuSample) -> None:
        """Forget older samples and show this one."""
        self._waiting.clear()
        self._shown = self._measure(sample)

    def add(self, sample: ImuSample) -> None:
        """The truth at ``sample.stamp``; it is measured at once and shows after the delay."""
        self._waiting.append(self._measure(sample))

    def read(self, now: float) -> ImuSample:
        """What the IMU shows at ``now`` (s): the newest sample that is at least as old as the delay."""
        latest = now - self._config.delay + 1e-9
        while self._waiting and self._waiting[0].stamp <= latest:
            self._shown = self._waiting.popleft()
        return self._shown

    def _measure(self, sample: ImuSample) -> ImuSample:
        config, noise = self._config, self._random.standard_normal((3, 3))
        return ImuSample(
            stamp=sample.stamp,
            orientation=turn_slightly(sample.orientation, config.orientation_noise * noise[0]),
            angular_velocity=sample.angular_velocity + self._bias + config.gyro_noise * noise[1],
            linear_acceleration=sample.linear_acceleration + config.accelerometer_noise * noise[2],
        )


class SimulatedEncoders:
    """The leg actuators' own measurements."""

    def __init__(self, count: int, config: LegsConfig, random: np.random.Generator) -> None:
        self._random = random
        self._scale = np.array([[config.position_noise], [config.velocity_noise], [config.effort_noise]])
        self.offset = random.uniform(-1.0, 1.0, count) * config.encoder_offset
        """Constant error of each joint, (count,) rad: what the actuator's PD sees beyond the true angle."""

    def measure(self, position: Array, velocity: Array, effort: Array) -> Array:
        """Measured (3, count) position, velocity and effort from the true ones."""
        measured = self._scale * self._random.standard_normal((3, len(self.offset)))
        measured[0] += position
        measured[0] += self.offset
        measured[1] += velocity
        measured[2] += effort
        return measured
