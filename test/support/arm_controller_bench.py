"""An arm controller in front of ideal servos, for unit tests."""

from typing import Any, Dict, List, Optional

import numpy as np

from xdog.arm.config import load_arm_config
from xdog.arm.controller import ArmController
from xdog.arm.motions import ArmMeasurement, Motion
from xdog.arm.trajectory import Goal, Point
from xdog.core.description import load_description

Array = np.ndarray
ROBOT = load_description()
CONFIG = load_arm_config(ROBOT)
ARM = ROBOT.arm
STOW, HOME = ARM.poses["stow"], ARM.poses["home"]
FIVE = ARM.names[:5]
STAND = ROBOT.legs.poses["stand"]
PERIOD = 0.02
STIFFNESS, STALL_TORQUE = 20.0, 1.4
"""Nm/rad and Nm of a servo that is blocked."""
NEAR_HOME = [0.3, 0.2, -0.2, 0.1, 0.4]
INTO_TRUNK = [-1.5, 1.2, 0.2, 1.2, 0.0]


class ControllerBench:
    """A controller with ideal servos: they go where they were sent in one period, unless no_torque or blocked."""

    def __init__(self, pose: Array = HOME) -> None:
        self.controller = ArmController(ROBOT, CONFIG)
        self.position, self.speed, self.effort = pose.copy(), np.zeros(6), np.zeros(6)
        self.now = 1.0
        self.sent: List[Optional[Array]] = []
        self.allowed, self.reason = True, ""
        self.legs = STAND.copy()
        self.start = pose.copy()
        self.friction = 0.0
        """Nm for every rad/s, which the servos show as effort while they move."""
        self.noise = 0.0
        """Of the measured velocity, rad/s: up in one period, down in the next."""
        self.no_torque = False
        self.blocked: Dict[int, float] = {}
        self.run(2 * PERIOD)  # a heartbeat counts from the first measurement on

    def step(self) -> None:
        self.controller.on_safety(self.now, self.allowed, self.reason)
        self.noise = -self.noise
        measured = ArmMeasurement(self.now, self.position.copy(), self.speed + self.noise, self.effort.copy())
        goal = self.controller.step(measured, self.legs)
        self.sent.append(goal)
        before = self.position
        if goal is not None and not self.no_torque:
            self.position = goal.copy()
            for joint, least in self.blocked.items():
                self.position[joint] = max(goal[joint], least)
            pushing = np.minimum(STIFFNESS * np.abs(goal - self.position), STALL_TORQUE)
            moving = self.friction * np.abs(self.position - before) / PERIOD
            self.effort = np.where(pushing > 1e-9, pushing, moving)
        self.speed = (self.position - before) / PERIOD
        self.now += PERIOD

    @property
    def path(self) -> Array:
        """All commands, (k, 6) rad, with the last one repeated where nothing was sent."""
        commands = [self.start]
        for goal in self.sent:
            commands.append(commands[-1] if goal is None else goal)
        return np.array(commands)

    def assert_smooth(self) -> None:
        """Commands kept the limits of speed and acceleration, from and to rest, and the joints' own limits."""
        path, limits = self.path, CONFIG.motion
        speeds = np.diff(path, axis=0, prepend=path[:1]) / PERIOD
        assert np.abs(speeds).max() <= limits.max_speed + 1e-6
        assert np.abs(np.diff(speeds, axis=0)).max() <= limits.max_acceleration * PERIOD + 1e-6
        assert np.all((path >= ARM.lower - 1e-9) & (path <= ARM.upper + 1e-9))

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / PERIOD)):
            self.step()

    def finish(self, motion: Motion, limit: float = 10.0) -> Any:
        for _ in range(round(limit / PERIOD)):
            if motion.outcome:
                return motion.outcome
            self.step()
        raise AssertionError(f"still {self.controller.state} after {limit} s")

    @property
    def silent(self) -> bool:
        return self.sent[-1] is None

    def follow(self, positions: Any, time: float = 1.0, **more: Any) -> Motion:
        return self.controller.follow(Goal(FIVE, [Point(time, positions)], **more))
