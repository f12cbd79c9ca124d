"""The simulated IMU and encoders: delay, noise and constant errors."""

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


def apply_small_rotation(orientation: Array, rotation: Array) -> Array:
    """Rotate a quaternion w, x, y, z by a small rotation vector (3,) rad in its own frame; unit length."""
    w, x, y, z = orientation.tolist()
    a, b, c = (0.5 * rotation).tolist()
    turned = np.array(
        [w - x * a - y * b - z * c, x + w * a + y * c - z * b, y + w * b + z * a - x * c, z + w * c + x * b - y * a]
    )
    return turned / math.sqrt(turned @ turned)


class SimulatedImu:
    """Turns ground truth into measurements with delay, bias and noise."""

    def __init__(self, config: ImuConfig, random: np.random.Generator, first: ImuSample) -> None:
        self._config, self._random = config, random
        self._bias = random.uniform(-1.0, 1.0, 3) * config.gyro_bias
        self._waiting: Deque[ImuSample] = deque()
        self._output = self._measure(first)

    def restart(self, sample: ImuSample) -> None:
        """Discard pending samples and output this one."""
        self._waiting.clear()
        self._output = self._measure(sample)

    def add(self, sample: ImuSample) -> None:
        """Add ground truth at ``sample.stamp``; `read` returns its measurement after the delay."""
        self._waiting.append(self._measure(sample))

    def read(self, now: float) -> ImuSample:
        """The measurement at ``now`` (s): that of the latest sample that is at least as old as the delay."""
        latest = now - self._config.delay + 1e-9
        while self._waiting and self._waiting[0].stamp <= latest:
            self._output = self._waiting.popleft()
        return self._output

    def _measure(self, sample: ImuSample) -> ImuSample:
        config, noise = self._config, self._random.standard_normal((3, 3))
        return ImuSample(
            stamp=sample.stamp,
            orientation=apply_small_rotation(sample.orientation, config.orientation_noise * noise[0]),
            angular_velocity=sample.angular_velocity + self._bias + config.gyro_noise * noise[1],
            linear_acceleration=sample.linear_acceleration + config.accelerometer_noise * noise[2],
        )


class SimulatedEncoders:
    """The measurements of the leg actuators: position, velocity and effort."""

    def __init__(self, count: int, config: LegsConfig, random: np.random.Generator) -> None:
        self._random = random
        self._scale = np.array([[config.position_noise], [config.velocity_noise], [config.effort_noise]])
        self.offset = random.uniform(-1.0, 1.0, count) * config.encoder_offset
        """Constant error of each joint, measured minus true angle, (count,) rad. The PD control is affected, too."""

    def measure(self, position: Array, velocity: Array, effort: Array) -> Array:
        """Measured position, velocity and effort, (3, count), from the true values."""
        measured = self._scale * self._random.standard_normal((3, len(self.offset)))
        measured[0] += position
        measured[0] += self.offset
        measured[1] += velocity
        measured[2] += effort
        return measured
